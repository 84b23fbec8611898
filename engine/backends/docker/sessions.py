"""Attach and exec over a Docker Engine API."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from urllib.parse import quote

from engine.backends.docker import old_wait
from engine.backends.docker.api import Api
from engine.backends.docker.hijack import RawStream, open_stream
from engine.dockerapi import containers as codec
from engine.dockerapi import create as bodies
from engine.dockerapi import execs, failures
from engine.dockerapi.frames import OutputDecoder
from engine.errors import EngineFault, InvalidArgument, LongshoreError
from engine.interface import Session
from engine.model.containers import ContainerExit, ExecConfig
from engine.model.streams import Output

_CONSOLE_SIZE_VERSION = (1, 42)
_FIRST_POLL = 0.005
_SLOWEST_POLL = 0.25
_START_FAILURES = (126, 127)
_TEXT_LIMIT = 64 * 1024


class _Session:
    """What attach and exec share: the stream, and where to send a terminal's size."""

    def __init__(self, api: Api, path: str, stream: RawStream | None, *, tty: bool, stdin: bool) -> None:
        self._api = api
        self._path = path
        self._stream = stream
        self._decoder = OutputDecoder(tty)
        self._ready: deque[Output] = deque()
        self._tty = tty
        self._stdin = stdin
        self.pid = 0

    async def read(self) -> Output | None:
        while not self._ready:
            chunk = await self._stream.read() if self._stream else b""
            if not chunk:
                return None
            self._ready.extend(self._decoder.feed(chunk))
        return self._ready.popleft()

    async def write(self, data: bytes) -> None:
        if self._stream and self._stdin:
            await self._stream.write(data)

    async def close_input(self) -> None:
        if self._stream and self._stdin:
            await self._stream.close_input()

    async def resize(self, *, width: int, height: int) -> None:
        if not self._tty:
            return
        # A terminal that is not there yet or any more has no size; docker answers with errors of several kinds.
        with contextlib.suppress(LongshoreError):
            await self._api.post(f"{self._path}/resize", {"h": height, "w": width})

    async def close(self) -> None:
        if self._stream:
            await self._stream.close()


class AttachSession(_Session):
    """A connection to a container's main process. Its end is waited for from before the connection is made, so that
    neither a fast exit nor an automatic removal can be missed."""

    def __init__(self, api: Api, path: str, stream: RawStream, ended: asyncio.Task[ContainerExit], *, tty: bool, stdin: bool) -> None:
        super().__init__(api, path, stream, tty=tty, stdin=stdin)
        self._ended = ended

    async def exit_code(self) -> int:
        return (await asyncio.shield(self._ended)).exit_code

    async def close(self) -> None:
        await super().close()
        await _cancel(self._ended)


class ExecSession(_Session):
    """A connection to a further process; the engine is asked for its exit code."""

    async def exit_code(self) -> int:
        delay = _FIRST_POLL
        while True:
            state = execs.decode(await self._api.get(f"{self._path}/json"))
            if not state.running and state.exit_code is not None:
                return state.exit_code
            await asyncio.sleep(delay)
            delay = min(delay * 2, _SLOWEST_POLL)


async def attach(api: Api, container: str, *, stdin: bool, logs: bool) -> Session:
    """See :meth:`engine.interface.ContainerStreams.attach`."""
    if not container:
        raise InvalidArgument("no container is named")
    details = codec.decode_details(await api.get(f"/containers/{quote(container, safe='')}/json"))
    path = f"/containers/{details.container.id}"
    stdin = stdin and details.config.open_stdin
    # Podman forgets the exit code of a container that is gone.
    condition = "removed" if details.host_config.auto_remove and not await api.is_podman() else "next-exit"
    listening = asyncio.Event()
    ended = asyncio.create_task(wait(api, path, condition, listening.set))
    begun = asyncio.create_task(listening.wait())
    try:
        await asyncio.wait((ended, begun), return_when=asyncio.FIRST_COMPLETED)
        if not listening.is_set():
            await ended  # raises what went wrong
        stream = await open_stream(api, f"{path}/attach", {"stream": True, "stdin": stdin, "stdout": True, "stderr": True, "logs": logs})
    except BaseException:
        await _cancel(ended)
        raise
    finally:
        begun.cancel()
    return AttachSession(api, path, stream, ended, tty=details.config.tty, stdin=stdin)


async def execute(api: Api, container: str, config: ExecConfig) -> Session:
    """See :meth:`engine.interface.ContainerExec.exec`."""
    if not container:
        raise InvalidArgument("no container is named")
    if not config.cmd:
        raise InvalidArgument("no exec command specified")
    created = codec.decode_created(await api.post(f"/containers/{quote(container, safe='')}/exec", body=bodies.encode_exec(config)))
    path = f"/exec/{created.id}"
    if config.detach:
        try:
            await api.post(f"{path}/start", body=bodies.encode_exec_start(config))
        except (EngineFault, InvalidArgument) as error:
            raise failures.start_failure(error, 0) from error
        return ExecSession(api, path, None, tty=config.tty, stdin=False)
    try:
        stream = await open_stream(api, f"{path}/start", body=bodies.encode_exec_start(config))
    except (EngineFault, InvalidArgument) as error:
        raise failures.start_failure(error, 0) from error
    session = ExecSession(api, path, stream, tty=config.tty, stdin=config.stdin)
    try:
        await _started(api, path, session)
        if config.tty and config.width and config.height and await api.version() < _CONSOLE_SIZE_VERSION:
            await session.resize(width=config.width, height=config.height)
    except BaseException:
        await session.close()
        raise
    return session


async def _started(api: Api, path: str, session: ExecSession) -> None:
    """dockerd hands the connection over and calls the exec running before it tries to start the process, and writes a
    failure into the stream. A process that started has a pid; one that failed to has none, and exit code 126 or 127."""
    delay = _FIRST_POLL
    podman = await api.is_podman()
    while True:
        state = execs.decode(await api.get(f"{path}/json"))
        if state.pid or (podman and state.running):
            session.pid = state.pid
            return
        if state.exit_code is not None and not state.running:
            if state.exit_code in _START_FAILURES:
                raise failures.start_failure(EngineFault(await _text(session)), state.exit_code)
            return
        await asyncio.sleep(delay)
        delay = min(delay * 2, _SLOWEST_POLL)


async def _text(session: ExecSession) -> str:
    text = b""
    while (output := await session.read()) and len(text) < _TEXT_LIMIT:
        text += output.data
    return text.decode("utf-8", "replace").strip()


async def wait(api: Api, path: str, condition: str, listening: Callable[[], None] | None = None) -> ContainerExit:
    """See :meth:`engine.interface.ContainerLifecycle.wait`. Engines send the head of their answer once they listen."""
    if await api.version() < old_wait.CONDITIONS_SINCE:
        return await old_wait.wait(api, path, condition, listening)
    async with api.stream("POST", f"{path}/wait", {"condition": condition}) as response:
        if listening is not None:
            listening()
        return codec.decode_exit(b"".join([chunk async for chunk in api.chunks(response)]))


async def _cancel(task: asyncio.Task[ContainerExit]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
