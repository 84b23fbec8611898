"""The engine as front ends open it: without a loop, with one, from several processes, on several roots."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from engine.backends.embedded.core import Core
from engine.backends.embedded.engine import EmbeddedEngine
from engine.backends.embedded.offload import Automatic, Inline, Threads
from engine.connect import connect
from engine.errors import InvalidArgument, NotFound
from engine.interface import Engine
from engine.model.containers import ContainerConfig, HostConfig
from engine.model.events import Event, EventQuery
from engine.model.streams import LogQuery
from engine.store import events
from engine.store.blobs import Blobs
from engine.store.images import ImageRecord
from tests.engine.embedded.conftest import create

QUICK = """
import sys
from engine.connect import connect
from engine.cli.runner import InlineRunner, iterate
from engine.model.containers import ContainerConfig, HostConfig
from engine.model.streams import LogQuery
runner = InlineRunner()
engine = connect("embedded:", root=sys.argv[1])
run = runner.run
made = run(engine.containers.create(ContainerConfig(image="box", cmd=("echo", "hello")), HostConfig(network_mode="none")))
run(engine.containers.start(made.id))
assert run(engine.containers.wait(made.id)).exit_code == 0
lines = [line.data for batch in iterate(runner, engine.containers.logs(made.id, LogQuery(follow=True))) for line in batch]
assert lines == [b"hello\\n"], lines
assert [container.id for container in run(engine.containers.list(all=True))] == [made.id]
run(engine.containers.remove(made.id))
run(engine.close())
heavy = {"asyncio", "httpx", "logging", "concurrent.futures", "psutil", "argparse", "dataclasses", "inspect"} & set(sys.modules)
assert not heavy, heavy
"""


async def collect(stream: AsyncGenerator[Event, None]) -> list[Event]:
    return [event async for event in stream]


@pytest.fixture
async def engine(core: Core, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Engine, None]:
    engine = EmbeddedEngine(core.roots)
    yield engine
    await engine.close()


def test_a_verb_loads_nothing_heavy(core: Core, box: ImageRecord) -> None:
    environment = {**os.environ, "LONGSHORE_RUN": core.roots.run}
    done = subprocess.run(
        [sys.executable, "-c", QUICK, core.roots.state], capture_output=True, text=True, timeout=120, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr


def test_connect_chooses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGSHORE_RUN", str(tmp_path / "run"))
    for url in ("", "embedded", "embedded:"):
        assert connect(url, root=str(tmp_path / "state")).url == "embedded:"
    assert connect("unix:///nowhere.sock").url == "unix:///nowhere.sock"
    with pytest.raises(InvalidArgument, match="a root belongs to the embedded engine"):
        connect("unix:///nowhere.sock", root="/x")


async def test_two_roots_never_see_each_other(core: Core, box: ImageRecord, tmp_path: Path) -> None:
    create(core, name="mine")
    other = connect(root=str(tmp_path / "other"))
    try:
        assert await other.containers.list(all=True) == []
        assert await other.images.list() == []
        with pytest.raises(NotFound):
            await other.containers.inspect("mine")
    finally:
        await other.close()


async def test_the_loop_goes_on_while_the_engine_works(engine: Engine, core: Core, box: ImageRecord) -> None:
    made = await engine.containers.create(ContainerConfig(image="box", cmd=("sleep", "1000")), HostConfig(network_mode="none"))
    waiting = asyncio.create_task(engine.containers.wait(made.id))
    await engine.containers.start(made.id)
    assert (await engine.containers.inspect(made.id)).container.state.running
    waiting_again = asyncio.create_task(engine.containers.wait(made.id))
    await engine.containers.kill(made.id)
    assert (await asyncio.wait_for(waiting_again, 60)).exit_code == 137
    waiting.cancel()
    await asyncio.wait([waiting], timeout=60)


async def test_closing_a_stream_wakes_its_thread(engine: Engine, core: Core, box: ImageRecord) -> None:
    made = create(core, "sleep", "1000")
    await engine.containers.start(made.id)
    before = waiters()
    for _ in range(3):
        for stream in (
            engine.containers.logs(made.id, LogQuery(follow=True)),
            engine.system.events(EventQuery()),
            engine.containers.stats(made.id),
        ):
            reading = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading], timeout=60)
            await asyncio.wait_for(stream.aclose(), 60)
    deadline = time.monotonic() + 30
    while waiters() > before and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    assert waiters() <= before


def waiters() -> int:
    """How many descriptors of ours somebody could be waiting with."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}") in ("anon_inode:inotify", "anon_inode:[eventfd]")
        except FileNotFoundError:
            continue
    return found


async def test_events_of_the_past_and_of_others(engine: Engine, core: Core, box: ImageRecord) -> None:
    start = time.time_ns()
    made = create(core, name="seen", labels={"colour": "red"})
    past = await collect(engine.system.events(EventQuery(since=start, until=time.time_ns(), filters={"type": ("container",)})))
    assert [(event.action, event.id) for event in past] == [("create", made.id)]
    stream = engine.system.events(EventQuery(filters={"label": ("colour=red",), "event": ("rename", "destroy")}))
    reading = asyncio.ensure_future(anext(stream))
    await engine.containers.list()
    deadline = time.monotonic() + 60
    number = 0
    while not reading.done() and time.monotonic() < deadline:  # the stream begins when its thread has got so far
        number += 1
        await engine.containers.rename(made.id, f"other{number}")
    event = await asyncio.wait_for(reading, 60)
    assert (event.action, event.id) == ("rename", made.id)
    await stream.aclose()
    with pytest.raises(InvalidArgument, match="`since` time cannot be after"):
        await collect(engine.system.events(EventQuery(since=5, until=4)))
    with pytest.raises(InvalidArgument, match="invalid filter 'nosuch'"):
        await collect(engine.system.events(EventQuery(filters={"nosuch": ("x",)})))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"type": ("image",)}, ["pull"]),
        ({"container": ("web",)}, ["start", "connect"]),
        ({"container": ("0123",)}, ["start", "connect"]),
        ({"image": ("busybox",)}, ["pull", "start"]),
        ({"image": ("busybox:latest",)}, ["pull", "start"]),
        ({"image": ("busy",)}, []),
        ({"network": ("net",)}, ["connect"]),
        ({"event": ("start", "connect")}, ["start", "connect"]),
        ({"scope": ("swarm",)}, []),
        ({"scope": ("local",), "type": ("network", "image")}, ["pull", "connect"]),
        ({"daemon": ("x",)}, []),
    ],
)
async def test_event_filters(engine: Engine, core: Core, filters: dict[str, tuple[str, ...]], expected: list[str]) -> None:
    container = "0123" + "a" * 60
    with core.database.transaction() as connection:
        events.append(connection, events.make("image", "pull", "busybox:latest", {"name": "busybox"}))
        events.append(connection, events.make("container", "start", container, {"name": "web", "image": "busybox:latest"}))
        events.append(connection, events.make("network", "connect", "n" * 64, {"name": "net", "container": container}))
    until = time.time_ns()
    if "container" in filters and filters["container"] == ("web",):
        expected = ["start"]  # the network's event knows the id only
    found = await collect(engine.system.events(EventQuery(since=0, until=until, filters=filters)))
    assert [event.action for event in found] == expected


async def test_statistics(engine: Engine, core: Core, box: ImageRecord) -> None:
    made = create(core, "sh", "-c", "while :; do :; done")
    idle = [sample async for sample in engine.containers.stats(made.id, stream=False)]
    assert len(idle) == 1 and idle[0].memory_usage == 0
    await engine.containers.start(made.id)
    one = [sample async for sample in engine.containers.stats(made.id, stream=False)]
    assert len(one) == 1 and one[0].cpu_percent > 0 and one[0].pids == 1 and one[0].memory_limit > 0
    stream = engine.containers.stats(made.id)
    first, second = await anext(stream), await anext(stream)
    assert first.cpu_percent == 0 and second.cpu_total > first.cpu_total and second.read_at > first.read_at
    await engine.containers.remove(made.id, force=True)
    assert [sample async for sample in stream][1:] == []  # at most one that was due
    with pytest.raises(NotFound):
        await anext(engine.containers.stats("nobody"))


async def test_the_system_knows_itself(engine: Engine, core: Core, box: ImageRecord) -> None:
    create(core, volumes=("/v",))
    await engine.system.ping()
    info = await engine.system.info()
    assert (info.containers, info.running, info.stopped, info.images, info.root) == (1, 0, 1, 1, core.roots.state)
    assert info.cpus >= 1 and info.memory > 0 and info.kernel == os.uname().release
    version = await engine.system.version()
    assert version.engine == "Longshore" and version.version and version.api_version
    kinds = {item.kind: item for item in (await engine.system.disk_usage()).items}
    assert (kinds["Images"].total, kinds["Images"].active, kinds["Images"].reclaimable) == (1, 1, 0)
    assert kinds["Containers"].total == 1 and kinds["Local Volumes"].active == 1


class Counting:
    """A source of three numbers."""

    def __init__(self) -> None:
        self.left = 3
        self.closed = 0

    def next(self) -> int | None:
        self.left -= 1
        return self.left if self.left >= 0 else None

    def close(self) -> None:
        self.closed += 1


def test_inline_coroutines_never_suspend() -> None:
    for offload in (Inline(), Automatic()):
        coroutine = offload.run(lambda: 5)
        with pytest.raises(StopIteration) as stop:
            coroutine.send(None)
        assert stop.value.value == 5


@pytest.mark.parametrize("kind", [Inline, Threads, Automatic])
async def test_streams_close_their_sources(kind: type[Inline] | type[Threads] | type[Automatic]) -> None:
    offload, sources = kind(), [Counting(), Counting()]
    assert [number async for number in offload.stream(lambda: sources[0])] == [2, 1, 0]
    stream = offload.stream(lambda: sources[1])
    assert await anext(stream) == 2
    await stream.aclose()
    assert [source.closed for source in sources] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        await offload.run(lambda: 1 // 0)
    offload.close()


async def test_a_source_that_comes_too_late_is_closed() -> None:
    offload, source = Threads(), Counting()
    begun, given_up = threading.Event(), threading.Event()

    def open_slowly() -> Counting:
        begun.set()
        assert given_up.wait(60)
        return source

    stream = offload.stream(open_slowly)
    reading = asyncio.ensure_future(anext(stream))
    await asyncio.to_thread(begun.wait)
    reading.cancel()
    await asyncio.wait([reading], timeout=60)
    given_up.set()
    deadline = time.monotonic() + 30
    while not source.closed and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    assert source.closed == 1
    offload.close()


async def test_a_session_that_comes_too_late_is_closed(engine: Engine, core: Core, box: ImageRecord) -> None:
    made = create(core, "sleep", "1000")
    await engine.containers.start(made.id)
    for number in range(10):
        attaching = asyncio.ensure_future(engine.containers.attach(made.id))
        await asyncio.sleep(number * 0.001)
        attaching.cancel()
        await asyncio.wait([attaching], timeout=60)
        if not attaching.cancelled():  # it was quicker
            await attaching.result().close()
    assert (await engine.containers.inspect(made.id)).container.state.running


async def test_following_ends_with_the_container(engine: Engine, core: Core, box: ImageRecord) -> None:
    made = create(core, "sh", "-c", "echo one; read line; echo $line; exit 3", open_stdin=True)
    session = await engine.containers.attach(made.id, stdin=True)
    await engine.containers.start(made.id)
    found: list[bytes] = []

    async def follow() -> None:
        async for batch in engine.containers.logs(made.id, LogQuery(follow=True)):
            found.extend(line.data for line in batch)

    following = asyncio.create_task(follow())
    deadline = time.monotonic() + 60
    while found != [b"one\n"] and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    await session.write(b"two\n")
    await asyncio.wait_for(following, 60)
    assert found == [b"one\n", b"two\n"]
    assert await session.exit_code() == 3
    await session.close()
    ended = [line.data async for batch in engine.containers.logs(made.id, LogQuery(follow=True, tail=1)) for line in batch]
    assert ended == [b"two\n"]


async def test_pruning_images_takes_half_downloaded_blobs(engine: Engine, core: Core, box: ImageRecord) -> None:
    ingest = Blobs(core.roots).ingest("sha256:" + "a" * 64, 100)
    ingest.write(b"half of it")
    busy = Blobs(core.roots).ingest("sha256:" + "b" * 64, 100)
    busy.write(b"is coming in")
    ingest.close()
    assert (await engine.images.prune()).space_reclaimed == 10
    busy.discard()
    assert [image.id for image in await engine.images.list()] == [box.id]
