"""Further processes in running containers: create, start, resize, inspect.

As in dockerd the connection is handed over before the process is started; why it could not be started comes as output then,
and the exit code of the instance is 126 or 127.
"""

from __future__ import annotations

import contextlib

from engine.dockerapi import execs as codec
from engine.dockerapi import requests
from engine.dockerapi.frames import OutputEncoder
from engine.errors import Conflict, InvalidArgument, LongshoreError
from engine.interface import Session
from engine.model.containers import ContainerStatus, ExecConfig
from engine.model.streams import StreamName
from engine.server.execs import Exec
from engine.server.joining import Terms, join, keys_of, kind_of
from engine.server.messages import Hijack, Pipe, Request, Response, empty, json_answer
from engine.server.router import Route
from engine.server.service import Service

_START_FAILURES = (126, 127)


async def create(service: Service, request: Request) -> Response:
    """Remember what is to be executed."""
    body = await request.document()
    config = requests.decode_exec(body)
    if not config.cmd:
        raise InvalidArgument("No exec command specified")
    keys = body.text("DetachKeys")
    keys_of(keys)
    details = await service.engine.containers.inspect(request.place["id"])
    container, state = details.container.id, details.container.state
    if state.status is ContainerStatus.PAUSED:
        raise Conflict(f"container {container} is paused, unpause the container before exec")
    if state.status is ContainerStatus.RESTARTING:
        raise Conflict(f"container {container} is restarting, wait until the container is running")
    if not state.running:
        raise Conflict(f"container {container} is not running")
    exec = Exec(container, config, keys)
    service.execs.add(exec)
    return json_answer({"Id": exec.id}, 201)


async def start(service: Service, request: Request) -> Response:
    """Execute it; unless it is detached, the connection becomes the process's."""
    exec = service.execs.get(request.place["id"])
    config = requests.decode_exec_start(await request.document(optional=True), exec.config)
    if exec.started:
        raise Conflict(f"exec command {exec.id} {'is already running' if exec.running else 'has already run'}")
    if not config.detach:
        kind = kind_of(request, tty=config.tty)
        exec.started = True
        return Hijack(kind, lambda pipe: _talk(service, exec, config, pipe))
    exec.started = True
    try:
        session = await service.engine.containers.exec(exec.container, config)
    except LongshoreError as error:
        exec.end(_code(error))
        raise
    exec.begin(session)
    service.keep(_outlast(exec, session))
    return empty(200)


async def resize(service: Service, request: Request) -> Response:
    """A new size of its terminal. What is not started yet is waited for: clients ask at once."""
    exec = service.execs.get(request.place["id"])
    height, width = request.extent()
    session = await exec.begun()
    if session is None:
        raise InvalidArgument(f"exec {exec.id} is not running")
    await session.resize(width=width, height=height)
    return empty(200)


async def inspect(service: Service, request: Request) -> Response:
    """How it is doing."""
    exec = service.execs.get(request.place["id"])
    state = codec.ExecState(running=exec.running, exit_code=exec.exit_code, pid=exec.pid)
    return json_answer(codec.show(exec.id, exec.container, exec.config, state))


async def _talk(service: Service, exec: Exec, config: ExecConfig, pipe: Pipe) -> None:
    try:
        session = await service.engine.containers.exec(exec.container, config)
    except LongshoreError as error:
        exec.end(_code(error))
        with contextlib.suppress(OSError):
            await pipe.write(OutputEncoder(config.tty).encode(StreamName.STDOUT, f"{error.message}\r\n".encode()))
        return
    exec.begin(session)
    over = False
    try:
        over = await join(session, pipe, Terms(tty=config.tty, stdin=config.stdin, keys=keys_of(exec.keys)))
        if over:
            exec.end(await session.exit_code())  # before the client sees the end of the stream, for it asks then
    finally:
        if over:
            await session.close()
        else:
            service.keep(_outlast(exec, session))


async def _outlast(exec: Exec, session: Session) -> None:
    """Nobody looks any more: the process gets no more input, and its end is waited for."""
    try:
        if not exec.config.tty:
            await session.close_input()
        while await session.read() is not None:
            pass
        exec.end(await session.exit_code())
    finally:
        await session.close()


def _code(error: LongshoreError) -> int:
    return error.exit_code if error.exit_code in _START_FAILURES else _START_FAILURES[0]


ROUTES = (
    Route(method="POST", pattern="/containers/{id}/exec", handler=create),
    Route(method="POST", pattern="/exec/{id}/start", handler=start),
    Route(method="POST", pattern="/exec/{id}/resize", handler=resize),
    Route(method="GET", pattern="/exec/{id}/json", handler=inspect),
)
