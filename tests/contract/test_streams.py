"""Containers: logs, attach, stats."""

from __future__ import annotations

import asyncio
import time

import pytest

from engine.errors import InvalidArgument, NotFound
from engine.model.containers import ContainerStatus
from engine.model.networks import NetworkSpec
from engine.model.stats import Stats
from engine.model.streams import LogLine, LogQuery, StreamName
from tests.contract.lab import TIMEOUT, Lab, collect, read_until, sh, talk, within

COUNT = "for i in 0 1 2 3 4 5 6 7 8 9; do echo line $i; usleep 5000; done"


def texts(lines: list[LogLine]) -> list[str]:
    return [line.data.decode() for line in lines]


def numbered(*numbers: int) -> list[str]:
    return [f"line {number}\n" for number in numbers]


def between(times: list[int], first: int, last: int) -> list[str]:
    """Lines dated from that of ``first`` to that of ``last``: on a busy machine several are read, and dated, at once."""
    return numbered(*(number for number, at in enumerate(times) if times[first] <= at <= times[last]))


async def test_logs_keep_order_time_and_stream(lab: Lab) -> None:
    before = time.time_ns()
    container = await lab.finished(*sh("echo one; usleep 20000; echo two >&2; usleep 20000; printf 'no newline'"))
    lines = await lab.logs(container)
    assert [(line.stream, line.data) for line in lines] == [
        (StreamName.STDOUT, b"one\n"),
        (StreamName.STDERR, b"two\n"),
        (StreamName.STDOUT, b"no newline"),
    ]
    times = [line.time for line in lines]
    assert times == sorted(times) and before <= times[0] and times[-1] <= time.time_ns()
    assert texts(await lab.logs(container, stderr=False)) == ["one\n", "no newline"]
    assert texts(await lab.logs(container, stdout=False)) == ["two\n"]


async def test_logs_tail(lab: Lab) -> None:
    container = await lab.finished(*sh(COUNT))
    assert texts(await lab.logs(container)) == numbered(*range(10))
    assert texts(await lab.logs(container, tail=3)) == numbered(7, 8, 9)
    assert texts(await lab.logs(container, tail=0)) == []
    assert texts(await lab.logs(container, tail=100)) == numbered(*range(10))


async def test_logs_since_and_until_are_inclusive(lab: Lab) -> None:
    container = await lab.finished(*sh(COUNT))
    times = [line.time for line in await lab.logs(container)]
    assert texts(await lab.logs(container, since=times[6])) == between(times, 6, 9)
    assert texts(await lab.logs(container, until=times[2])) == between(times, 0, 2)
    assert texts(await lab.logs(container, since=times[3], until=times[5])) == between(times, 3, 5)
    assert texts(await lab.logs(container, since=times[9] + 1)) == []


async def test_logs_tail_counts_inside_the_bounds(lab: Lab) -> None:
    container = await lab.finished(*sh(COUNT))
    times = [line.time for line in await lab.logs(container)]
    assert texts(await lab.logs(container, tail=2, until=times[5])) == between(times, 0, 5)[-2:]
    assert texts(await lab.logs(container, tail=2, since=times[1], until=times[8])) == between(times, 1, 8)[-2:]
    assert texts(await lab.logs(container, tail=2, since=times[9])) == between(times, 9, 9)[-2:]
    assert texts(await lab.logs(container, tail=2, since=times[4], follow=True)) == numbered(8, 9)


async def test_logs_follow_until_the_end(lab: Lab) -> None:
    container = await lab.create(*sh("echo begin; read line; echo $line; read line; echo $line"), open_stdin=True)
    session = await lab.engine.containers.attach(container, stdin=True)
    await lab.engine.containers.start(container)
    await lab.said(container, "begin")
    reading = asyncio.create_task(lab.logs(container, follow=True))
    for line in (b"middle\n", b"end\n"):
        await session.write(line)
        await lab.said(container, line.decode().strip())
    assert texts(await within(reading)) == ["begin\n", "middle\n", "end\n"]
    assert texts(await lab.logs(container, follow=True, tail=1)) == ["end\n"]
    await session.close()


async def test_logs_follow_ends_at_until(lab: Lab) -> None:
    container = await lab.start(*sh("echo now; sleep 1000"))
    await lab.said(container, "now")
    assert texts(await lab.logs(container, follow=True, until=time.time_ns() + 300_000_000)) == ["now\n"]


async def test_closing_a_followed_log_leaves_the_container(lab: Lab) -> None:
    container = await lab.start(*sh("while :; do echo tick; usleep 10000; done"))
    await collect(lab.engine.containers.logs(container, LogQuery(follow=True)), 2)
    assert (await lab.state(container)).running


async def test_long_lines_come_in_pieces(lab: Lab) -> None:
    container = await lab.finished(*sh("head -c 40000 /dev/zero | tr '\\0' a; echo; echo after"))
    lines = await lab.logs(container)
    assert b"".join(line.data for line in lines) == b"a" * 40000 + b"\nafter\n"
    assert all(line.time for line in lines)
    assert [line.data.endswith(b"\n") for line in lines[-2:]] == [True, True]
    assert max(len(line.data) for line in lines) <= 16385


async def test_logs_of_a_terminal(lab: Lab) -> None:
    container = await lab.finished(*sh("echo one; echo two >&2"), tty=True)
    lines = await lab.logs(container)
    assert [(line.stream, line.data) for line in lines] == [(StreamName.STDOUT, b"one\r\n"), (StreamName.STDOUT, b"two\r\n")]
    assert all(line.time for line in lines)


async def test_logs_say_what_is_wrong(lab: Lab) -> None:
    with pytest.raises(NotFound, match="No such container: nobody"):
        await lab.logs("nobody")
    with pytest.raises(InvalidArgument, match="at least one stream"):
        await lab.logs(await lab.create("true"), stdout=False, stderr=False)
    assert await lab.logs(await lab.create("true")) == []


async def test_attach_gets_everything_from_the_start(lab: Lab) -> None:
    result = await lab.run(*sh("echo out; echo err >&2; exit 11"))
    assert result == (11, b"out\n", b"err\n")


async def test_attach_carries_input_to_its_end(lab: Lab) -> None:
    data = bytes(range(256)) * 1024
    assert await lab.run("cat", stdin=data) == (0, data, b"")


async def test_attach_without_input_drops_it(lab: Lab) -> None:
    container = await lab.create(*sh("echo ready; sleep 0.2; echo done"))
    session = await lab.engine.containers.attach(container, stdin=True)
    await lab.engine.containers.start(container)
    await session.write(b"nobody reads this\n")
    await session.close_input()
    assert await talk(session) == (0, b"ready\ndone\n", b"")
    await session.close()


async def test_attach_to_a_terminal(lab: Lab) -> None:
    container = await lab.create(*sh("echo ready; read x; stty size; exit 3"), tty=True, open_stdin=True)
    session = await lab.engine.containers.attach(container, stdin=True)
    await lab.engine.containers.start(container)
    await read_until(session, b"ready")
    await session.resize(width=101, height=37)
    await session.write(b"go\n")
    result = await talk(session)
    assert b"37 101" in result.out and result.code == 3
    await session.close()


async def test_attach_replays_logs(lab: Lab) -> None:
    container = await lab.start(*sh("echo early; read x; echo late"), open_stdin=True)
    await lab.said(container, "early")
    replay = await lab.engine.containers.attach(container, stdin=True, logs=True)
    fresh = await lab.engine.containers.attach(container)
    assert b"early\n" in await read_until(replay, b"early\n")
    await replay.write(b"\n")
    assert await read_until(replay, b"late\n") == b"late\n"
    assert await talk(fresh) == (0, b"late\n", b"")
    await replay.close()
    await fresh.close()


async def test_leaving_does_not_end_the_container(lab: Lab) -> None:
    container = await lab.start(*sh("while read x; do echo got $x; done"), open_stdin=True)
    first = await lab.engine.containers.attach(container, stdin=True)
    await first.write(b"one\n")
    await read_until(first, b"got one\n")
    await first.close()
    second = await lab.engine.containers.attach(container, stdin=True)
    await second.write(b"two\n")
    await read_until(second, b"got two\n")
    await second.close()
    assert (await lab.state(container)).status is ContainerStatus.RUNNING


async def test_attach_needs_a_container(lab: Lab) -> None:
    with pytest.raises(NotFound, match="No such container: nobody"):
        await lab.engine.containers.attach("nobody")


async def test_stats_of_a_busy_container(lab: Lab) -> None:
    container = await lab.start(*sh("while :; do :; done"), name="busy", memory=256 << 20, pids_limit=77)
    first, second = await collect(lab.engine.containers.stats(container), 2)
    assert (second.container_id, second.name) == (container, "busy")
    assert second.cpu_total > first.cpu_total > 0
    assert second.system_total > first.system_total
    assert 0 < second.cpu_percent <= second.online_cpus * 100 * 1.5
    assert 0 < second.memory_usage <= second.memory_limit == 256 << 20
    assert second.pids == 1 and second.pids_limit == 77
    assert second.read_at > first.read_at > 0
    assert (second.network_rx, second.network_tx, second.interfaces) == (0, 0, ())


async def test_stats_of_each_network(lab: Lab) -> None:
    await lab.engine.networks.create(NetworkSpec(name="traffic"))
    container = await lab.sleeper(network_mode="bridge")
    await lab.engine.networks.connect("traffic", container)
    (sample,) = await collect(lab.engine.containers.stats(container, stream=False), 1)
    assert [interface.name for interface in sample.interfaces] == ["eth0", "eth1"]


async def test_stats_once(lab: Lab) -> None:
    container = await lab.start(*sh("while :; do :; done"))
    samples = [sample async for sample in lab.engine.containers.stats(container, stream=False)]
    assert len(samples) == 1 and samples[0].cpu_percent > 0


async def test_stats_of_a_stopped_container_are_zero(lab: Lab) -> None:
    container = await lab.create("true", name="idle")
    samples = [sample async for sample in lab.engine.containers.stats(container, stream=False)]
    assert len(samples) == 1
    sample = samples[0]
    assert sample.container_id == container
    assert (sample.cpu_total, sample.cpu_percent, sample.memory_usage, sample.pids) == (0, 0.0, 0, 0)
    with pytest.raises(NotFound):
        await collect(lab.engine.containers.stats("nobody"), 1)


async def test_stats_end_with_the_container_gone(lab: Lab) -> None:
    container = await lab.sleeper()
    stream = lab.engine.containers.stats(container)
    await anext(stream)
    await lab.engine.containers.remove(container, force=True)
    rest: list[Stats] = []
    async with asyncio.timeout(TIMEOUT):
        async for sample in stream:
            rest.append(sample)
    assert len(rest) < 30
