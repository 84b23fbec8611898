"""How the async interface runs synchronous work: in line where nobody runs an event loop, else in threads.

A command line verb drives coroutines by hand and must not import asyncio (100 ms): there they never suspend. Under a running
loop, as in the TUI, every call goes to a thread, so that the loop never blocks. Which of the two holds is seen at each call.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from engine.model.blocking import Paced, Source

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from engine.backends.embedded.rounds import Rounds

P = ParamSpec("P")
T = TypeVar("T")


class Closable(Protocol):
    """Something that must be closed by whoever gets it."""

    def close(self) -> None:
        """Give it up."""


C = TypeVar("C", bound=Closable)

_THREADS = 64  # each follower of a log or of events takes one while it waits


class Offload(Protocol):
    """Runs synchronous work for coroutines."""

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The call's result, or its exception."""

    async def open(self, opening: Callable[[], C]) -> C:
        """What ``opening`` gives; closed again when nobody waits for it any more."""

    def stream(self, opening: Callable[[], Source[T]]) -> AsyncGenerator[T, None]:
        """The items of a blocking source, which is closed when the generator is."""

    def paced(self, opening: Callable[[], Paced[T]]) -> AsyncGenerator[T, None]:
        """The same of a source whose items are due at known times: those of many take one thread together."""

    def close(self) -> None:
        """Give up what it holds. Nothing may run any more."""


class Inline:
    """Does everything where it is called."""

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return call(*args, **kwargs)

    async def open(self, opening: Callable[[], C]) -> C:
        return opening()

    async def stream(self, opening: Callable[[], Source[T]]) -> AsyncGenerator[T, None]:
        source = opening()
        try:
            while (item := source.next()) is not None:
                yield item
        finally:
            source.close()

    def paced(self, opening: Callable[[], Paced[T]]) -> AsyncGenerator[T, None]:
        return self.stream(opening)

    def close(self) -> None:
        """There is nothing to give up."""


class Threads:
    """Does everything in threads of its own, made on demand: long waits must not starve asyncio's default executor."""

    def __init__(self, threads: int = _THREADS) -> None:
        self._threads = threads
        self._executor: ThreadPoolExecutor | None = None
        self._rounds: Rounds | None = None

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        import asyncio

        return await asyncio.wrap_future(self._pool().submit(call, *args, **kwargs))

    async def open(self, opening: Callable[[], C]) -> C:
        import asyncio

        begun = self._pool().submit(opening)
        try:
            return await asyncio.wrap_future(begun)
        except asyncio.CancelledError:
            begun.add_done_callback(_close_late)
            raise

    async def stream(self, opening: Callable[[], Source[T]]) -> AsyncGenerator[T, None]:
        import asyncio

        source = await self.open(opening)
        try:
            while (item := await self.run(source.next)) is not None:
                yield item
        finally:
            # Also while being cancelled: the thread that waits in next() is woken by it.
            await asyncio.shield(asyncio.wrap_future(self._pool().submit(source.close)))

    async def paced(self, opening: Callable[[], Paced[T]]) -> AsyncGenerator[T, None]:
        if self._rounds is None:
            from engine.backends.embedded.rounds import Rounds

            self._rounds = Rounds(self._pool)
        source = await self.open(opening)
        try:
            while (item := await self._rounds.next(source)) is not None:
                yield item
        finally:
            source.close()

    def close(self) -> None:
        if self._rounds is not None:
            self._rounds.close()
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)  # a stream that nobody closed must not hang us
            self._executor = None

    def _pool(self) -> ThreadPoolExecutor:
        if self._executor is None:
            from concurrent.futures import ThreadPoolExecutor

            self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="engine")
        return self._executor


class Automatic:
    """:class:`Threads` under a running event loop, at most ``threads`` of them, :class:`Inline` without one."""

    def __init__(self, threads: int = _THREADS) -> None:
        self._inline = Inline()
        self._threads = Threads(threads)

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if _loop_runs():
            return await self._threads.run(call, *args, **kwargs)
        return call(*args, **kwargs)

    async def open(self, opening: Callable[[], C]) -> C:
        return await self._threads.open(opening) if _loop_runs() else opening()

    def stream(self, opening: Callable[[], Source[T]]) -> AsyncGenerator[T, None]:
        return self._threads.stream(opening) if _loop_runs() else self._inline.stream(opening)

    def paced(self, opening: Callable[[], Paced[T]]) -> AsyncGenerator[T, None]:
        return self._threads.paced(opening) if _loop_runs() else self._inline.paced(opening)

    def close(self) -> None:
        self._threads.close()


def _loop_runs() -> bool:
    events = sys.modules.get("asyncio.events")
    if events is None:
        return False
    running: Any = events._get_running_loop()
    return running is not None


def _close_late(begun: Future[C]) -> None:
    """Close what came into being after whoever wanted it had gone."""
    if not begun.cancelled() and begun.exception() is None:
        begun.result().close()
