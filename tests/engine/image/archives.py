"""Tar archives byte by byte: what a well-meaning library would refuse to write.

Nothing here uses the code under test.
"""

from __future__ import annotations

import gzip
import hashlib
from typing import Any

BLOCK = 512


def header(
    name: bytes,
    *,
    kind: bytes = b"0",
    size: int = 0,
    mode: int = 0o644,
    uid: int = 0,
    gid: int = 0,
    mtime: int = 1714564800,
    link: bytes = b"",
    major: int = 0,
    minor: int = 0,
    magic: bytes = b"ustar\x0000",
    fields: dict[int, bytes] | None = None,
    sum_signed: bool = False,
) -> bytes:
    """One header block. ``fields`` overwrites raw bytes by offset, before the checksum is made."""
    block = bytearray(BLOCK)

    def put(at: int, value: bytes) -> None:
        block[at : at + len(value)] = value

    put(0, name[:100])
    put(100, b"%07o\0" % mode)
    put(108, octal(uid, 8))
    put(116, octal(gid, 8))
    put(124, octal(size, 12))
    put(136, octal(mtime, 12))
    put(156, kind)
    put(157, link[:100])
    put(257, magic)
    put(329, octal(major, 8))
    put(337, octal(minor, 8))
    for at, value in (fields or {}).items():
        put(at, value)
    put(148, b" " * 8)
    total = sum(byte - 256 if sum_signed and byte > 127 else byte for byte in block)
    put(148, b"%06o\0 " % total)
    return bytes(block)


def octal(value: int, width: int) -> bytes:
    """A number field: octal where it fits, else base-256."""
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    return base256(value, width)


def base256(value: int, width: int) -> bytes:
    """GNU's binary number field."""
    raw = bytearray((value % (1 << (8 * width))).to_bytes(width, "big"))
    raw[0] |= 0x80
    return bytes(raw)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def record(key: bytes, value: bytes) -> bytes:
    """A PAX record with its own length in front."""
    body = b" " + key + b"=" + value + b"\n"
    length = len(body) + 1
    while len(b"%d" % length) + len(body) != length:
        length = len(b"%d" % length) + len(body)
    return b"%d" % length + body


class Archive:
    """A tar being written; every method gives the archive, so that calls chain."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def raw(self, data: bytes) -> Archive:
        self.parts.append(data)
        return self

    def entry(self, name: bytes | str, kind: bytes, data: bytes = b"", **more: Any) -> Archive:
        pax = more.pop("pax", None)
        name = name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name
        link = more.pop("link", b"")
        target = link.encode("utf-8", "surrogateescape") if isinstance(link, str) else link
        records: dict[bytes, bytes] = dict(pax) if isinstance(pax, dict) else {}
        if len(name) > 100:
            records.setdefault(b"path", name)
        if len(target) > 100:
            records.setdefault(b"linkpath", target)
        if records:
            self.pax(records)
        more.setdefault("size", len(data))
        self.parts.append(header(name, kind=kind, link=target, **more) + padded(data))
        return self

    def pax(self, records: dict[bytes, bytes], kind: bytes = b"x") -> Archive:
        data = b"".join(record(key, value) for key, value in records.items())
        self.parts.append(header(b"PaxHeaders/x", kind=kind, size=len(data)) + padded(data))
        return self

    def file(self, name: bytes | str, data: bytes = b"", **more: Any) -> Archive:
        return self.entry(name, b"0", data, **more)

    def directory(self, name: bytes | str, **more: Any) -> Archive:
        more.setdefault("mode", 0o755)
        return self.entry(name, b"5", **more)

    def symlink(self, name: bytes | str, target: bytes | str, **more: Any) -> Archive:
        return self.entry(name, b"2", link=target, **more)

    def hardlink(self, name: bytes | str, target: bytes | str, **more: Any) -> Archive:
        return self.entry(name, b"1", link=target, **more)

    def device(self, name: bytes | str, kind: bytes, major: int, minor: int, **more: Any) -> Archive:
        return self.entry(name, kind, major=major, minor=minor, **more)

    def whiteout(self, path: str) -> Archive:
        above, _, name = path.rpartition("/")
        return self.file(f"{above}/.wh.{name}" if above else f".wh.{name}")

    def opaque(self, path: str) -> Archive:
        return self.file(f"{path}/.wh..wh..opq" if path else ".wh..wh..opq")

    def bytes(self) -> bytes:
        return b"".join(self.parts) + bytes(2 * BLOCK)


def diff_id(tar: bytes) -> str:
    return "sha256:" + hashlib.sha256(tar).hexdigest()


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


def pieces(data: bytes, size: int = 65536) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]
