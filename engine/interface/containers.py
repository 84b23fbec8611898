"""Containers, in four roles."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from typing import Protocol

from engine.interface.sessions import Session
from engine.model.containers import (
    Container,
    ContainerConfig,
    ContainerDetails,
    ContainerExit,
    CreatedContainer,
    ExecConfig,
    HostConfig,
    ProcessTable,
    PruneReport,
    UpdateConfig,
)
from engine.model.files import Change, CommitConfig, Directory, PathStat
from engine.model.filters import Filters
from engine.model.stats import Stats
from engine.model.streams import LogLine, LogQuery
from engine.model.value import EMPTY


class ContainerLifecycle(Protocol):
    """Make, run and end containers."""

    async def create(self, config: ContainerConfig, host: HostConfig, *, name: str = "", platform: str = "") -> CreatedContainer:
        """Make a container from an image that is present. Without ``name`` one is made up.

        Raises:
            NotFound: no such image (``No such image: x:latest``), or network.
            Conflict: the name is in use.
            InvalidArgument: the configuration contradicts itself.
        """

    async def start(self, container: str) -> None:
        """Start it. Returns when its process runs.

        Raises:
            NotModified: it already runs.
            StartFailed: or a subclass, with docker's words; the container stays, with its error recorded, unless it was to remove
                itself.
        """

    async def stop(self, container: str, *, timeout: int | None = None, signal: str = "") -> None:
        """Send the stop signal, wait ``timeout`` seconds (its own, else 10; -1 for ever), then kill.

        Raises:
            NotModified: it does not run.
        """

    async def restart(self, container: str, *, timeout: int | None = None, signal: str = "") -> None:
        """Stop if it runs, then start."""

    async def kill(self, container: str, *, signal: str = "KILL") -> None:
        """Send a signal by name or number.

        Raises:
            Conflict: it does not run.
            InvalidArgument: no such signal.
        """

    async def pause(self, container: str) -> None:
        """Freeze every process. Raises Conflict unless it runs."""

    async def unpause(self, container: str) -> None:
        """Thaw. Raises Conflict unless it is paused."""

    async def remove(self, container: str, *, force: bool = False, volumes: bool = False) -> None:
        """Remove it; ``force`` kills first, ``volumes`` removes its anonymous volumes too.

        Raises:
            Conflict: it runs and ``force`` is off.
        """

    async def rename(self, container: str, name: str) -> None:
        """Give it another name. Raises Conflict when that is in use."""

    async def update(self, container: str, config: UpdateConfig) -> Sequence[str]:
        """Change limits and restart policy, at once where it runs. Warnings come back.

        Raises:
            Conflict: a change contradicts what was set before, in docker's words.
            InvalidArgument: a value is out of range.
            EngineFault: the kernel refuses (a memory limit below what is in use, for instance); nothing is changed then.
        """

    async def wait(self, container: str, *, condition: str = "not-running", listening: Callable[[], None] | None = None) -> ContainerExit:
        """Wait for ``not-running``, ``next-exit`` or ``removed``.

        ``listening`` is called once no exit can be missed any more: whoever waits for the end of what is to be started next
        starts it then.
        """

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        """Remove every stopped container."""


class ContainerQueries(Protocol):
    """Look at containers."""

    async def list(self, *, all: bool = False, filters: Filters = EMPTY, limit: int = 0, size: bool = False) -> Sequence[Container]:
        """Running containers, or all, newest first."""

    async def inspect(self, container: str, *, size: bool = False) -> ContainerDetails:
        """Everything about one."""

    async def top(self, container: str, *, ps_args: str = "") -> ProcessTable:
        """Its processes. Raises Conflict unless it runs."""


class ContainerStreams(Protocol):
    """Follow containers."""

    def logs(self, container: str, query: LogQuery) -> AsyncGenerator[Sequence[LogLine], None]:
        """Batches of log lines, oldest first; with ``follow`` until the container ends."""

    def stats(self, container: str, *, stream: bool = True) -> AsyncGenerator[Stats, None]:
        """A sample a second; with ``stream`` off one sample that has a predecessor. Zeros when it does not run."""

    async def attach(self, container: str, *, stdin: bool = False, logs: bool = False) -> Session:
        """Connect to its main process, also before it is started; ``logs`` replays what was written before."""


class ContainerExec(Protocol):
    """Run further processes."""

    async def exec(self, container: str, config: ExecConfig) -> Session:
        """Start a process in a running container.

        Raises:
            Conflict: it does not run, or is paused.
            ExecutableNotFound, NotExecutable: as for start.
        """


class ContainerFiles(Protocol):
    """Files of running and stopped containers. A path is looked up inside the container: no link leads out of it."""

    async def changes(self, container: str) -> Sequence[Change]:
        """What differs from the image, by path."""

    async def stat(self, container: str, path: str) -> PathStat:
        """What is at ``path``; a link at its end is not followed.

        Raises:
            NotFound: ``Could not find the file …``.
        """

    async def list_directory(self, container: str, path: str) -> Directory:
        """What is in the directory ``path``, a link at its end followed inside the container.

        A Docker host has no such question: it packs the directory with all that is below, of which only the heads are looked at,
        64 MiB at most; what was found until then comes back, not complete.

        Raises:
            NotFound: ``Could not find the file …``.
            InvalidArgument: it is no directory.
        """

    def get_archive(self, container: str, path: str) -> AsyncGenerator[bytes, None]:
        """What is at ``path`` as a tar stream. Its names begin with the path's last component, with ``./`` after ``/.``.

        Raises:
            NotFound: ``Could not find the file …``.
        """

    async def put_archive(self, container: str, path: str, data: AsyncIterable[bytes], *, copy_owner: bool = False) -> None:
        """Unpack a tar stream, compressed or not, into the directory ``path``.

        Files keep the owners that the stream gives; with ``copy_owner`` they get the container's user, where it has one.

        Raises:
            NotFound: there is no such path.
            InvalidArgument: it is no directory, it is read-only, or a directory would be replaced by a file or a file by a directory.
            CorruptData: the stream is malformed or climbs out of ``path``.
        """

    def export(self, container: str) -> AsyncGenerator[bytes, None]:
        """The whole file system as a tar stream, without what is mounted on it."""

    async def commit(self, container: str, config: CommitConfig) -> str:
        """Make an image of what the container has changed; its id comes back.

        Raises:
            InvalidArgument: the reference or an instruction is malformed.
        """


class Containers(ContainerLifecycle, ContainerQueries, ContainerStreams, ContainerExec, ContainerFiles, Protocol):
    """All roles of containers."""
