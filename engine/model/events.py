"""Engine events, with Docker's types, actions and attributes."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import InvalidArgument
from engine.model.filters import check
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


FILTER_KEYS = (
    *("config", "container", "daemon", "event", "image", "label", "network"),
    *("node", "plugin", "scope", "secret", "service", "type", "volume"),
)


class EventQuery(Value):
    """Which events. Without ``until`` the stream never ends; filters are those of :mod:`engine.model.filters`."""

    since: int | None = None
    until: int | None = None
    filters: Mapping[str, tuple[str, ...]] = EMPTY

    def check(self) -> None:
        """Refuse what makes no sense.

        Raises:
            InvalidArgument: a filter is unknown, or ``since`` is after ``until``.
        """
        check(self.filters, FILTER_KEYS)
        if self.since is not None and self.until is not None and self.since > self.until:
            raise InvalidArgument("`since` time cannot be after `until` time")
