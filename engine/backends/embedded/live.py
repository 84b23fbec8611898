"""Blocking sources that go on: statistics of a container, and events."""

from __future__ import annotations

import math
import time
from _thread import allocate_lock
from collections import deque

from engine.backends.embedded.core import Core
from engine.errors import NotFound
from engine.model import filters as filtering
from engine.model.events import Event, EventQuery
from engine.model.stats import Stats
from engine.store import events
from engine.store.bell import Bell, wait_readable
from engine.store.cancel import Cancel

_INTERVAL = 1.0


def next_due(now: float) -> float:
    """When a stream samples next: the whole second of the monotonic clock nearest to a second from now.

    So the streams of all containers are due together, and who follows many of them is woken once a second for all.
    """
    return math.floor(now / _INTERVAL + 1.5) * _INTERVAL


class StatsSource:
    """A sample a second. Without ``stream`` one, which has a predecessor; zeros when the container does not run."""

    def __init__(self, core: Core, container: str, *, stream: bool) -> None:
        self._core = core
        self._id = core.containers.resolve(container).id
        self._stream = stream
        self._before: Stats | None = None
        self._due = 0.0
        self._done = False
        self._cancel = Cancel()
        self._lock = allocate_lock()

    @property
    def due(self) -> float:
        """When the next sample is to be taken."""
        return self._due

    def next(self) -> Stats | None:
        """The next sample. The stream ends when the container is removed."""
        with self._lock:
            found = None if self._done else self._next()
            if found is None or not self._stream:
                self._end()
            return found

    def take(self) -> Stats | None:
        """The sample that is due; nothing is waited for."""
        with self._lock:
            found = None if self._done else self._step()
            if found is None:
                self._end()
            return found

    def _next(self) -> Stats | None:
        while self._pause():
            first = self._before is None
            now = self._step()
            if now is None or self._stream or not first or not now.system_total:
                return now
        return None

    def _pause(self) -> bool:
        """Wait until the next sample is due; false when it was cancelled."""
        wait = self._due - time.monotonic()
        return not (wait > 0 and wait_readable((self._cancel.fd,), wait)) and not self._cancel.is_set

    def _step(self) -> Stats | None:
        now = time.monotonic()
        self._due = next_due(now) if self._stream else now + _INTERVAL
        self._before = self._sample()
        return self._before

    def _sample(self) -> Stats | None:
        from engine.metrics.sample import sample

        try:
            return sample(self._core.containers.get(self._id), self._before)
        except NotFound:
            return None

    def close(self) -> None:
        """Cancel."""
        self._done = True
        self._cancel.set()
        with self._lock:
            self._cancel.close()

    def _end(self) -> None:
        self._done = True
        self._cancel.close()


class EventSource:
    """Events in order: those since ``query.since`` first, then new ones until ``query.until``."""

    def __init__(self, core: Core, query: EventQuery) -> None:
        query.check()
        self._core = core
        self._query = query
        self._lock = allocate_lock()
        self._ready: deque[Event] = deque()
        self._done = False
        self._cancel = Cancel()
        try:
            self._bell = Bell(core.roots)  # before the first look, so that nothing falls in between
        except BaseException:
            self._cancel.close()
            raise
        try:
            self._last = events.last(core.database)
            if query.since is not None:
                self._take(events.since(core.database, 0))
        except BaseException:
            self._release()
            raise

    def next(self) -> Event | None:
        """The next event."""
        with self._lock:
            while not self._ready and not self._done and not self._cancel.is_set:
                late = self._expired()
                self._take(events.since(self._core.database, self._last))
                if self._ready:
                    break
                if late:
                    self._done = True
                else:
                    self._bell.wait(self._patience(), self._cancel.fd)
            if self._ready and not self._cancel.is_set:
                return self._ready.popleft()
            self._release()
            return None

    def close(self) -> None:
        """Cancel."""
        self._cancel.set()
        with self._lock:
            self._release()

    def _expired(self) -> bool:
        return self._query.until is not None and time.time_ns() > self._query.until

    def _patience(self) -> float | None:
        return None if self._query.until is None else max(0.0, (self._query.until - time.time_ns()) / 1e9) + 0.001

    def _take(self, found: list[tuple[int, Event]]) -> None:
        for number, event in found:
            self._last = max(self._last, number)
            after = self._query.since is None or event.time >= self._query.since
            before = self._query.until is None or event.time <= self._query.until
            if after and before and matches(event, self._query.filters):
                self._ready.append(event)

    def _release(self) -> None:
        self._done = True
        self._bell.close()
        self._cancel.close()


def matches(event: Event, filters: filtering.Filters) -> bool:
    """Docker's event filters: of one key any value, of different keys all (moby ``daemon/events/filter.go``)."""
    name = event.attributes.get("name", "")
    for key, values in filters.items():
        match key:
            case "type":
                fits = event.kind in values
            case "event":
                fits = event.action in values or event.action.partition(":")[0] in values
            case "container" | "network" | "volume":
                fits = _named(event, key, values, name)
            case "image":
                fits = _image(event, values, name)
            case "scope":
                fits = "local" in values
            case "label":
                fits = filtering.labels_match({"label": values}, event.attributes)
            case _:
                fits = key == event.kind
        if not fits:
            return False
    return True


def _named(event: Event, kind: str, values: tuple[str, ...], name: str) -> bool:
    if event.kind == kind:
        return any(value in (event.id, name) or event.id.startswith(value) for value in values)
    other = event.attributes.get(kind, "")
    return bool(other) and any(other.startswith(value) for value in values)


def _image(event: Event, values: tuple[str, ...], name: str) -> bool:
    if event.kind == "image":
        known = {event.id, name}
    elif event.kind == "container":
        known = {event.attributes.get("image", "")}
    else:
        return False
    bare = {text.rpartition(":")[0] if ":" in text.rpartition("/")[2] else text for text in known}
    return any(value in known or value in bare for value in values)
