"""Containers of a Docker Engine API."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence

from engine.backends.docker import logs, sessions
from engine.backends.docker.api import Api
from engine.backends.docker.files import DockerFiles, path_of
from engine.dockerapi import containers as codec
from engine.dockerapi import create as bodies
from engine.dockerapi import failures, stats
from engine.dockerapi import filters as filter_codec
from engine.dockerapi.document import Lines
from engine.errors import Conflict, EngineFault, InvalidArgument, LongshoreError, NotFound, NotModified
from engine.interface import Session
from engine.model.containers import (
    Container,
    ContainerConfig,
    ContainerDetails,
    ContainerExit,
    ContainerStatus,
    CreatedContainer,
    ExecConfig,
    HostConfig,
    ProcessTable,
    PruneReport,
    UpdateConfig,
)
from engine.model.filters import Filters
from engine.model.stats import Stats, cpu_percent
from engine.model.streams import LogLine, LogQuery
from engine.model.value import EMPTY

_STOP_SIGNAL_VERSION = (1, 42)
_DEFAULT_STOP_TIMEOUT = 10
_AUTO_REMOVE_VERSION = (1, 25)
_PODMAN_COLUMNS = "user,pid,ppid,pcpu,etime,tty,time,args"  # for docker's `-ef` podman runs the container's own ps


class DockerContainers(DockerFiles):
    """See :class:`engine.interface.Containers`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def create(self, config: ContainerConfig, host: HostConfig, *, name: str = "", platform: str = "") -> CreatedContainer:
        if config.stop_timeout is None and await self._api.is_podman():
            config = config.replace(stop_timeout=_DEFAULT_STOP_TIMEOUT)  # its API takes nothing for 0
        body = bodies.encode_create(config, host)
        if host.auto_remove:
            await self._api.need(_AUTO_REMOVE_VERSION, "automatic removal (--rm)")
        return codec.decode_created(await self._api.post("/containers/create", {"name": name, "platform": platform}, body=body))

    async def start(self, container: str) -> None:
        try:
            await self._api.post(f"{path_of(container)}/start")
        except NotModified as error:
            raise NotModified(f"container {container} is already running") from error
        except (EngineFault, InvalidArgument) as error:
            raise failures.start_failure(error, await self._failed_exit_code(container)) from error

    async def stop(self, container: str, *, timeout: int | None = None, signal: str = "") -> None:
        if signal and await self._api.version() < _STOP_SIGNAL_VERSION:
            await self._stop_with(container, signal, timeout)
            return
        try:
            await self._api.post(f"{path_of(container)}/stop", {"t": _seconds(timeout), "signal": signal})
        except NotModified as error:
            raise NotModified(f"container {container} is already stopped") from error

    async def restart(self, container: str, *, timeout: int | None = None, signal: str = "") -> None:
        try:
            await self._api.post(f"{path_of(container)}/restart", {"t": _seconds(timeout), "signal": signal})
        except EngineFault as error:
            raise failures.start_failure(error, await self._failed_exit_code(container)) from error

    async def kill(self, container: str, *, signal: str = "KILL") -> None:
        await self._api.post(f"{path_of(container)}/kill", {"signal": signal})

    async def pause(self, container: str) -> None:
        try:
            await self._api.post(f"{path_of(container)}/pause")
        except EngineFault as error:
            raise await self._wrong_state(container, error, wanted=("running",)) from error

    async def unpause(self, container: str) -> None:
        try:
            await self._api.post(f"{path_of(container)}/unpause")
        except EngineFault as error:
            raise await self._wrong_state(container, error, wanted=("paused",)) from error

    async def remove(self, container: str, *, force: bool = False, volumes: bool = False) -> None:
        await self._api.delete(path_of(container), {"force": force, "v": volumes})

    async def rename(self, container: str, name: str) -> None:
        await self._api.post(f"{path_of(container)}/rename", {"name": name})

    async def update(self, container: str, config: UpdateConfig) -> Sequence[str]:
        return codec.decode_created(await self._api.post(f"{path_of(container)}/update", body=bodies.encode_update(config))).warnings

    async def wait(self, container: str, *, condition: str = "not-running", listening: Callable[[], None] | None = None) -> ContainerExit:
        if condition not in ("not-running", "next-exit", "removed"):
            raise InvalidArgument(f'invalid condition: "{condition}"')
        path = path_of(container)
        if condition == "removed" and await self._api.is_podman():
            return await self._wait_for_removal(path, container, listening)
        return await sessions.wait(self._api, path, condition, listening)

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        return codec.decode_prune(await self._api.post("/containers/prune", {"filters": filter_codec.encode(filters)}))

    async def list(self, *, all: bool = False, filters: Filters = EMPTY, limit: int = 0, size: bool = False) -> Sequence[Container]:
        parameters = {"all": all, "limit": limit or None, "size": size, "filters": filter_codec.encode(filters)}
        return codec.decode_list(await self._api.get("/containers/json", parameters))

    async def inspect(self, container: str, *, size: bool = False) -> ContainerDetails:
        return codec.decode_details(await self._api.get(f"{path_of(container)}/json", {"size": size}))

    async def top(self, container: str, *, ps_args: str = "") -> ProcessTable:
        if not ps_args and await self._api.is_podman():
            ps_args = _PODMAN_COLUMNS
        try:
            return codec.decode_top(await self._api.get(f"{path_of(container)}/top", {"ps_args": ps_args}))
        except EngineFault as error:
            raise await self._wrong_state(container, error, wanted=("running", "paused")) from error

    def logs(self, container: str, query: LogQuery) -> AsyncGenerator[Sequence[LogLine], None]:
        return logs.read(self._api, container, query)

    async def stats(self, container: str, *, stream: bool = True) -> AsyncGenerator[Stats, None]:
        # Podman's single sample has no predecessor: the second of a stream has.
        wanted = 0 if stream else 2 if await self._api.is_podman() else 1
        samples = self._samples(container, endless=wanted != 1)
        count, last = 0, None
        async with contextlib.aclosing(samples):
            async for last in samples:
                count += 1
                if not wanted:
                    yield last
                elif count == wanted:
                    break
        if not count:
            last = Stats(container_id=(await self.inspect(container)).container.id)
        if last is not None and (wanted or not count):
            yield last

    async def _samples(self, container: str, *, endless: bool) -> AsyncGenerator[Stats, None]:
        decoder, before = Lines(), None
        async with (
            self._api.stream("GET", f"{path_of(container)}/stats", {"stream": "1" if endless else "0"}) as response,
            contextlib.aclosing(self._api.chunks(response)) as chunks,
        ):
            async for chunk in chunks:
                for item in decoder.feed(chunk):
                    sample = stats.decode(item)
                    if before is not None and not sample.cpu_percent and before.cpu_total:
                        sample = sample.replace(cpu_percent=cpu_percent(sample, before))
                    before = sample
                    yield sample
            for item in decoder.finish():
                yield stats.decode(item)

    async def attach(self, container: str, *, stdin: bool = False, logs: bool = False) -> Session:
        return await sessions.attach(self._api, container, stdin=stdin, logs=logs)

    async def exec(self, container: str, config: ExecConfig) -> Session:
        return await sessions.execute(self._api, container, config)

    async def _stop_with(self, container: str, signal: str, timeout: int | None) -> None:
        """Engines before API 1.42 can not be told the stop signal: send it, wait, then have them kill."""
        details = await self.inspect(container)
        if not details.container.state.running:
            raise NotModified(f"container {container} is already stopped")
        own = details.config.stop_timeout
        limit = timeout if timeout is not None else _DEFAULT_STOP_TIMEOUT if own is None else own
        await self.kill(details.container.id, signal=signal)
        try:
            async with asyncio.timeout(limit if limit >= 0 else None):
                await self.wait(details.container.id)
        except TimeoutError:
            try:
                await self.kill(details.container.id)
            except Conflict:
                pass

    async def _wait_for_removal(self, path: str, container: str, listening: Callable[[], None] | None) -> ContainerExit:
        """Podman forgets the exit code of a container that is gone, so that its end is waited for first."""
        state = (await self.inspect(container)).container.state
        if not state.running and state.status is not ContainerStatus.CREATED:
            found = ContainerExit(exit_code=state.exit_code)
        else:
            found, listening = await sessions.wait(self._api, path, "next-exit", listening), None
        with contextlib.suppress(NotFound):
            await sessions.wait(self._api, path, "removed", listening)
        return found

    async def _failed_exit_code(self, container: str) -> int:
        try:
            return (await self.inspect(container)).container.state.exit_code
        except LongshoreError:
            return 0

    async def _wrong_state(self, container: str, error: EngineFault, *, wanted: tuple[str, ...]) -> LongshoreError:
        """Some engines answer 500 where the container is in the wrong state for the request; its state tells."""
        state = (await self.inspect(container)).container.state.status
        return error if str(state) in wanted else Conflict(error.message)


def _seconds(timeout: int | None) -> str:
    return "" if timeout is None else str(timeout)
