"""A classic BPF machine, as far as seccomp filters use it (``kernel/seccomp.c``, seccomp_check_filter)."""

from __future__ import annotations

import struct
from functools import lru_cache


@lru_cache(maxsize=64)
def _decode(program: bytes) -> list[tuple[int, int, int, int]]:
    return list(struct.iter_unpack("=HBBI", program))


def run(program: bytes, number: int, *args: int, arch: int = 0xC000003E) -> int:
    """What the filter returns for a system call."""
    mask = (1 << 64) - 1
    values = [value & mask for value in args] + [0] * (6 - len(args))
    data = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, arch, 0, *values)
    code = _decode(program)
    accumulator, at = 0, 0
    for _ in range(len(code)):
        op, jt, jf, k = code[at]
        at += 1
        if op == 0x20:
            accumulator = struct.unpack_from("=I", data, k)[0]
        elif op == 0x05:
            at += k
        elif op == 0x15:
            at += jt if accumulator == k else jf
        elif op == 0x25:
            at += jt if accumulator > k else jf
        elif op == 0x35:
            at += jt if accumulator >= k else jf
        elif op == 0x54:
            accumulator &= k
        elif op == 0x06:
            return int(k)
        else:
            raise AssertionError(f"instruction {op:#x}")
    raise AssertionError("the program does not end")
