"""What the contract tests work with: one engine under test, and short ways to say what they do with it."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncGenerator, Sequence
from typing import Any, NamedTuple, TypeVar

from engine.errors import LongshoreError
from engine.interface import Engine, Session
from engine.model.containers import (
    ContainerConfig,
    ContainerDetails,
    ContainerState,
    ContainerStatus,
    ExecConfig,
    HostConfig,
    Mount,
)
from engine.model.streams import LogLine, LogQuery, StreamName
from tests.support.wait import PATIENCE

T = TypeVar("T")
TIMEOUT = 60 * PATIENCE
PREDEFINED = ("bridge", "host", "none")


class Result(NamedTuple):
    """What a process wrote and how it ended."""

    code: int
    out: bytes
    err: bytes


class Lab:
    """One engine and the images for it.

    Attributes:
        host: the registry, ``127.0.0.1:PORT``.
        image: the reference of busybox there, which is already pulled.
        app: the reference of an image with every kind of setting, which is already pulled.
        prefix: how a command is called in the engine's network namespace.
        own: a name that no other laboratory has.
    """

    def __init__(self, engine: Engine, host: str, prefix: Sequence[str]) -> None:
        self.engine = engine
        self.host = host
        self.image = f"{host}/busybox:latest"
        self.app = f"{host}/app:1.0"
        self.prefix = tuple(prefix)
        self.own = f"own{os.urandom(4).hex()}"

    async def create(self, *cmd: str, name: str = "", image: str = "", **settings: Any) -> str:
        """A container without a network unless one is asked for; fields of either configuration by name."""
        settings.setdefault("network_mode", "none")
        config = {key: value for key, value in settings.items() if key in ContainerConfig._fields}
        host = {key: value for key, value in settings.items() if key not in config}
        created = await self.engine.containers.create(
            ContainerConfig(image=image or self.image, cmd=cmd or None, **config), HostConfig(**host), name=name
        )
        return created.id

    async def start(self, *cmd: str, **settings: Any) -> str:
        """:meth:`create` and start."""
        container = await self.create(*cmd, **settings)
        await self.engine.containers.start(container)
        return container

    async def sleeper(self, **settings: Any) -> str:
        """A container that runs until somebody ends it."""
        return await self.start("sleep", "1000", **settings)

    async def finished(self, *cmd: str, **settings: Any) -> str:
        """A container that ran to its end."""
        container = await self.start(*cmd, **settings)
        await within(self.engine.containers.wait(container))
        return container

    async def run(self, *cmd: str, stdin: bytes | None = None, **settings: Any) -> Result:
        """Run to the end with everything attached."""
        container = await self.create(*cmd, open_stdin=stdin is not None, stdin_once=stdin is not None, **settings)
        session = await self.engine.containers.attach(container, stdin=stdin is not None)
        try:
            await self.engine.containers.start(container)
            return await talk(session, stdin)
        finally:
            await session.close()

    async def exec(self, container: str, *cmd: str, stdin: bytes | None = None, **settings: Any) -> Result:
        """Run a further process to its end."""
        session = await self.engine.containers.exec(container, ExecConfig(cmd=cmd, stdin=stdin is not None, **settings))
        try:
            return await talk(session, stdin)
        finally:
            await session.close()

    async def inspect(self, container: str) -> ContainerDetails:
        """Everything about a container."""
        return await self.engine.containers.inspect(container)

    async def state(self, container: str) -> ContainerState:
        """A container's state."""
        return (await self.inspect(container)).container.state

    async def becomes(self, container: str, status: ContainerStatus) -> ContainerState:
        """Wait until a container has a status."""

        async def look() -> ContainerState | None:
            state = await self.state(container)
            return state if state.status is status else None

        from tests.support.wait import until_async

        found = await until_async(look, TIMEOUT, f"{container} becomes {status}")
        assert found is not None
        return found

    async def names(self, **options: Any) -> list[str]:
        """Names of the listed containers."""
        return [container.name for container in await self.engine.containers.list(**options)]

    async def logs(self, container: str, **query: Any) -> list[LogLine]:
        """All lines that a query gives."""
        lines: list[LogLine] = []
        async with asyncio.timeout(TIMEOUT):
            async for batch in self.engine.containers.logs(container, LogQuery(**query)):
                lines += batch
        return lines

    async def said(self, container: str, word: str) -> None:
        """Wait until a container has written ``word`` to its log: it got that far."""
        lines = self.engine.containers.logs(container, LogQuery(follow=True))
        try:
            async with asyncio.timeout(TIMEOUT):
                async for batch in lines:
                    if any(word.encode() in line.data for line in batch):
                        return
        finally:
            await lines.aclose()
        raise AssertionError(f"{container} ended without saying {word!r}")

    async def clean(self) -> None:
        """Remove everything that a test made; images stay."""
        engine = self.engine
        for container in await engine.containers.list(all=True):
            await quietly(engine.containers.remove(container.id, force=True, volumes=True))
        for network in await engine.networks.list():
            if network.name not in PREDEFINED and network.name != "podman":
                await quietly(engine.networks.remove(network.id))
        for volume in await engine.volumes.list():
            await quietly(engine.volumes.remove(volume.name, force=True))

    def host_run(self, *argv: str) -> subprocess.CompletedProcess[bytes]:
        """Run a program on the host, in the engine's network."""
        return subprocess.run([*self.prefix, *argv], capture_output=True, timeout=TIMEOUT, check=False)


async def quietly(operation: Any) -> None:
    """Await it and forgive the engine's errors."""
    try:
        await operation
    except LongshoreError:
        pass


async def within(operation: Any) -> Any:
    """Await it, but not for ever."""
    async with asyncio.timeout(TIMEOUT):
        return await operation


async def talk(session: Session, stdin: bytes | None = None) -> Result:
    """Send ``stdin``, read everything, and wait for the end."""
    out, err = bytearray(), bytearray()

    async def send() -> None:
        if stdin is not None:
            await session.write(stdin)
            await session.close_input()

    async with asyncio.timeout(TIMEOUT):
        sending = asyncio.create_task(send())
        while output := await session.read():
            (out if output.stream is StreamName.STDOUT else err).extend(output.data)
        await sending
        return Result(await session.exit_code(), bytes(out), bytes(err))


async def read_until(session: Session, word: bytes) -> bytes:
    """Read until ``word`` came."""
    found = bytearray()
    async with asyncio.timeout(TIMEOUT):
        while word not in found:
            output = await session.read()
            assert output is not None, f"the stream ended after {bytes(found)!r}"
            found += output.data
    return bytes(found)


async def collect(stream: AsyncGenerator[T, None], count: int) -> list[T]:
    """The first ``count`` items of a stream, which is then closed."""
    found: list[T] = []
    try:
        async with asyncio.timeout(TIMEOUT):
            while len(found) < count:
                found.append(await anext(stream))
    finally:
        await stream.aclose()
    return found


def sh(script: str) -> tuple[str, str, str]:
    """A command that runs a shell script."""
    return "sh", "-c", script


def volume(source: str, target: str, **options: Any) -> Mount:
    """A named volume's mount."""
    return Mount(kind="volume", source=source, target=target, **options)
