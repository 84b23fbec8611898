"""Filters as the API takes them."""

from __future__ import annotations

import json

from engine.model.filters import Filters


def encode(filters: Filters) -> str:
    """The ``filters`` parameter: ``{"key": ["value", …]}``, which every version and engine understands."""
    return json.dumps({key: list(values) for key, values in filters.items()}, separators=(",", ":"))
