"""The key sequence that leaves an attached process: ``ctrl-p,ctrl-q`` unless somebody chooses another."""

from __future__ import annotations

from engine.errors import InvalidArgument

DETACH_KEYS = "ctrl-p,ctrl-q"


def parse_keys(text: str) -> bytes:
    """The bytes of a key sequence such as ``ctrl-p,ctrl-q`` or ``a``.

    Raises:
        InvalidArgument: ``Unknown character: '…'``.
    """
    found = bytearray()
    for key in text.split(","):
        if len(key) == 1 and key.isascii():
            found += key.encode()
        elif key.startswith("ctrl-") and len(key) == 6 and key[5].isascii() and (key[5].isalpha() or key[5] in "@[\\]^_"):
            found.append(ord(key[5].upper()) & 0x1F)
        else:
            raise InvalidArgument(f"invalid detach keys ({text}): Unknown character: '{key}'")
    return bytes(found)


class Detacher:
    """Finds the detach sequence in typed input, also when it is split over reads."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._seen = 0

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """The bytes to pass on, and whether the sequence is complete."""
        out = bytearray()
        for byte in data:
            if byte == self._keys[self._seen]:
                self._seen += 1
                if self._seen == len(self._keys):
                    return bytes(out), True
                continue
            out += self._keys[: self._seen]
            self._seen = 1 if byte == self._keys[0] else 0
            if not self._seen:
                out.append(byte)
        return bytes(out), False
