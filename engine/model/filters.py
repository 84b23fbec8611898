"""List filters: a key with the values of which one must match; all keys must match (docker's ``--filter``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.errors import InvalidArgument

Filters = Mapping[str, tuple[str, ...]]


def parse(pairs: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Filters from ``key=value`` texts.

    Raises:
        InvalidArgument: a text has no ``=`` or no key.
    """
    found: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        key = key.strip().lower()
        if not equals or not key:
            raise InvalidArgument(f'invalid argument "{pair}" for "-f, --filter" flag: bad format of filter (expected name=value)')
        found[key] = (*found.get(key, ()), value.strip())
    return found


def check(filters: Filters, known: Iterable[str]) -> None:
    """Refuse keys that the list does not know.

    Raises:
        InvalidArgument: with docker's words.
    """
    allowed = frozenset(known)
    for key in filters:
        if key not in allowed:
            raise InvalidArgument(f"invalid filter '{key}'")


def labels_match(filters: Filters, labels: Mapping[str, str]) -> bool:
    """Every ``label=key`` or ``label=key=value`` holds, and no ``label!`` does."""

    def has(wanted: str) -> bool:
        key, equals, value = wanted.partition("=")
        return key in labels and (not equals or labels[key] == value)

    return all(map(has, filters.get("label", ()))) and not any(map(has, filters.get("label!", ())))
