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


def boolean(filters: Filters, key: str) -> bool | None:
    """A filter that is true or false; ``None`` when it is not given.

    Source: moby ``api/types/filters`` (``GetBoolOrDefault``).

    Raises:
        InvalidArgument: it is neither, or both (docker's words).
    """
    if key not in filters:
        return None
    values = filters[key]
    true, false = ("1" in values or "true" in values), ("0" in values or "false" in values)
    if true == false:
        raise InvalidArgument(f"invalid filter '{key}=[{' '.join(values)}]'")
    return true


def deadline(filters: Filters) -> float | None:
    """Seconds since the epoch of ``until``: a time, or a duration back from now.

    Raises:
        InvalidArgument: it is neither, or given more than once.
    """
    values = filters.get("until", ())
    if not values:
        return None
    if len(values) > 1:
        raise InvalidArgument("more than one until filter specified")
    from engine.model.units import parse_moment

    try:
        return parse_moment(values[0]) / 1e9
    except (InvalidArgument, ValueError, OverflowError):
        raise InvalidArgument(f'failed to parse value as time or duration: "{values[0]}"') from None


def labels_match(filters: Filters, labels: Mapping[str, str]) -> bool:
    """Every ``label=key`` or ``label=key=value`` holds, and no ``label!`` does."""

    def has(wanted: str) -> bool:
        key, equals, value = wanted.partition("=")
        return key in labels and (not equals or labels[key] == value)

    return all(map(has, filters.get("label", ()))) and not any(map(has, filters.get("label!", ())))
