"""Filters as the API takes them."""

from __future__ import annotations

import json

from engine.errors import InvalidArgument
from engine.model.filters import Filters
from engine.model.jsontext import mend
from engine.model.value import EMPTY


def encode(filters: Filters) -> str:
    """The ``filters`` parameter: ``{"key": ["value", …]}``, which every version and engine understands; ``""`` for none."""
    if not filters:
        return ""
    return json.dumps({key: list(values) for key, values in filters.items()}, separators=(",", ":"))


def decode(text: str) -> Filters:
    """The filters in a parameter: ``{"key": {"value": true}}``, or with a list as before API 1.22; ``""`` for none.

    Raises:
        InvalidArgument: it is neither.
    """
    if not text:
        return EMPTY
    try:
        given = json.loads(mend(text))
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"invalid filter: {error}") from None
    if not isinstance(given, dict):
        raise InvalidArgument("invalid filter: not an object")
    return {key: _values(key, values) for key, values in given.items()}


def _values(key: str, values: object) -> tuple[str, ...]:
    if isinstance(values, dict):
        return tuple(value for value, counts in values.items() if counts is True)
    if isinstance(values, list) and all(isinstance(value, str) for value in values):
        return tuple(values)
    raise InvalidArgument(f"invalid filter: '{key}' has no list of values")
