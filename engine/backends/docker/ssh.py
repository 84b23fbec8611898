"""``ssh://``: the person's own ssh, with their configuration, agent and known hosts; on this side a private unix socket.

::

    httpx, hijack ── unix socket (0700 directory) ── ssh, one connection ── sshd ┬─ the engine's socket, forwarded
                                                                                 └─ docker|podman|longshore system dial-stdio

One ssh process (the *master*) is authenticated once, looks for engines on the far side, and carries everything. A socket is
forwarded through it, which costs no process on either side and is not counted by sshd's ``MaxSessions`` (10), of which a screen full of
live numbers would want more. Where sshd forwards no sockets, or there is none, each connection is a session of ``docker system
dial-stdio``, as docker's client does it (docker/cli, connhelper), or of podman's or Longshore's. A way counts once a ping came back.

The master ends with its standard input, so that it outlives us in no case. Half-closing passes through, so that the end
of standard input reaches the container.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Coroutine
from typing import Any

from engine.backends.docker import ssh_words as words
from engine.backends.docker.addresses import Address
from engine.backends.docker.ssh_words import Route
from engine.errors import Unavailable

_CHUNK = 64 * 1024
_SAID = 4096
_SSH_FAILED = 255
_PROBE_TIMEOUT = 60.0
_SILENCE = 8.0
"""Seconds of silence after which a far side is taken for one that runs docker's command whatever is asked (``ForceCommand``)."""
_MOST_LINES = 1000
"""Of a greeting, and of what is found."""
_PING = b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"
_PING_TIMEOUT = 20.0
_PARTING = 0.5
_SHORT = 80
"""Bytes of a directory's name; a socket's whole name may have 107."""


class Relay:
    """Reaches the far engine through :attr:`path` until :meth:`close`."""

    def __init__(self, address: Address, directory: str) -> None:
        self.path = os.path.join(directory, "docker.sock")
        self._address = address
        self._directory = directory
        self._options: list[str] = []
        self._sharing: list[str] = []
        self._master: asyncio.subprocess.Process | None = None
        self._said = _Tail()
        self._route: Route | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def start(cls, address: Address) -> Relay:
        """Connect, and find the engine.

        Raises:
            Unavailable: there is no ssh on this machine, it can not get there, or no engine answers there.
        """
        if not shutil.which("ssh"):
            raise Unavailable(f"cannot connect to the Docker daemon at {address.url}: ssh is not installed")
        directory = tempfile.mkdtemp(prefix="longshore-ssh-")
        if len(directory) > _SHORT:
            os.rmdir(directory)
            directory = tempfile.mkdtemp(prefix="longshore-ssh-", dir="/tmp")
        relay = cls(address, directory)
        try:
            await relay._find(await relay._connect())
        except BaseException:
            await relay.close()
            raise
        return relay

    @property
    def alive(self) -> bool:
        """The connection stands."""
        return self._master is None or self._master.returncode is None

    async def problem(self) -> Unavailable | None:
        """Why the connection stands no more, in ssh's words; asked when something broke, of which ssh's end may be heard a little later."""
        if self._master is None:
            return None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._master.wait(), _PARTING)
            await self._said.complete()
        return None if self.alive else words.failure(self._address, self._said.text)

    async def close(self) -> None:
        """Stop listening, end the ssh processes, remove the socket."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        if self._route is not None and self._route.socket and self.alive:
            await self._control("cancel", self._route.socket)  # the person's own master, if it is that, goes on without it
        if self._master is not None:
            await _end(self._master)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        shutil.rmtree(self._directory, ignore_errors=True)

    async def _connect(self) -> list[str]:
        """Start the master: what it found on the far side, a line each; nothing where it can not look."""
        settings = words.parse_settings(await self._output(["ssh", "-G", *words.destination(self._address)]))
        self._options = words.options(settings)
        if not words.shares_connections(settings):
            self._sharing = ["-S", os.path.join(self._directory, "mux")]
        argv = ["ssh", *self._options, *(["-M"] if self._sharing else []), *self._sharing, "-T", *words.destination(self._address)]
        self._master = await _spawn([*argv, words.probe_command()])
        assert self._master.stdout is not None and self._master.stderr is not None
        self._follow(self._said.drain(self._master.stderr))
        found: list[str] = []
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT) as limit:
                while line := (await self._master.stdout.readline()).decode("utf-8", "replace").strip():
                    if line == words.READY:
                        self._follow(_discard(self._master.stdout))
                        return found
                    found.append(line)
                    if len(found) > _MOST_LINES:
                        raise ValueError
                    limit.reschedule(asyncio.get_running_loop().time() + _SILENCE)
        except (TimeoutError, ValueError):
            pass  # docker's command, whatever is asked, or something that is no shell and goes on, with lines or without
        else:
            if await self._master.wait() == _SSH_FAILED:
                await self._said.complete()
                raise words.failure(self._address, self._said.text)
        await _end(self._master)
        self._master, self._sharing = None, []
        return []

    async def _find(self, lines: list[str]) -> None:
        """Take the first way on which an engine answers."""
        tried: dict[str, str] = {}
        for route in words.routes(self._address, lines):
            reason = await self._try(route)
            if not reason:
                self._route = route
                return
            tried[route.name] = reason
            if not self.alive:
                await self._said.complete()
                raise words.failure(self._address, self._said.text)
        raise words.nobody(self._address, tried)

    async def _try(self, route: Route) -> str:
        """Make :attr:`path` lead there; ``""`` when an engine answers, else why not."""
        self._said.clear()
        if route.socket:
            if self._master is None:
                return "nothing can be forwarded there"
            if ":" in route.socket:
                return "ssh can not forward a socket with a colon in its name"
            if reason := await self._control("forward", route.socket):
                return reason
        else:
            self._route = route
            self._server = await asyncio.start_unix_server(self._accept, self.path)
        if not (reason := await self._ping()):
            return ""
        if route.socket:
            await self._control("cancel", route.socket)
        elif self._server is not None:
            self._server.close()
            self._server, self._route = None, None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        return reason

    async def _control(self, order: str, socket: str) -> str:
        """Have the master forward a socket, or stop that; ``""`` when it did, else what it said."""
        forward = f"{self.path}:{socket}"
        argv = ["ssh", *self._options, *self._sharing, "-O", order, "-L", forward, *words.destination(self._address)]
        process = await _spawn(argv)
        _, said = await process.communicate()
        return "" if process.returncode == 0 else _last(said.decode("utf-8", "replace")) or "it is refused"

    async def _ping(self) -> str:
        """``""`` when what is at :attr:`path` speaks HTTP, else why not."""
        writer = None
        try:
            async with asyncio.timeout(_PING_TIMEOUT):
                reader, writer = await asyncio.open_unix_connection(self.path)
                writer.write(_PING)
                head = await reader.read(5)
        except TimeoutError:
            return f"no answer within {_PING_TIMEOUT:g} s"
        except OSError as error:
            return error.strerror or str(error)
        finally:
            if writer is not None:
                writer.close()
        if head == b"HTTP/":
            return ""
        await asyncio.gather(*(task for task in self._tasks if task.get_name() == "serve"), return_exceptions=True)
        return _last(self._said.text) or "it closed the connection"

    async def _output(self, argv: list[str]) -> str:
        process = await _spawn(argv)
        out, said = await process.communicate()
        if process.returncode:
            raise words.failure(self._address, said.decode("utf-8", "replace"))
        return out.decode("utf-8", "replace")

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._follow(self._serve(reader, writer), "serve")

    def _follow(self, work: Coroutine[Any, Any, None], name: str = "") -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection over a session of its own."""
        process = None
        route = self._route
        assert route is not None
        command = words.dial_command(route.program)
        try:
            process = await _spawn(["ssh", *self._options, *self._sharing, "-T", *words.destination(self._address), command])
            assert process.stdin is not None and process.stdout is not None and process.stderr is not None
            up = asyncio.create_task(_copy(reader, process.stdin, eof=True))
            said = asyncio.create_task(self._said.drain(process.stderr))
            try:
                await _copy(process.stdout, writer, eof=False)
                await said
            finally:
                for task in (up, said):
                    task.cancel()
                await asyncio.gather(up, said, return_exceptions=True)
        except OSError:
            pass  # the peer sees the connection close, and says so
        finally:
            writer.close()
            if process is not None:
                await _end(process)


class _Tail:
    """The last of what ssh said."""

    def __init__(self) -> None:
        self._data = b""
        self._over = asyncio.Event()

    @property
    def text(self) -> str:
        return self._data.decode("utf-8", "replace")

    def clear(self) -> None:
        self._data = b""

    async def drain(self, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(_CHUNK):
            self._data = (self._data + chunk)[-_SAID:]
        self._over.set()

    async def complete(self) -> None:
        """Wait until a process that has ended is heard out."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), 1)


async def _spawn(argv: list[str]) -> asyncio.subprocess.Process:
    # Of a session of its own: neither ctrl-c nor a question of ssh's reaches the person's terminal.
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, eof: bool) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(_CHUNK):
            target.write(chunk)
            await target.drain()
        if eof and target.can_write_eof():
            target.write_eof()


async def _discard(stream: asyncio.StreamReader) -> None:
    while await stream.read(_CHUNK):
        pass


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    await process.wait()


def _last(text: str) -> str:
    """The last line that says something; docker's own errors repeat what they are about."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
