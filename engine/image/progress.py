"""The events of a pull, in docker's order and not more of them than somebody can read."""

from __future__ import annotations

import threading
import time
from _queue import SimpleQueue

from engine.model import digest as digests
from engine.model.images import PullPhase, PullProgress

_INTERVAL = 0.1


class Progress:
    """Collects events from several threads; one thread takes them with :meth:`take`."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[PullProgress | BaseException | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._layers: list[str] = []
        self._complete: list[bool] = []
        self._there: tuple[bool, ...] = ()
        self._told = 0
        self._last: dict[int, float] = {}

    def say(self, phase: PullPhase, layer: str = "", *, current: int = 0, total: int = 0, detail: str = "") -> None:
        """Add an event."""
        self._queue.put(PullProgress(phase=phase, layer=layer, current=current, total=total, detail=detail))

    def end(self, error: BaseException | None = None) -> None:
        """No more events: what takes them gets ``error`` raised, or the end."""
        self._queue.put(error)

    def take(self) -> PullProgress | BaseException | None:
        """Wait for the next event, the error, or ``None`` at the end."""
        return self._queue.get()

    def layers(self, blobs: tuple[str, ...], existing: tuple[bool, ...], at_once: int) -> None:
        """Announce the layers by their blobs' digests, lowest first; those of ``existing`` are there already.

        ``at_once`` of the others are begun right away.
        """
        self._layers = [digests.short(blob) for blob in blobs]
        self._there = existing
        self._complete = list(existing)
        for layer, there in zip(self._layers, existing, strict=True):
            self.say(PullPhase.EXISTS if there else PullPhase.PULLING_LAYER, layer)
        waiting = [layer for layer, there in zip(self._layers, existing, strict=True) if not there][at_once:]
        for layer in waiting:
            self.say(PullPhase.WAITING, layer)

    def layer(self, number: int, phase: PullPhase, *, total: int = 0, detail: str = "") -> None:
        """A layer's phase."""
        self.say(phase, self._layers[number], total=total, detail=detail)

    def count(self, number: int, phase: PullPhase, current: int, total: int) -> None:
        """How far a layer's phase is; dropped when the last such event is only moments old."""
        now = time.monotonic()
        if now - self._last.get(number, 0.0) < _INTERVAL:
            return
        self._last[number] = now
        self.say(phase, self._layers[number], current=min(current, total) if total else current, total=total)

    def completed(self, number: int) -> None:
        """A layer is unpacked. Docker unpacks from the lowest up, so that is the order in which it is told."""
        with self._lock:
            self._complete[number] = True
            while self._told < len(self._layers) and self._complete[self._told]:
                if not self._there[self._told]:
                    self.say(PullPhase.COMPLETE, self._layers[self._told])
                self._told += 1
