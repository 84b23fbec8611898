"""Engine events, with Docker's types, actions and attributes."""

from __future__ import annotations

from collections.abc import Mapping

from engine.model.value import EMPTY, Value


class Event(Value):
    """Something happened.

    Attributes:
        kind: ``container``, ``image``, ``network``, ``volume`` or ``daemon``.
        action: docker's word: ``create``, ``start``, ``die``, ``pull``, …
        id: the object's id, for images the reference, for volumes the name.
        time: nanoseconds since the epoch.
    """

    kind: str
    action: str
    id: str
    time: int
    attributes: Mapping[str, str] = EMPTY


class EventQuery(Value):
    """Which events. Without ``until`` the stream never ends; filters are those of :mod:`engine.model.filters`."""

    since: int | None = None
    until: int | None = None
    filters: Mapping[str, tuple[str, ...]] = EMPTY
