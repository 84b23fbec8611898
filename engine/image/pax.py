"""PAX extended header records (POSIX.1-2017, pax, "pax Extended Header"): pure functions from bytes to values."""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64

from engine.errors import CorruptData

_NS = 1_000_000_000
_SCHILY = b"SCHILY.xattr."
_LIBARCHIVE = b"LIBARCHIVE.xattr."


def parse_records(data: bytes) -> list[tuple[bytes, bytes]]:
    """The ``(key, value)`` records of an extended header, in order; values may hold any byte.

    Raises:
        CorruptData: a record's length or form is wrong.
    """
    records: list[tuple[bytes, bytes]] = []
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + 21)
        digits = data[at:space] if space > at else b""
        end = at + int(digits) if digits.isdigit() else -1
        equals = data.find(b"=", space + 1, end - 1) if end > space else -1
        if not at < end <= len(data) or equals <= space + 1 or data[end - 1] != 0x0A:
            raise CorruptData("tar: malformed PAX record")
        records.append((data[space + 1 : equals], data[equals + 1 : end - 1]))
        at = end
    return records


def decimal(text: bytes) -> int:
    """A non-negative decimal number.

    Raises:
        CorruptData: it is none, or has more than 20 digits.
    """
    if not text.isdigit() or len(text) > 20:
        raise CorruptData(f"tar: {text[:32]!r} is not a number")
    return int(text)


def seconds(text: bytes) -> int:
    """A PAX time, ``[-]seconds[.fraction]``, in nanoseconds; digits beyond the ninth are dropped.

    Raises:
        CorruptData: it is none.
    """
    whole, _, fraction = text.partition(b".")
    negative = whole.startswith(b"-")
    value = decimal(whole.lstrip(b"-+") or b"0") * _NS
    if fraction:
        if not fraction.isdigit():
            raise CorruptData(f"tar: {text[:32]!r} is not a time")
        value += int(fraction[:9].ljust(9, b"0"))
    return -value if negative else value


def xattrs(records: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """The extended attributes among ``records``, of star's and of libarchive's spelling."""
    found = [(key[len(_SCHILY) :], value) for key, value in records.items() if key.startswith(_SCHILY)]
    for key, value in records.items():
        if key.startswith(_LIBARCHIVE):
            name = _unquote(key[len(_LIBARCHIVE) :])
            if _SCHILY + name not in records:
                try:
                    found.append((name, a2b_base64(value + b"=" * (-len(value) % 4))))
                except Base64Error as error:
                    raise CorruptData(f"tar: malformed extended attribute {name[:64]!r}") from error
    return found


def _unquote(name: bytes) -> bytes:
    head, *rest = name.split(b"%")
    out = bytearray(head)
    for part in rest:
        try:
            out.append(int(part[:2], 16))
        except ValueError as error:
            raise CorruptData(f"tar: malformed extended attribute name {name[:64]!r}") from error
        out += part[2:]
    return bytes(out)
