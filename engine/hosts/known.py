"""``KnownHosts``: all hosts in one list, the way to each, and their answers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING

from engine.errors import Conflict, InvalidArgument, LongshoreError, NotFound
from engine.hosts import sockets
from engine.hosts.book import Book
from engine.model.hosts import ALL, EMBEDDED, Host, HostState, Origin
from engine.model.version import VERSION

if TYPE_CHECKING:
    from engine.backends.fleet.engine import Fleet
    from engine.interface import Engine


def _ignore(host: str, error: LongshoreError) -> None:
    """Nobody wants to know."""


class KnownHosts:
    """See :class:`engine.interface.Hosts`.

    ``connect`` opens a host by its name; ``lost`` is told of those that do not answer while others do, when all are asked as one.
    """

    def __init__(
        self, connect: Callable[[str], Engine], book: Book | None = None, lost: Callable[[str, LongshoreError], object] = _ignore
    ) -> None:
        self._lost = lost
        self._connect = connect
        self._book = book or Book()

    def list(self) -> Sequence[Host]:
        return known(self._book)

    def open(self, name: str) -> Engine:
        if name != EMBEDDED:
            from engine.registry.transport import load_httpx

            load_httpx()  # what it takes is spent here and not by the first question
        return self._connect("" if name == EMBEDDED else name)

    def open_all(self) -> Fleet:
        from engine.backends.fleet.engine import Fleet

        engines: dict[str, Engine] = {}
        for host in self.list():
            with contextlib.suppress(LongshoreError):  # the list of hosts says why
                if not host.problem:
                    engines[host.name] = self.open(host.name)
        return Fleet(engines, self._lost)

    async def states(self, names: Sequence[str] = (), *, timeout: float = 10.0) -> AsyncGenerator[HostState, None]:
        import asyncio

        listed = {host.name: host for host in self.list()}
        for name in names:
            if name not in listed:
                raise _unknown(name)
        wanted = [listed[name] for name in names] if names else list(listed.values())
        tasks = [asyncio.create_task(self._state(host, timeout)) for host in wanted]
        try:
            for task in asyncio.as_completed(tasks):
                yield await task
        finally:
            for left in tasks:
                left.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def add(self, host: Host) -> None:
        from engine.backends.docker import addresses

        addresses.parse(host.url)
        for path in (host.ca, host.certificate, host.key):
            if path and not os.path.isabs(path):
                raise InvalidArgument(f"{path}: a relative path means nothing tomorrow", hint="give the whole path")
        if any(other.name == host.name and other.origin is not Origin.ADDED for other in self.list()):
            raise Conflict(f'host "{host.name}" already exists: it was found by itself', hint="choose another name")
        self._book.add(host)

    def remove(self, name: str) -> None:
        host = next((host for host in self.list() if host.name == name), None)
        if host is not None and host.origin is not Origin.ADDED:
            raise Conflict(f'host "{name}" was not added, but found ({host.origin.value})', hint=_how_it_goes(host))
        self._book.remove(name)

    def use(self, name: str) -> None:
        if name != ALL and all(host.name != name for host in self.list()):
            raise _unknown(name)
        self._book.use("" if name == EMBEDDED else name)

    async def _state(self, host: Host, timeout: float) -> HostState:
        import asyncio
        import time

        if host.problem:
            return HostState(host=host, problem=host.problem)
        if host.name == EMBEDDED and os.geteuid():
            # An ordinary user's engine is entered by a process with one thread only; it is part of this program, so it is there.
            return HostState(host=host, engine="Longshore", version=VERSION)
        engine = None
        try:
            engine = await asyncio.to_thread(self.open, host.name)
            async with asyncio.timeout(timeout):
                version = await engine.system.version()  # connects, and negotiates
                begin = time.perf_counter()
                await engine.system.ping()
                latency = time.perf_counter() - begin
        except TimeoutError:
            return HostState(host=host, problem=f"no answer within {timeout:g} s")
        except LongshoreError as error:
            return HostState(host=host, problem=error.message, hint=error.hint)
        finally:
            if engine is not None:
                await engine.close()
        return HostState(
            host=host,
            engine=version.engine,
            version=version.version,
            api_version=version.api_version,
            platform=f"{version.os}/{version.architecture}".strip("/"),
            latency=latency,
        )


def known(book: Book) -> list[Host]:
    """Every host once: of two names for the same address the one that somebody gave counts.

    Raises:
        CorruptData: the file of added hosts can not be read.
    """
    from engine.backends.docker import contexts

    added = book.hosts()
    hosts = {EMBEDDED: Host(name=EMBEDDED, url="embedded:", origin=Origin.BUILT_IN), **added}
    for name in contexts.names()[1:]:
        hosts.setdefault(name, _context(name))
    urls = {host.url for host in hosts.values()}
    for host in sockets.found():
        if host.url not in urls:
            hosts.setdefault(host.name, host)
    current = book.current or EMBEDDED
    return [host.replace(current=True) if host.name == current else host for host in hosts.values()]


def _context(name: str) -> Host:
    from engine.backends.docker import contexts

    try:
        return Host(name=name, url=contexts.load(name).url, origin=Origin.CONTEXT)
    except LongshoreError as error:
        return Host(name=name, url="", origin=Origin.CONTEXT, problem=error.message)


def _unknown(name: str) -> NotFound:
    return NotFound(f'host "{name}" does not exist', hint="longshore hosts ls lists them, longshore hosts add makes one known")


def _how_it_goes(host: Host) -> str:
    if host.origin is Origin.CONTEXT:
        return f"docker context rm {host.name} removes it"
    return "it goes when its engine does"
