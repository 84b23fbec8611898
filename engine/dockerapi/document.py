"""Reading JSON that somebody else wrote: typed look-ups that never raise, and newline-delimited streams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Self

from engine.errors import CorruptData

LINE_LIMIT = 64 * 1024 * 1024
"""The longest JSON document of a stream that is read; a peer that sends more is broken or hostile."""


class Document:
    """A JSON object whose fields are asked for by the type they should have; anything else reads as empty."""

    __slots__ = ("_fields",)

    def __init__(self, value: object) -> None:
        self._fields: dict[str, Any] = value if isinstance(value, dict) else {}

    def __contains__(self, key: str) -> bool:
        return self._fields.get(key) is not None

    def given(self, key: str) -> bool:
        """It is there, and neither empty, nor 0, nor false."""
        return bool(self._fields.get(key))

    def text(self, key: str, default: str = "") -> str:
        """A string; numbers are spelled out."""
        value = self._fields.get(key)
        if isinstance(value, str):
            return value
        return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default

    def integer(self, key: str, default: int = 0) -> int:
        """An integer; also one that was sent as text or as a float."""
        value = self._fields.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return int(value) if abs(value) < 1 << 65 else default
        if isinstance(value, str) and value.removeprefix("-").isdecimal():
            return int(value[:40])
        return default

    def flag(self, key: str) -> bool:
        """A boolean; ``False`` unless it is ``true``."""
        return self._fields.get(key) is True

    def texts(self, key: str) -> tuple[str, ...]:
        """The strings of an array."""
        return self.texts_or_none(key) or ()

    def texts_or_none(self, key: str) -> tuple[str, ...] | None:
        """The strings of an array; one string is an array of one; ``None`` when there is none."""
        value = self._fields.get(key)
        if isinstance(value, str):
            return (value,)
        return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else None

    def integers(self, key: str) -> tuple[int, ...]:
        """The integers of an array."""
        value = self._fields.get(key)
        return tuple(item for item in value if isinstance(item, int)) if isinstance(value, list) else ()

    def pairs(self, key: str) -> dict[str, str]:
        """An object of strings."""
        value = self._fields.get(key)
        return {name: str(item) for name, item in value.items() if item is not None} if isinstance(value, dict) else {}

    def names(self, key: str) -> tuple[str, ...]:
        """The keys of an object (Docker's sets, such as ``ExposedPorts``), or the strings of an array."""
        value = self._fields.get(key)
        return tuple(value) if isinstance(value, dict) else self.texts(key)

    def document(self, key: str) -> Self:
        """A nested object."""
        return type(self)(self._fields.get(key))

    def documents(self, key: str) -> list[Self]:
        """The objects of an array."""
        return self._all(self._fields.get(key))

    def rows(self, key: str) -> tuple[tuple[str, ...], ...]:
        """An array of arrays of texts."""
        value = self._fields.get(key)
        rows = value if isinstance(value, list) else []
        return tuple(tuple(map(str, row)) for row in rows if isinstance(row, list))

    def members(self, key: str) -> list[tuple[str, Self]]:
        """The names and objects of an object of objects."""
        value = self._fields.get(key)
        return [(name, type(self)(item)) for name, item in value.items()] if isinstance(value, dict) else []

    def lists(self, key: str) -> list[tuple[str, list[Self]]]:
        """The names and arrays of an object of arrays of objects (``NetworkSettings.Ports``)."""
        value = self._fields.get(key)
        return [(name, self._all(item)) for name, item in value.items()] if isinstance(value, dict) else []

    def _all(self, value: object) -> list[Self]:
        return [type(self)(item) for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def documents(value: object) -> list[Document]:
    """The objects of what should be an array."""
    return [Document(item) for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def load(body: bytes) -> Any:
    """Parse an answer.

    Raises:
        CorruptData: it is not JSON.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise CorruptData(f"the engine's answer is not JSON: {error}", hint="is this address a Docker Engine API?") from error


def load_document(body: bytes) -> Document:
    """Parse an answer that is an object."""
    return Document(load(body))


def load_documents(body: bytes) -> list[Document]:
    """Parse an answer that is an array of objects."""
    return documents(load(body))


class Lines:
    """Cuts a stream of JSON objects, one a line, out of chunks that are split anywhere."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Document]:
        """The objects that ``chunk`` completes.

        Raises:
            CorruptData: a line is not JSON, or longer than :data:`LINE_LIMIT`.
        """
        self._rest += chunk
        if b"\n" not in chunk:
            if len(self._rest) > LINE_LIMIT:
                raise CorruptData(f"a line of the engine's stream is longer than {LINE_LIMIT} bytes")
            return
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest
        for line in lines:
            if line.strip():
                yield load_document(bytes(line))

    def finish(self) -> Iterator[Document]:
        """The object after the last newline, if the stream ended without one."""
        rest, self._rest = bytes(self._rest), bytearray()
        if rest.strip():
            yield load_document(rest)
