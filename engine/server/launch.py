"""``longshore serve``, from addresses to the end of the process."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from collections.abc import Callable, Iterator, Sequence

from engine.errors import InvalidArgument
from engine.interface import Engine
from engine.model.value import Value
from engine.server import listeners
from engine.server.limits import Limits
from engine.server.listeners import Listener
from engine.server.service import Service
from engine.server.serving import Server

THREADS = 2048
"""Of the embedded engine: every connection may hold three while it waits, and a query must find one all the same."""


class Wanted(Value):
    """What is to be served where.

    Attributes:
        addresses: ``unix://PATH``, ``tcp://HOST:PORT``, or ``fd://`` for the sockets that systemd opened.
        private: the directory of one of the sockets, in which only that one is for the group ``docker``; ``""`` for none.
        tls_authority, tls_certificate, tls_key: files for TLS over tcp, ``""`` for none.
        idle: seconds without a connection after which the server leaves, 0.0 for never.
        debug: print tracebacks of defects.
    """

    addresses: tuple[str, ...]
    private: str = ""
    tls_authority: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    idle: float = 0.0
    debug: bool = False


def serve(engine: Engine, wanted: Wanted, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; ``announce`` gets a line for each address once clients are taken there.

    Raises:
        InvalidArgument: an address makes no sense.
        Conflict, EngineFault, Forbidden: it is impossible to listen there.
    """
    with _listening(wanted) as sockets:
        _allow_files()
        asyncio.run(_run(engine, sockets, wanted, announce))


async def _run(engine: Engine, sockets: Sequence[Listener], wanted: Wanted, announce: Callable[[str], None]) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    server = Server(Service(engine), limits=Limits(), debug=wanted.debug)
    if wanted.idle:
        server.when_idle(wanted.idle, over.set)
    try:
        await server.start(sockets)
        for listener in sockets:
            if listener.exposed:
                announce(
                    f"WARNING: everybody on this machine who reaches {listener.spelled} is root, and so are containers with --network host"
                )
            announce(f"API listen on {listener.spelled}")
        await over.wait()
    finally:
        await server.close()
        await engine.close()


@contextlib.contextmanager
def _listening(wanted: Wanted) -> Iterator[list[Listener]]:
    context = listeners.tls_context(authority=wanted.tls_authority, certificate=wanted.tls_certificate, key=wanted.tls_key)
    with contextlib.ExitStack() as stack:
        found: list[Listener] = []
        for address in wanted.addresses:
            scheme, _, rest = address.partition("://")
            match scheme:
                case "unix":
                    opened = [Listener(listeners.unix(rest))]
                    stack.callback(listeners.remove, rest, listeners.identity(rest))
                case "tcp":
                    opened = listeners.tcp(rest, context)
                case "fd":
                    opened = listeners.handed_over(context)
                    if not opened:
                        raise InvalidArgument("no sockets were handed over", hint="fd:// is for units that a systemd socket unit starts")
                case _:
                    raise InvalidArgument(f"cannot listen on {address}", hint="use unix://PATH, tcp://HOST:PORT or fd://")
            for listener in opened:
                stack.enter_context(listener.socket)
            found += opened
        if wanted.private:
            listeners.open_way(wanted.private)
        yield found


def _allow_files() -> None:
    """Every connection is a descriptor, or several."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
