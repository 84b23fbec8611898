"""Which devices a control group may use: a list of allow rules on v1, an eBPF program on v2.

OCI gives an ordered list of allows and denies. It is flattened into allows only, as runc's emulator does: permissions are merged for each
(type, major, minor), a deny takes away what it covers, and a deny that would punch a hole into a wildcard is an error.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from engine.linux import syscalls
from engine.model.value import Value

_PROG_LOAD, _PROG_ATTACH = 5, 8
_PROG_TYPE_CGROUP_DEVICE = 15
_ATTACH_DEVICE = 6
_ALLOW_MULTI = 2
_ACCESS = {"m": 1, "r": 2, "w": 4}
_TYPES = {"b": 1, "c": 2}
_LOAD_TRIES = 5


class DeviceRule(Value):
    """One allowed device. ``kind`` is ``a``, ``b`` or ``c``; -1 is any number; ``str()`` is the v1 spelling."""

    kind: str
    major: int = -1
    minor: int = -1
    access: str = "rwm"

    def __str__(self) -> str:
        numbers = ":".join("*" if number < 0 else str(number) for number in (self.major, self.minor))
        return f"{self.kind} {numbers} {self.access}"


EVERYTHING: tuple[DeviceRule, ...] = (DeviceRule(kind="a"),)


def _number(value: Any) -> int:
    return -1 if value is None else int(value)


def flatten(rules: Sequence[Mapping[str, Any]]) -> tuple[DeviceRule, ...]:
    """OCI ``linux.resources.devices`` as allow rules; without rules, or when everything is allowed, :data:`EVERYTHING`.

    Raises:
        ValueError: a deny would punch a hole into a wildcard allow.
    """
    everything = True
    allowed: dict[tuple[str, int, int], str] = {}
    for rule in rules:
        kind, access = rule.get("type") or "a", rule.get("access") or "rwm"
        major, minor = _number(rule.get("major")), _number(rule.get("minor"))
        kinds = ("b", "c") if kind == "a" else (kind,)
        if kind == "a" and major < 0 and minor < 0 and set(access) >= set("rwm"):
            everything, allowed = bool(rule.get("allow")), {}
        elif rule.get("allow"):
            for each in kinds if not everything else ():
                have = allowed.get((each, major, minor), "")
                allowed[each, major, minor] = "".join(letter for letter in "rwm" if letter in have or letter in access)
        elif everything:
            raise ValueError(f"can not deny {kind} {major}:{minor} where every device is allowed")
        else:
            _deny(allowed, kinds, major, minor, access)
    if everything:
        return EVERYTHING
    return tuple(DeviceRule(kind=key[0], major=key[1], minor=key[2], access=value) for key, value in allowed.items())


def _deny(allowed: dict[tuple[str, int, int], str], kinds: Sequence[str], major: int, minor: int, access: str) -> None:
    for key, have in list(allowed.items()):
        kind, its_major, its_minor = key
        if kind not in kinds or not set(have) & set(access):
            continue
        covered = major in (-1, its_major) and minor in (-1, its_minor)
        touches = (its_major in (-1, major) or major < 0) and (its_minor in (-1, minor) or minor < 0)
        if covered:
            left = "".join(letter for letter in have if letter not in access)
            if left:
                allowed[key] = left
            else:
                del allowed[key]
        elif touches:
            raise ValueError(f"can not deny {kind} {major}:{minor} inside the wildcard {kind} {its_major}:{its_minor}")


def _instruction(code: int, dst: int = 0, src: int = 0, off: int = 0, imm: int = 0) -> bytes:
    return struct.pack("=BBhi", code, src << 4 | dst, off, imm)


_EXIT = _instruction(0x95)


def _mov(dst: int, value: int) -> bytes:
    return _instruction(0xB4, dst, imm=value)


def _unless(code: int, register: int, value: int, skip: int, *, src: int = 0) -> bytes:
    """Skip ``skip`` instructions unless ``register`` equals ``value`` (or register ``src``)."""
    return _instruction(code, register, src, skip, value)


def program(rules: Sequence[DeviceRule]) -> bytes:
    """The eBPF instructions that answer 1 for an access that one of ``rules`` covers wholly, else 0.

    The context is ``struct bpf_cgroup_dev_ctx``: u32 access_type (low half the type, high half the access), major, minor.
    """
    code = [
        _instruction(0x61, 2, 1, 0),  # r2 = access_type
        _instruction(0x54, 2, imm=0xFFFF),  # r2 &= 0xffff: device type
        _instruction(0x61, 3, 1, 0),  # r3 = access_type
        _instruction(0x74, 3, imm=16),  # r3 >>= 16: access
        _instruction(0x61, 4, 1, 4),  # r4 = major
        _instruction(0x61, 5, 1, 8),  # r5 = minor
    ]
    for rule in rules:
        code.append(_block(rule))
    return b"".join([*code, _mov(0, 0), _EXIT])


def _block(rule: DeviceRule) -> bytes:
    tests: list[tuple[str, int, int]] = []
    if rule.kind in _TYPES:
        tests.append(("equal", 2, _TYPES[rule.kind]))
    access = sum(_ACCESS[letter] for letter in set(rule.access))
    if access != 7:
        tests.append(("access", 3, access))
    if rule.major >= 0:
        tests.append(("equal", 4, rule.major))
    if rule.minor >= 0:
        tests.append(("equal", 5, rule.minor))
    body = [_mov(0, 1), _EXIT]
    for kind, register, value in reversed(tests):
        if kind == "equal":
            body.insert(0, _unless(0x56, register, value, len(body)))  # jne32
        else:
            masked = [_instruction(0xBC, 1, register), _instruction(0x54, 1, imm=value)]  # r1 = access & allowed
            body = [*masked, _unless(0x5E, 1, 0, len(body), src=register), *body]
    return b"".join(body)


def load(code: bytes) -> int:
    """Load a device program: its descriptor. Raises OSError with the verifier's words in ``strerror``."""
    instructions = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(b"Apache")
    log = ctypes.create_string_buffer(1 << 14)
    attributes = struct.pack(
        "=IIQQIIQI",
        _PROG_TYPE_CGROUP_DEVICE,
        len(code) // 8,
        ctypes.addressof(instructions),
        ctypes.addressof(licence),
        1,
        len(log),
        ctypes.addressof(log),
        0,
    )
    for attempt in range(_LOAD_TRIES):
        try:
            return syscalls.bpf(_PROG_LOAD, attributes)
        except OSError as error:
            if error.errno != errno.EAGAIN or attempt == _LOAD_TRIES - 1:
                said = log.value.decode("ascii", "replace").strip()
                raise OSError(error.errno, f"{error.strerror}{': ' + said if said else ''}", "device program") from None
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), "device program")


def apply_v2(directory: str, rules: Sequence[Mapping[str, Any]]) -> None:
    """Attach a program for OCI ``rules`` to the v2 group at ``directory``; the kernel frees it with the group.

    Raises:
        OSError: the program was refused. (Where everything is allowed none is needed.)
    """
    allowed = flatten(rules)
    if allowed == EVERYTHING:
        return
    fd = load(program(allowed))
    try:
        group = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            syscalls.bpf(_PROG_ATTACH, struct.pack("=IIII", group, fd, _ATTACH_DEVICE, _ALLOW_MULTI))
        finally:
            os.close(group)
    finally:
        os.close(fd)
