"""A test double of the engine: the whole interface, in memory, with docker's words and events.

It keeps the rules that the TUI depends on: states change as Docker's do, every change is an event, lists are new
values, streams end when they are closed. A log may be of any length: its lines are made when they are asked for.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import stat
import tarfile
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence

from engine.errors import Conflict, ExecutableNotFound, Forbidden, InvalidArgument, NotFound, NotModified, NotSupported
from engine.interface import Session, Swarm
from engine.model.auth import Credentials
from engine.model.check import CheckEvent, CheckProgress
from engine.model.containers import (
    PLAIN,
    Container,
    ContainerConfig,
    ContainerDetails,
    ContainerExit,
    ContainerState,
    ContainerStatus,
    CreatedContainer,
    Endpoint,
    EndpointOptions,
    ExecConfig,
    HostConfig,
    Mount,
    PortBinding,
    ProcessTable,
    PruneReport,
    UpdateConfig,
)
from engine.model.events import Event, EventQuery
from engine.model.files import Change, CommitConfig, Directory, DirectoryEntry, PathStat
from engine.model.filters import Filters
from engine.model.images import (
    HiddenFile,
    Image,
    ImageConfig,
    ImageContents,
    ImageDetails,
    ImageLayer,
    ImageManifest,
    LayerContents,
    LoadedImage,
    PullPhase,
    PullProgress,
    PushPhase,
    PushProgress,
    RegistryImage,
    RemovedImage,
    SearchResult,
)
from engine.model.networks import Network, NetworkMember, NetworkSpec, Subnet
from engine.model.stats import InterfaceStats, Stats
from engine.model.streams import LogLine, LogQuery, Output, StreamName
from engine.model.system import DiskUsage, EngineInfo, EngineVersion, Plugin, UsageItem
from engine.model.value import EMPTY
from engine.model.volumes import Volume, VolumeSpec

NOW = 1_795_600_800.0
"""The time at which nothing moves: 2026-11-25 10:00:00 UTC."""
SECOND = 1_000_000_000
RUNNING, PAUSED, EXITED, CREATED = ContainerStatus.RUNNING, ContainerStatus.PAUSED, ContainerStatus.EXITED, ContainerStatus.CREATED


def sha(text: str) -> str:
    """64 hex digits that belong to a text."""
    return hashlib.sha256(text.encode()).hexdigest()


class FakeLog:
    """A log of any length.

    ``stamp`` entries share one time, as the lines of one chunk do.
    """

    def __init__(self, count: int = 0, line: Callable[[int], bytes] | None = None, *, stamp: int = 1, end: float = NOW) -> None:
        self._count = count
        self._line = line or (lambda index: b"line %d\n" % index)
        self._stamp = stamp
        self._first = int(end * SECOND) - (count // stamp + 1) * 1_000_000
        self._more: list[LogLine] = []
        self.changed = asyncio.Condition()
        self.ended = False
        self.made = 0

    def __len__(self) -> int:
        return self._count + len(self._more)

    def get(self, index: int) -> LogLine:
        if index >= self._count:
            return self._more[index - self._count]
        self.made += 1
        return LogLine(time=self.time(index), stream=StreamName.STDOUT, data=self._line(index))

    def time(self, index: int) -> int:
        if index >= self._count:
            return self._more[index - self._count].time
        return self._first + index // self._stamp * 1_000_000

    def place(self, time: int, *, after: bool) -> int:
        """How many lines are before ``time``, or up to it."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self.time(middle) < time or (after and self.time(middle) == time):
                low = middle + 1
            else:
                high = middle
        return low

    async def write(self, *lines: bytes, stream: StreamName = StreamName.STDOUT, time: int = 0) -> None:
        time = time or max(self.time(len(self) - 1) + 1_000_000 if len(self) else 0, int(NOW * SECOND))
        async with self.changed:
            self._more += [LogLine(time=time + index, stream=stream, data=line) for index, line in enumerate(lines)]
            self.changed.notify_all()

    async def end(self) -> None:
        async with self.changed:
            self.ended = True
            self.changed.notify_all()


class FakeSession:
    """A process that answers each line it is sent with the line in capitals, and ends at ``exit``."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []
        self.written = bytearray()
        self.closed = False
        self.pid = 0
        self.code = 0
        self._out: asyncio.Queue[Output | None] = asyncio.Queue()
        self._out.put_nowait(Output(stream=StreamName.STDOUT, data=b"/ # "))

    async def read(self) -> Output | None:
        return await self._out.get()

    async def write(self, data: bytes) -> None:
        self.written += data
        self._out.put_nowait(Output(stream=StreamName.STDOUT, data=data.upper()))
        if bytes(self.written).rstrip(b"\r\n").endswith(b"exit"):
            self._out.put_nowait(None)

    async def close_input(self) -> None:
        self._out.put_nowait(None)

    async def resize(self, *, width: int, height: int) -> None:
        self.sizes.append((width, height))

    async def exit_code(self) -> int:
        return self.code

    async def close(self) -> None:
        self.closed = True


def _kind(member: tarfile.TarInfo) -> int:
    return stat.S_IFDIR if member.isdir() else stat.S_IFLNK if member.issym() else stat.S_IFREG


class Hub:
    """Events for everyone who listens."""

    def __init__(self) -> None:
        self.seen: list[Event] = []
        self.changed = asyncio.Condition()
        self.broken: Exception | None = None
        self.calls: list[str] = []

    async def emit(self, kind: str, action: str, id: str, **attributes: str) -> None:
        await self.burst((kind, action, id), **attributes)

    async def burst(self, *events: tuple[str, str, str], **attributes: str) -> None:
        """Tell several events at one instant, each with its kind, its action and its object's id."""
        async with self.changed:
            self.seen += [Event(kind=kind, action=action, id=id, time=len(self.seen), attributes=attributes) for kind, action, id in events]
            self.changed.notify_all()

    async def fail(self, error: Exception | None) -> None:
        async with self.changed:
            self.broken = error
            self.changed.notify_all()

    def check(self, call: str) -> None:
        self.calls.append(call)
        if self.broken is not None:
            raise self.broken


class FakeFiles:
    """Containers with the files of an archive, the same in each; none without one."""

    changed: Sequence[Change] = ()
    archive: bytes = b""
    received: dict[str, bytes]

    def _members(self) -> dict[str, tarfile.TarInfo]:
        if not self.archive:
            return {}
        with tarfile.open(fileobj=io.BytesIO(self.archive)) as archive:
            return {f"/{member.name}".rstrip("/"): member for member in archive.getmembers()}

    def _follow(self, path: str) -> str:
        """Where a path leads: links to absolute paths are enough here."""
        member = self._members().get(path.rstrip("/"))
        return member.linkname if member is not None and member.issym() else path.rstrip("/")

    async def list_directory(self, container: str, path: str) -> Directory:
        path = self._follow(path)
        members = self._members()
        if path and path not in members:
            raise NotFound(f"Could not find the file {path} in container {container}")
        if path and not members[path].isdir():
            raise InvalidArgument(f"{path} in container {container} is not a directory")
        found = [member for name, member in members.items() if name.rpartition("/")[0] == path]
        return Directory(
            entries=tuple(
                DirectoryEntry(
                    name=one.name.rpartition("/")[2],
                    mode=_kind(one) | one.mode,
                    size=one.size,
                    uid=one.uid,
                    gid=one.gid,
                    mtime=one.mtime,
                    link_target=one.linkname,
                )
                for one in found
            )
        )

    async def changes(self, container: str) -> Sequence[Change]:
        return self.changed

    async def stat(self, container: str, path: str) -> PathStat:
        if (one := self._members().get(path.rstrip("/"))) is not None:
            return PathStat(name=one.name, size=one.size, mode=_kind(one) | one.mode, mtime=one.mtime, link_target=one.linkname)
        raise NotFound(f"Could not find the file {path} in container {container}")

    async def get_archive(self, container: str, path: str) -> AsyncGenerator[bytes, None]:
        await self.stat(container, path)
        made = io.BytesIO()
        with tarfile.open(fileobj=io.BytesIO(self.archive)) as source, tarfile.open(fileobj=made, mode="w") as target:
            for name, member in self._members().items():
                if name == path or name.startswith(f"{path}/"):
                    target.addfile(member, source.extractfile(member) if member.isreg() else None)
        for start in range(0, len(made.getvalue()), 700):
            yield made.getvalue()[start : start + 700]

    async def put_archive(self, container: str, path: str, data: AsyncIterable[bytes], *, copy_owner: bool = False) -> None:
        self.received[path] = b"".join([piece async for piece in data])

    async def export(self, container: str) -> AsyncGenerator[bytes, None]:
        yield bytes(10240)


class FakeContainers(FakeFiles):
    """Containers."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self._hub = engine.hub
        self.all: dict[str, Container] = {}
        self.configs: dict[str, tuple[ContainerConfig, HostConfig]] = {}
        self.log_of: dict[str, FakeLog] = {}
        self.sessions: list[FakeSession] = []
        self.samples: dict[str, list[Stats]] = {}
        self.no_shell: set[str] = set()
        self.received = {}
        self.executed: list[ExecConfig] = []
        self.log_error: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.open_streams = 0

    def put(self, one: Container, config: ContainerConfig, host: HostConfig, log: FakeLog) -> None:
        self.all[one.id] = one
        self.configs[one.id] = (config, host)
        self.log_of[one.id] = log

    def find(self, name: str) -> Container:
        for one in self.all.values():
            if name in (one.id, one.name) or (name and one.id.startswith(name)):
                return one
        raise NotFound(f"No such container: {name}")

    def log(self, name: str) -> FakeLog:
        return self.log_of[self.find(name).id]

    async def _to(self, one: Container, action: str, status: ContainerStatus, **state: object) -> None:
        if self.gate is not None:
            await self.gate.wait()
        self.all[one.id] = one.replace(state=one.state.replace(status=status, **state))
        await self._hub.emit("container", action, one.id, name=one.name)

    async def create(self, config: ContainerConfig, host: HostConfig, *, name: str = "", platform: str = "") -> CreatedContainer:
        self._hub.check("create")
        image = self._engine.images.find(config.image)
        name = name or f"brave_{len(self.all)}"
        if any(one.name == name for one in self.all.values()):
            raise Conflict(
                f'Conflict. The container name "/{name}" is already in use by container "{self.find(name).id}". '
                "You have to remove (or rename) that container to be able to reuse that name."
            )
        id = sha(name)
        one = Container(
            id=id,
            name=name,
            image=config.image,
            image_id=image.id,
            command=" ".join(config.cmd or ()),
            created_at=NOW,
            state=ContainerState(status=CREATED),
            ports=host.port_bindings,
            mounts=host.mounts,
        )
        self.put(one, config, host, FakeLog())
        await self._hub.emit("container", "create", id, name=name)
        return CreatedContainer(id=id)

    async def start(self, container: str) -> None:
        self._hub.check(f"start {container}")
        one = self.find(container)
        if one.state.running:
            raise NotModified(f"container {one.name} is already running")
        await self._to(one, "start", RUNNING, pid=1000, started_at=NOW, exit_code=0)

    async def stop(self, container: str, *, timeout: int | None = None, signal: str = "") -> None:
        self._hub.check(f"stop {container}")
        one = self.find(container)
        if not one.state.running:
            raise NotModified(f"container {one.name} is not running")
        await self._to(one, "die", EXITED, pid=0, exit_code=143, finished_at=NOW)
        await self.log_of[one.id].end()

    async def restart(self, container: str, *, timeout: int | None = None, signal: str = "") -> None:
        self._hub.check(f"restart {container}")
        one = self.find(container)
        await self._to(one, "restart", RUNNING, pid=1001, started_at=NOW + 1, exit_code=0)

    async def kill(self, container: str, *, signal: str = "KILL") -> None:
        self._hub.check(f"kill {container}")
        one = self.find(container)
        if not one.state.running:
            raise Conflict(f"cannot kill container: {container}: container {one.id} is not running")
        await self._to(one, "die", EXITED, pid=0, exit_code=137, finished_at=NOW)

    async def pause(self, container: str) -> None:
        self._hub.check(f"pause {container}")
        one = self.find(container)
        if one.state.status is not RUNNING:
            raise Conflict(f"container {one.id} is not running")
        await self._to(one, "pause", PAUSED)

    async def unpause(self, container: str) -> None:
        self._hub.check(f"unpause {container}")
        one = self.find(container)
        if one.state.status is not PAUSED:
            raise Conflict(f"Container {one.id} is not paused")
        await self._to(one, "unpause", RUNNING)

    async def remove(self, container: str, *, force: bool = False, volumes: bool = False) -> None:
        self._hub.check(f"remove {container} force={force} volumes={volumes}")
        one = self.find(container)
        if one.state.running and not force:
            raise Conflict(
                f'cannot remove container "/{one.name}": container is running: stop the container before removing or force remove'
            )
        del self.all[one.id]
        await self._hub.emit("container", "destroy", one.id, name=one.name)

    async def rename(self, container: str, name: str) -> None:
        self._hub.check(f"rename {container} {name}")
        one = self.find(container)
        self.all[one.id] = one.replace(name=name)
        await self._hub.emit("container", "rename", one.id, name=name, oldName=one.name)

    async def update(self, container: str, config: UpdateConfig) -> Sequence[str]:
        self._hub.check(f"update {self.find(container).name} memory={config.memory} cpus={config.nano_cpus}")
        return ("your kernel does not count swap",) if config.memory else ()

    async def commit(self, container: str, config: CommitConfig) -> str:
        self._hub.check(f"commit {self.find(container).name} {config.reference} {list(config.changes)}")
        self._engine.add_image(config.reference)
        await self._hub.emit("image", "tag", config.reference)
        return f"sha256:{sha(container)}"

    async def wait(self, container: str, *, condition: str = "not-running", listening: Callable[[], None] | None = None) -> ContainerExit:
        return ContainerExit(exit_code=self.find(container).state.exit_code)

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        gone = tuple(one.id for one in self.all.values() if not one.state.running)
        for id in gone:
            await self.remove(id)
        return PruneReport(removed=gone)

    async def list(self, *, all: bool = False, filters: Filters = EMPTY, limit: int = 0, size: bool = False) -> Sequence[Container]:
        ids = filters.get("id", ())
        self._hub.check(" ".join(("list containers", *sorted(ids))))
        return [one for one in self.all.values() if (all or one.state.running) and (not ids or one.id.startswith(ids))]

    async def inspect(self, container: str, *, size: bool = False) -> ContainerDetails:
        self._hub.check(f"inspect {container}")
        one = self.find(container)
        config, host = self.configs[one.id]
        raw: dict[str, object] = {
            "Id": one.id,
            "Name": f"/{one.name}",
            "State": {"Status": one.state.status, "Pid": one.state.pid, "OOMKilled": False},
            "Config": {"Image": one.image, "Env": list(config.env), "Tty": config.tty},
            "Mounts": [],
            "SizeRw": None,
        }
        cmd = config.cmd or ("sh",)
        return ContainerDetails(container=one, config=config, host_config=host, path=cmd[0], args=cmd[1:], raw=json.dumps(raw))

    async def top(self, container: str, *, ps_args: str = "") -> ProcessTable:
        self._hub.check(f"top {container}")
        one = self.find(container)
        if not one.state.running:
            raise Conflict(f"container {one.id} is not running")
        return ProcessTable(
            titles=("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"),
            rows=(
                ("root", "1000", "980", "0", "09:12", "?", "00:00:01", "nginx: master process nginx -g daemon off;"),
                ("nginx", "1029", "1000", "0", "09:12", "?", "00:00:00", "nginx: worker process"),
            ),
        )

    async def logs(self, container: str, query: LogQuery) -> AsyncGenerator[Sequence[LogLine], None]:
        self._hub.check(f"logs {container}")
        if self.log_error is not None:
            raise self.log_error
        log = self.log(container)
        begin = 0 if query.since is None else log.place(query.since, after=False)
        end = len(log) if query.until is None else log.place(query.until, after=True)
        if query.tail is not None:
            begin = max(begin, end - query.tail)
        self.open_streams += 1
        try:
            while True:
                while begin < end:
                    batch = [log.get(index) for index in range(begin, min(end, begin + 4000))]
                    begin += len(batch)
                    yield batch
                if not query.follow or log.ended:
                    return
                async with log.changed:
                    while begin >= len(log) and not log.ended:
                        await log.changed.wait()
                end = len(log)
        finally:
            self.open_streams -= 1

    async def stats(self, container: str, *, stream: bool = True) -> AsyncGenerator[Stats, None]:
        self._hub.check(f"stats {container}")
        one = self.find(container)
        self.open_streams += 1
        try:
            for sample in self.samples.get(one.id, ()):
                yield sample
            await asyncio.Event().wait()
        finally:
            self.open_streams -= 1

    async def attach(self, container: str, *, stdin: bool = False, logs: bool = False) -> Session:
        self._hub.check(f"attach {container} stdin={stdin}")
        self.sessions.append(FakeSession())
        return self.sessions[-1]

    async def exec(self, container: str, config: ExecConfig) -> Session:
        self._hub.check(f"exec {container} {config.cmd[0]}")
        self.executed.append(config)
        one = self.find(container)
        if one.id in self.no_shell:
            raise ExecutableNotFound(f'exec: "{config.cmd[0]}": stat {config.cmd[0]}: no such file or directory')
        self.sessions.append(FakeSession())
        return self.sessions[-1]


class FakeImages:
    """Images, and pulls that wait for the test at every step."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self._hub = engine.hub
        self.all: dict[str, Image] = {}
        self.steps: Sequence[PullProgress] = ()
        self.hold = asyncio.Event()
        self.hold.set()
        self.pull_error: Exception | None = None
        self.layers = ImageContents(
            layers=(LayerContents(files=480, size=7_800_000), LayerContents(files=1200, size=62_400_000, hidden=18_000_000)),
            steps=(0, 1, -1, -1),
            hidden=(
                HiddenFile(path="var/cache/apk/APKINDEX.tar.gz", size=12_000_000, copies=2),
                HiddenFile(path="tmp/build.log", size=6_000_000),
            ),
        )

    def find(self, name: str) -> Image:
        for image in self.all.values():
            if name == image.id or name in image.tags or f"{name}:latest" in image.tags or image.short_id == name:
                return image
        raise NotFound(f"No such image: {name if ':' in name else f'{name}:latest'}")

    async def list(self, *, all: bool = False, filters: Filters = EMPTY) -> Sequence[Image]:
        self._hub.check("list images")
        return list(self.all.values())

    async def inspect(self, image: str, *, platform: str = "") -> ImageDetails:
        self._hub.check(f"inspect image {image}")
        found = self.find(image)
        config = ImageConfig(
            cmd=("nginx", "-g", "daemon off;"), entrypoint=("/docker-entrypoint.sh",), env=("PATH=/usr/bin",), exposed_ports=("80/tcp",)
        )
        raw = {"Id": found.id, "RepoTags": list(found.tags), "Architecture": "amd64", "Os": "linux", "Size": found.size}
        return ImageDetails(image=found, config=config, architecture="amd64", raw=json.dumps(raw))

    async def distribution(self, reference: str, *, credentials: Credentials | None = None) -> RegistryImage:
        return RegistryImage(digest=self.find(reference).id, media_type="application/vnd.oci.image.manifest.v1+json", size=1)

    async def search(self, term: str, *, limit: int = 25, filters: Filters = EMPTY) -> Sequence[SearchResult]:
        return [SearchResult(name=term, description="found", stars=1)][:limit]

    async def manifests(self, image: str) -> Sequence[ImageManifest]:
        raise NotSupported("the screens ask for no manifests")

    async def history(self, image: str, *, platform: str = "") -> Sequence[ImageLayer]:
        found = self.find(image)
        return [
            ImageLayer(id=found.id, created_at=found.created_at, created_by='CMD ["nginx" "-g" "daemon off;"]'),
            ImageLayer(created_at=found.created_at, created_by="/bin/sh -c #(nop)  EXPOSE 80"),
            ImageLayer(created_at=found.created_at, created_by="/bin/sh -c apk add --no-cache nginx", size=62_400_000),
            ImageLayer(created_at=found.created_at, created_by="ADD rootfs.tar.xz / # buildkit", size=7_800_000),
        ]

    async def contents(self, image: str, *, moved: Callable[[int], object] | None = None) -> ImageContents:
        self._hub.check(f"contents {image}")
        self.find(image)
        if moved is not None:
            moved(30_000_000)
        await self.hold.wait()
        return self.layers

    async def pull(
        self,
        reference: str,
        *,
        platform: str = "",
        all_platforms: bool = False,
        all_tags: bool = False,
        credentials: Credentials | None = None,
    ) -> AsyncGenerator[PullProgress, None]:
        self._hub.check(f"pull {reference}")
        for step in self.steps:
            yield step
        await self.hold.wait()
        if self.pull_error is not None:
            raise self.pull_error
        id = f"sha256:{sha(reference)}"
        tag = reference if ":" in reference else f"{reference}:latest"
        yield PullProgress(phase=PullPhase.DIGEST, detail=id)
        yield PullProgress(phase=PullPhase.STATUS, detail=f"Downloaded newer image for {tag}")
        self.all[id] = Image(id=id, tags=(tag,), created_at=NOW - 3600, size=12_300_000)
        await self._hub.emit("image", "pull", tag)

    async def push(
        self,
        reference: str,
        *,
        all_tags: bool = False,
        platform: str = "",
        all_platforms: bool = False,
        credentials: Credentials | None = None,
    ) -> AsyncGenerator[PushProgress, None]:
        self._hub.check(f"push {reference}")
        image = self.find(reference)
        yield PushProgress(phase=PushPhase.REFERS, detail=reference)
        yield PushProgress(phase=PushPhase.DIGEST, layer="latest", detail=image.id, total=1)

    async def save(self, images: Sequence[str], *, platform: str = "", all_platforms: bool = False) -> AsyncGenerator[bytes, None]:
        self._hub.check(f"save {' '.join(images)}")
        for image in images:
            yield self.find(image).id.encode()

    async def load(self, archive: AsyncIterable[bytes], *, platform: str = "") -> Sequence[LoadedImage]:
        self._hub.check("load")
        found = [Image(id=f"sha256:{sha(chunk.decode())}", created_at=NOW) async for chunk in archive]
        self.all.update({image.id: image for image in found})
        return [LoadedImage(id=image.id) for image in found]

    async def import_(
        self, archive: AsyncIterable[bytes], *, reference: str = "", changes: Sequence[str] = (), message: str = "", platform: str = ""
    ) -> str:
        self._hub.check(f"import {reference}")
        (loaded,) = await self.load(archive)
        return loaded.id

    async def tag(self, image: str, reference: str) -> None:
        self._hub.check(f"tag {image} {reference}")
        found = self.find(image)
        self.all[found.id] = found.replace(tags=(*found.tags, reference))
        await self._hub.emit("image", "tag", reference)

    async def remove(self, image: str, *, force: bool = False, prune: bool = True, platforms: Sequence[str] = ()) -> Sequence[RemovedImage]:
        self._hub.check(f"remove image {image} force={force} prune={prune}")
        found = self.find(image)
        users = [one for one in self._engine.containers.all.values() if one.image_id == found.id]
        if users and not force:
            raise Conflict(
                f'conflict: unable to remove repository reference "{image}" (must force) - container {users[0].short_id} is using its referenced image {found.short_id}',
                hint="remove the container first, or force",
            )
        if image in found.tags and len(found.tags) > 1 and not force:
            self.all[found.id] = found.replace(tags=tuple(tag for tag in found.tags if tag != image))
            await self._hub.emit("image", "untag", found.id)
            return [RemovedImage(untagged=image)]
        del self.all[found.id]
        await self._hub.emit("image", "delete", found.id)
        return [*(RemovedImage(untagged=tag) for tag in found.tags), RemovedImage(deleted=found.id)]

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        self._hub.check(f"prune images {dict(filters)}")
        used = {one.image_id for one in self._engine.containers.all.values()}
        everything = filters.get("dangling") == ("false",)
        gone = [image for image in self.all.values() if image.id not in used and (everything or not image.tags)]
        for image in gone:
            del self.all[image.id]
        await self._hub.emit("image", "prune", "")
        return PruneReport(removed=tuple(image.id for image in gone), space_reclaimed=sum(image.size for image in gone))


class FakeVolumes:
    """Volumes."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self._hub = engine.hub
        self.all: dict[str, Volume] = {}

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[Volume]:
        self._hub.check("list volumes")
        return sorted(self.all.values(), key=lambda volume: volume.name)

    async def inspect(self, volume: str) -> Volume:
        if volume not in self.all:
            raise NotFound(f"get {volume}: no such volume")
        return self.all[volume].replace(size=8_400_000, raw=json.dumps({"Name": volume, "Driver": "local"}))

    async def create(self, spec: VolumeSpec) -> Volume:
        self._hub.check(f"create volume {spec.name}")
        mountpoint = f"/var/lib/longshore/volumes/{spec.name}/_data"
        self.all[spec.name] = Volume(name=spec.name, driver=spec.driver, created_at=NOW, mountpoint=mountpoint)
        await self._hub.emit("volume", "create", spec.name)
        return self.all[spec.name]

    async def remove(self, volume: str, *, force: bool = False) -> None:
        self._hub.check(f"remove volume {volume}")
        users = [one for one in self._engine.containers.all.values() if any(mount.source == volume for mount in one.mounts)]
        if users:
            raise Conflict(f"remove {volume}: volume is in use - [{users[0].id}]")
        del self.all[volume]
        await self._hub.emit("volume", "destroy", volume)

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        self._hub.check(f"prune volumes {dict(filters)}")
        used = {mount.source for one in self._engine.containers.all.values() for mount in one.mounts}
        gone = [name for name, volume in self.all.items() if name not in used and (volume.anonymous or "all" in filters)]
        for name in gone:
            del self.all[name]
        await self._hub.emit("volume", "prune", "")
        return PruneReport(removed=tuple(gone), space_reclaimed=1_000_000 * len(gone))


class FakeNetworks:
    """Networks."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self._hub = engine.hub
        self.all: dict[str, Network] = {}

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[Network]:
        self._hub.check("list networks")
        return sorted(self.all.values(), key=lambda network: network.name)

    async def inspect(self, network: str, *, verbose: bool = False, scope: str = "") -> Network:
        found = next((one for one in self.all.values() if network in (one.id, one.name)), None)
        if found is None:
            raise NotFound(f"network {network} not found")
        members = tuple(
            NetworkMember(container_id=one.id, container_name=one.name, endpoint=end)
            for one in self._engine.containers.all.values()
            for end in one.networks
            if end.network == found.name and one.state.running
        )
        return found.replace(members=members, raw=json.dumps({"Name": found.name, "Id": found.id, "Scope": "local"}))

    async def create(self, spec: NetworkSpec) -> str:
        self._hub.check(f"create network {spec.name}")
        id = sha(f"network {spec.name}")
        self.all[id] = Network(
            id=id, name=spec.name, driver=spec.driver, created_at=NOW, subnets=(Subnet(subnet="172.20.0.0/16", gateway="172.20.0.1"),)
        )
        await self._hub.emit("network", "create", id)
        return id

    async def remove(self, network: str) -> None:
        self._hub.check(f"remove network {network}")
        found = await self.inspect(network)
        if found.name in ("bridge", "host", "none"):
            raise Forbidden(f"{found.name} is a pre-defined network and cannot be removed")
        if found.members:
            raise Forbidden(f"error while removing network: network {found.name} has active endpoints")
        del self.all[found.id]
        await self._hub.emit("network", "destroy", found.id)

    async def connect(
        self,
        network: str,
        container: str,
        *,
        ip: str = "",
        ip6: str = "",
        aliases: Sequence[str] = (),
        options: EndpointOptions = PLAIN,
    ) -> None:
        self._hub.check(f"connect {network} {container}")

    async def disconnect(self, network: str, container: str, *, force: bool = False) -> None:
        self._hub.check(f"disconnect {network} {container}")

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        self._hub.check("prune networks")
        used = {end.network for one in self._engine.containers.all.values() for end in one.networks}
        gone = [one for one in self.all.values() if one.name not in used and one.name not in ("bridge", "host", "none")]
        for one in gone:
            del self.all[one.id]
        await self._hub.emit("network", "prune", "")
        return PruneReport(removed=tuple(one.name for one in gone))


class FakeSystem:
    """The engine itself. ``described`` is what it says about itself."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self._hub = engine.hub
        self.described = EngineInfo(name="harbour", engine="longshore", version="0.1.0", cpus=2, memory=8 << 30)

    async def ping(self) -> None:
        self._hub.check("ping")

    async def login(self, registry: str, credentials: Credentials) -> Credentials:
        self._hub.check(f"login {registry}")
        return credentials

    async def info(self) -> EngineInfo:
        self._hub.check("info")
        return self.described

    async def plugins(self, filters: Filters = EMPTY) -> Sequence[Plugin]:
        return ()

    async def version(self) -> EngineVersion:
        return EngineVersion(engine="longshore", version="0.1.0")

    async def disk_usage(self, *, contents: bool = False) -> DiskUsage:
        self._hub.check("disk usage")
        return DiskUsage(
            volumes=tuple(one.replace(size=(place + 1) * 17_000_000) for place, one in enumerate(self._engine.volumes.all.values())),
            items=(
                UsageItem(kind="Images", total=6, active=4, size=810_000_000, reclaimable=71_000_000),
                UsageItem(kind="Containers", total=8, active=5, size=9_000_000, reclaimable=4_000_000),
                UsageItem(kind="Local Volumes", total=3, active=1, size=52_000_000, reclaimable=2_000_000),
            ),
        )

    async def check(self, *, repair: bool = False) -> AsyncGenerator[CheckEvent, None]:
        self._hub.check("check")
        yield CheckProgress(stage="blobs")

    async def events(self, query: EventQuery) -> AsyncGenerator[Event, None]:
        self._hub.check("events")
        place = len(self._hub.seen)
        while True:
            async with self._hub.changed:
                while place >= len(self._hub.seen) and self._hub.broken is None:
                    await self._hub.changed.wait()
            if self._hub.broken is not None:
                raise self._hub.broken
            fresh = self._hub.seen[place:]
            place += len(fresh)
            for event in fresh:
                yield event


class FakeEngine:
    """The whole engine."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.containers = FakeContainers(self)
        self.images = FakeImages(self)
        self.volumes = FakeVolumes(self)
        self.networks = FakeNetworks(self)
        self.system = FakeSystem(self)
        self.closed = False

    @property
    def url(self) -> str:
        return "fake:"

    @property
    def swarm(self) -> Swarm:
        raise NotSupported("this engine has no Swarm mode")

    async def close(self) -> None:
        self.closed = True

    def called(self, prefix: str) -> list[str]:
        """Calls that begin so."""
        return [call for call in self.hub.calls if call.startswith(prefix)]

    def add_image(self, tag: str, *, size: int = 0, days: float = 1, more: tuple[str, ...] = ()) -> Image:
        image = Image(id=f"sha256:{sha(tag or 'dangling')}", tags=(tag, *more) if tag else (), size=size, created_at=NOW - days * 86400)
        self.images.all[image.id] = image
        return image

    def add(
        self,
        name: str,
        image: str,
        status: ContainerStatus = RUNNING,
        *,
        minutes: float = 60,
        exit_code: int = 0,
        health: str = "",
        ports: tuple[PortBinding, ...] = (),
        env: tuple[str, ...] = (),
        mounts: tuple[Mount, ...] = (),
        network: str = "bridge",
        labels: Mapping[str, str] = EMPTY,
        cpu: float = 0.0,
        memory: int = 0,
        log: FakeLog | None = None,
        restarts: int = 0,
        cmd: tuple[str, ...] = ("sh",),
        tty: bool = False,
    ) -> Container:
        """A container that is there from the beginning."""
        running = status in (RUNNING, PAUSED)
        since = NOW - minutes * 60
        found = next((one for one in self.images.all.values() if image in one.tags), None)
        address = Endpoint(
            network=network,
            ip_address=f"172.17.0.{len(self.containers.all) + 2}",
            mac_address=f"02:42:ac:11:00:{len(self.containers.all) + 2:02x}",
        )
        one = Container(
            id=sha(name),
            name=name,
            image=image,
            image_id=found.id if found else "",
            command=" ".join(cmd),
            created_at=since - 60,
            state=ContainerState(
                status=status,
                pid=1000 if running else 0,
                exit_code=exit_code,
                started_at=since if status is not CREATED else 0.0,
                finished_at=0.0 if running or status is CREATED else since,
                health=health,
                restart_count=restarts,
            ),
            ports=ports,
            labels=labels,
            mounts=mounts,
            networks=(address,) if running else (),
        )
        self.containers.put(
            one,
            ContainerConfig(image=image, env=env, cmd=cmd, tty=tty, open_stdin=tty),
            HostConfig(port_bindings=ports, mounts=mounts),
            FakeLog() if log is None else log,
        )
        if running:
            self.containers.samples[one.id] = samples(one.id, cpu, memory)
        return one


def samples(id: str, cpu: float, memory: int, count: int = 90) -> list[Stats]:
    """Three quarters of three minutes of numbers, the last of them ``cpu`` and ``memory``."""
    found: list[Stats] = []
    for index in range(count):
        wave = abs(((index * 7) % 23) - 11) / 11
        last = index == count - 1
        found.append(
            Stats(
                container_id=id,
                read_at=NOW - count + 1 + index,
                online_cpus=2,
                pids=3,
                cpu_percent=cpu if last else cpu * (0.4 + wave),
                memory_usage=memory if last else int(memory * (0.8 + 0.2 * index / count)),
                memory_limit=8 << 30,
                interfaces=(InterfaceStats(name="eth0", rx_bytes=index * index * 900, tx_bytes=index * 20_000),),
                block_read=(index // 20) * 400_000,
                block_write=index * 3_000,
            )
        )
    return found


def access_line(index: int) -> bytes:
    """A line as a web server writes it, every seventh with colours."""
    paths = ("/", "/api/v1/health", "/static/app.css", "/login", "/api/v1/users?page=2")
    code = (200, 200, 304, 200, 404)[index % 5]
    plain = f'10.0.0.{index % 250} - - "GET {paths[index % 5]} HTTP/1.1" {code} {index * 37 % 9000}'
    if index % 7 == 0:
        return f"\x1b[32mINFO\x1b[0m  {plain}\n".encode()
    return f"{plain}\n".encode()


def harbour(*, lines: int = 400) -> FakeEngine:
    """A host with a bit of everything."""
    engine = FakeEngine()
    for tag, size, days, more in (
        ("nginx:1.27-alpine", 48_200_000, 20, ()),
        ("postgres:17", 438_000_000, 41, ("postgres:latest",)),
        ("redis:7.4-alpine", 41_400_000, 12, ()),
        ("busybox:latest", 4_270_000, 90, ()),
        ("ghcr.io/acme/worker:2.3.1", 212_000_000, 3, ()),
        ("", 67_000_000, 8, ()),
    ):
        engine.add_image(tag, size=size, days=days, more=more)
    for name, anonymous in (("pgdata", False), ("uploads", False), (sha("anonymous"), True)):
        engine.volumes.all[name] = Volume(
            name=name, created_at=NOW - 86400 * 9, anonymous=anonymous, mountpoint=f"/var/lib/longshore/volumes/{name}/_data"
        )
    for name, driver, subnet in (
        ("bridge", "bridge", "172.17.0.0/16"),
        ("host", "host", ""),
        ("none", "null", ""),
        ("shop", "bridge", "172.18.0.0/16"),
    ):
        pools = (Subnet(subnet=subnet, gateway=subnet.replace(".0/16", ".1")),) if subnet else ()
        id = sha(f"network {name}")
        engine.networks.all[id] = Network(id=id, name=name, driver=driver, subnets=pools, created_at=NOW - 86400 * 30)
    engine.add(
        "web",
        "nginx:1.27-alpine",
        ports=(PortBinding(container_port=80, host_port=8080), PortBinding(container_port=443, host_port=8443)),
        health="healthy",
        cpu=0.12,
        memory=24_100_000,
        network="shop",
        log=FakeLog(lines, access_line),
        env=("PATH=/usr/local/sbin:/usr/bin", "NGINX_VERSION=1.27.3", "API_TOKEN=not-for-everyone"),
        labels={"team": "shop", "tier": "front"},
        cmd=("nginx", "-g", "daemon off;"),
    )
    engine.add(
        "db",
        "postgres:17",
        minutes=3000,
        cpu=1.02,
        memory=187_000_000,
        network="shop",
        ports=(PortBinding(container_port=5432),),
        mounts=(Mount(kind="volume", source="pgdata", target="/var/lib/postgresql/data"),),
        env=("POSTGRES_PASSWORD=secret",),
    )
    engine.add("cache", "redis:7.4-alpine", minutes=3000, cpu=0.31, memory=9_800_000, network="shop")
    engine.add("worker-1", "ghcr.io/acme/worker:2.3.1", minutes=12, cpu=93.4, memory=301_000_000, health="unhealthy", restarts=3)
    engine.add("worker-2", "ghcr.io/acme/worker:2.3.1", PAUSED, minutes=300, memory=120_000_000)
    engine.add("migrate", "ghcr.io/acme/worker:2.3.1", EXITED, minutes=2999)
    engine.add("import-2026-11", "ghcr.io/acme/worker:2.3.1", EXITED, minutes=700, exit_code=137)
    engine.add("scratch", "busybox:latest", CREATED, minutes=5)
    return engine
