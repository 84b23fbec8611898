"""Docker's detach keys in what a person types (``docker attach --detach-keys``)."""

from __future__ import annotations

DETACH = b"\x10\x11"
"""ctrl-p ctrl-q, docker's default."""


class DetachKeys:
    """Finds the detach sequence in what is typed; a beginning of it is held back until it is clear what it is."""

    def __init__(self, sequence: bytes = DETACH) -> None:
        self._sequence = sequence
        self._matched = 0

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What goes on to the process, and whether the person leaves (the rest is dropped then)."""
        if not self._sequence:
            return data, False
        out = bytearray()
        for value in data:
            if value == self._sequence[self._matched]:
                self._matched += 1
                if self._matched == len(self._sequence):
                    self._matched = 0
                    return bytes(out), True
                continue
            out += self._sequence[: self._matched]
            self._matched = 0
            if value == self._sequence[0]:
                self._matched = 1
            else:
                out.append(value)
        return bytes(out), False
