"""The engines of a fleet by their hosts' names: whom a reference means, and asking all of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import TypeVar

from engine.backends.fleet.naming import split
from engine.errors import Conflict, InvalidArgument, LongshoreError, NotFound, Unavailable
from engine.interface import Engine

T = TypeVar("T")


class Members:
    """Engines by host. ``lost`` is told of every host that does not answer while others do."""

    def __init__(self, engines: Mapping[str, Engine], lost: Callable[[str, LongshoreError], object]) -> None:
        self.engines = dict(engines)
        self.lost = lost

    def named(self, reference: str, what: str) -> tuple[Engine, str, str]:
        """Engine, bare reference and host of something that is made, so that it has to say where.

        Raises:
            InvalidArgument: it names no host, and there are several.
        """
        bare, host = split(reference, self.engines)
        if not host:
            if len(self.engines) != 1:
                example = f"{reference or 'NAME'}@{next(iter(self.engines), 'HOST')}"
                raise InvalidArgument(f"{what}: no host is named", hint=f"say on which: {example}")
            host = next(iter(self.engines))
        return self.engines[host], bare, host

    async def find(self, reference: str, look: Callable[[Engine, str], Awaitable[object]]) -> tuple[Engine, str, str]:
        """Engine, bare reference and host of something that is there: where it says, else where ``look`` finds it.

        Raises:
            NotFound: no host has it.
            Conflict: several hosts have it.
            LongshoreError: no host has it, and one could not be asked.
        """
        bare, host = split(reference, self.engines)
        if host:
            return self.engines[host], bare, host
        if len(self.engines) == 1:
            host = next(iter(self.engines))
            return self.engines[host], bare, host
        answers = await asyncio.gather(*(look(engine, bare) for engine in self.engines.values()), return_exceptions=True)
        having = [name for name, answer in zip(self.engines, answers, strict=True) if not isinstance(answer, BaseException)]
        if len(having) == 1:
            return self.engines[having[0]], bare, having[0]
        if having:
            raise Conflict(
                f"{bare} is on several hosts: {', '.join(having)}", hint=f"say which: {' or '.join(f'{bare}@{name}' for name in having)}"
            )
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        missing = [answer for answer in failures if isinstance(answer, NotFound)]
        others = [answer for answer in failures if not isinstance(answer, NotFound)]
        raise (others or missing or [NotFound(f"no host has {bare}")])[0]

    async def each(self, ask: Callable[[str, Engine], Awaitable[T]]) -> list[tuple[str, T]]:
        """The answers of all hosts that give one, in the hosts' order.

        Raises:
            LongshoreError: no host gives one: the first one's reason.
        """
        answers = await asyncio.gather(*(ask(host, engine) for host, engine in self.engines.items()), return_exceptions=True)
        found: list[tuple[str, T]] = []
        failed: list[tuple[str, LongshoreError]] = []
        for host, answer in zip(self.engines, answers, strict=True):
            if isinstance(answer, LongshoreError):
                failed.append((host, answer))
            elif isinstance(answer, BaseException):
                raise answer
            else:
                found.append((host, answer))
        if failed and not found:
            raise failed[0][1]
        if not found:
            raise Unavailable("no host is known")
        for host, error in failed:
            self.lost(host, error)
        return found

    async def merge(self, streams: Mapping[str, AsyncGenerator[T, None]]) -> AsyncGenerator[T, None]:
        """The items of several streams as they come, until the last one ends.

        Raises:
            LongshoreError: every one of them failed.
        """
        queue: asyncio.Queue[tuple[str, T | None, BaseException | None]] = asyncio.Queue(64)

        async def follow(host: str, stream: AsyncGenerator[T, None]) -> None:
            failure: BaseException | None = None
            try:
                async for item in stream:
                    await queue.put((host, item, None))
            except LongshoreError as error:
                failure = error
            finally:
                await stream.aclose()
            await queue.put((host, None, failure))

        tasks = [asyncio.create_task(follow(host, stream)) for host, stream in streams.items()]
        left, well = len(tasks), False
        try:
            while left:
                host, item, failure = await queue.get()
                if item is not None:
                    yield item
                    continue
                left -= 1
                well = well or failure is None
                if isinstance(failure, LongshoreError):
                    if not left and not well:
                        raise failure
                    self.lost(host, failure)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
