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
