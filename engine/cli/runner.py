"""Running the interface's coroutines from the synchronous command line.

The embedded engine's coroutines never suspend when they work inline, so :class:`InlineRunner` just drives them and asyncio, which
costs 100 ms to import, is never loaded. A Docker host needs a real loop: :class:`LoopRunner` keeps one in a thread.
Both can be used from several threads at once, as attaching needs (one reads, one writes).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine, Generator
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Runner(Protocol):
    """Runs coroutines to their end."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result, or its exception."""

    def close(self) -> None:
        """Give up what the runner holds."""


class InlineRunner:
    """Drives coroutines that never wait for a loop."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        try:
            coroutine.send(None)
        except StopIteration as stop:
            value: T = stop.value
            return value
        coroutine.close()
        raise RuntimeError(f"{coroutine!r} waits for an event loop, but runs inline")

    def close(self) -> None:
        """There is nothing to give up."""


class LoopRunner:
    """Keeps an event loop in a thread of its own."""

    def __init__(self) -> None:
        import asyncio
        import threading

        self._asyncio = asyncio
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loop", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = self._asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        self.run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def iterate(runner: Runner, stream: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """The items of an async generator; leaving early closes it."""

    async def following() -> T | None:
        return await anext(stream, None)

    async def closing() -> None:
        await stream.aclose()

    try:
        while (item := runner.run(following())) is not None:
            yield item
    finally:
        runner.run(closing())
