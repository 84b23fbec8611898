"""``Value``: the base of every value that crosses a package border.

A value is frozen, keyword-only and compared by content, as ``@dataclass(frozen=True, kw_only=True)`` would make it. We
do not use :mod:`dataclasses` because importing it costs 35 to 45 ms (it pulls in ``inspect``, ``ast`` and ``dis``) and every
decorated class another 0.5 ms: more than all else that a short verb such as ``longshore ps`` does. ``dataclass_transform``
(PEP 681) makes type checkers treat it the same.

An instance holds what it was given; defaults stay with the class. Most values have many fields and few that differ, and lists are
made of thousands of them: so they cost a sixth of the time, and less memory, than with a slot for each field. A class
whose fields all have to be given has slots.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self, dataclass_transform

EMPTY: Mapping[str, Any] = MappingProxyType({})
"""The default for mappings; immutable, so that instances can share it."""

_MISSING = object()


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=True)
class _ValueType(type):
    _slotted: bool
    _plain: bool
    _fields: dict[str, Any]

    def __new__(mcs, name: str, bases: tuple[type, ...], space: dict[str, Any]) -> _ValueType:
        own = [key for key in space.get("__annotations__", ()) if not key.startswith("_")]
        fields: dict[str, Any] = {}
        for base in reversed(bases):
            fields.update(getattr(base, "_fields", {}))
        fields.update((key, space.get(key, _MISSING)) for key in own)
        space["_fields"] = fields
        space["_known"] = frozenset(fields)
        space["_required"] = tuple(key for key, default in fields.items() if default is _MISSING)
        dictless = all(base._slotted for base in bases if isinstance(base, _ValueType))
        space["_slotted"] = dictless and all(key not in space for key in own)
        # A slot of a base class would hide what lies in the dictionary under its name.
        space["_plain"] = not space["_slotted"] and all(base._plain or not base._fields for base in bases if isinstance(base, _ValueType))
        space["__slots__"] = tuple(own) if space["_slotted"] else ("__dict__",) if dictless else ()
        return super().__new__(mcs, name, bases, space)


class Value(metaclass=_ValueType):
    """A frozen record. Subclasses annotate their fields and may give immutable defaults.

    Raises:
        TypeError: a field is missing or unknown.
        AttributeError: somebody tries to change a field.
    """

    _fields: ClassVar[dict[str, Any]]
    _known: ClassVar[frozenset[str]]
    _required: ClassVar[tuple[str, ...]]

    def __init__(self, **given: Any) -> None:
        kind = type(self)
        for name in kind._required:
            if name not in given:
                raise TypeError(f"{kind.__name__} needs {name}")
        if not kind._known.issuperset(given):
            raise TypeError(f"{kind.__name__} has no field {', '.join(name for name in given if name not in kind._fields)}")
        if kind._plain:
            self.__dict__.update(given)
            return
        for name, value in given.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} is read-only")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} is read-only")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value) or type(other) is not type(self):
            return False
        return all(mine == theirs for mine, theirs in zip(self._values(), other._values(), strict=True))

    def __hash__(self) -> int:
        return hash((type(self), *map(_hashable, self._values())))

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.fields())
        return f"{type(self).__name__}({inside})"

    def _values(self) -> Iterator[Any]:
        return (getattr(self, name) for name in type(self)._fields)

    def fields(self) -> Iterator[tuple[str, Any]]:
        """Field names with their values, in the order of declaration."""
        return ((name, getattr(self, name)) for name in type(self)._fields)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed.

        Raises:
            TypeError: a change names no field.
        """
        return type(self)(**{**dict(self.fields()), **changes})


def _hashable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple(sorted((key, _hashable(item)) for key, item in value.items()))
    if isinstance(value, (list, tuple)):
        return tuple(map(_hashable, value))
    return value
