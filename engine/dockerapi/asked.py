"""Bodies of requests, read without leniency: a limit that a client misspells must not read as no limit.

Types are checked as Go's decoder does it for dockerd; fields that nobody knows are passed over there too. So is the case of names
(``encoding/json``, Unmarshal: "preferring exact matches but also accepting case-insensitive matches"), of which clients make use.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Self

from engine.dockerapi.document import Document
from engine.errors import InvalidArgument

_MOST = 1 << 63


class _Folded(dict[str, Any]):
    """Fields by names in any case; of two that differ in it alone the last wins."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__((name.lower(), value) for name, value in fields.items())

    def __getitem__(self, key: str) -> Any:
        return super().__getitem__(key.lower())

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key.lower(), default)


class AskedDocument(Document):
    """A :class:`Document` whose look-ups raise InvalidArgument where a field is there and has another type; ``null`` is not there."""

    __slots__ = ()

    def __init__(self, value: object) -> None:
        super().__init__(value)
        self._fields = _Folded(self._fields)

    def text(self, key: str, default: str = "") -> str:
        """A string."""
        self._must(key, "a string", str)
        return super().text(key, default)

    def integer(self, key: str, default: int = 0) -> int:
        """A whole number of 64 bits."""
        self._must(key, "a whole number", int)
        if key in self and not -_MOST <= self._fields[key] < _MOST:
            raise _wrong(key, "a whole number of 64 bits", self._fields[key])
        return super().integer(key, default)

    def flag(self, key: str) -> bool:
        """A boolean."""
        self._must(key, "true or false", bool)
        return super().flag(key)

    def texts_or_none(self, key: str) -> tuple[str, ...] | None:
        """The strings of an array; one string is an array of one (moby's ``strslice``)."""
        self._must(key, "an array of strings", list, str)
        for item in self._fields[key] if isinstance(self._fields.get(key), list) else ():
            if not isinstance(item, str):
                raise _wrong(key, "an array of strings", item)
        return super().texts_or_none(key)

    def pairs(self, key: str) -> dict[str, str]:
        """An object of strings."""
        self._must(key, "an object of strings", dict)
        for item in (self._fields.get(key) or {}).values():
            if item is not None and not isinstance(item, str):
                raise _wrong(key, "an object of strings", item)
        return super().pairs(key)

    def names(self, key: str) -> tuple[str, ...]:
        """The keys of an object."""
        self._must(key, "an object", dict, list)
        return super().names(key)

    def document(self, key: str) -> Self:
        """A nested object."""
        self._must(key, "an object", dict)
        return super().document(key)

    def documents(self, key: str) -> list[Self]:
        """The objects of an array."""
        self._must(key, "an array of objects", list)
        self._objects(key, self._fields.get(key) or ())
        return super().documents(key)

    def members(self, key: str) -> list[tuple[str, Self]]:
        """The names and objects of an object of objects."""
        self._must(key, "an object of objects", dict)
        self._objects(key, (self._fields.get(key) or {}).values())
        return super().members(key)

    def lists(self, key: str) -> list[tuple[str, list[Self]]]:
        """The names and arrays of an object of arrays of objects."""
        self._must(key, "an object of arrays", dict)
        for items in (self._fields.get(key) or {}).values():
            if items is not None and not isinstance(items, list):
                raise _wrong(key, "an object of arrays", items)
            self._objects(key, items or ())
        return super().lists(key)

    def _objects(self, key: str, items: Iterable[object]) -> None:
        for item in items:
            if item is not None and not isinstance(item, dict):
                raise _wrong(key, "made of objects", item)

    def _must(self, key: str, kind: str, *types: type) -> None:
        value = self._fields.get(key)
        if value is not None and (not isinstance(value, types) or (isinstance(value, bool) and bool not in types)):
            raise _wrong(key, kind, value)


def _wrong(key: str, kind: str, value: object) -> InvalidArgument:
    return InvalidArgument(f"invalid JSON: {key} must be {kind}, not {json.dumps(value, ensure_ascii=False)[:100]}")
