"""Blocking streams: what the engine's synchronous parts give where the interface has an async generator."""

from __future__ import annotations

from typing import Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Source(Protocol[T_co]):
    """A stream that is pulled by one thread and may be closed by another."""

    def next(self) -> T_co | None:
        """Wait for the next item; ``None`` at the end, also after :meth:`close`."""

    def close(self) -> None:
        """Cancel: wake a blocked :meth:`next` and give everything up. Idempotent, callable from any thread."""


class Paced(Source[T_co], Protocol[T_co]):
    """A stream whose items come at times that are known before, so that many can be waited for together."""

    @property
    def due(self) -> float:
        """When the next item is to be had, by the monotonic clock."""

    def take(self) -> T_co | None:
        """The item that is due, without waiting for its time; ``None`` at the end."""
