"""Samples of real processes in real control groups, and docker's sums over recorded files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from engine.linux import processes
from engine.linux.cgroup_files import read
from engine.linux.cgroups import detect, open_cgroup
from engine.metrics import counters, host
from engine.metrics.sample import cgroup_of, sample
from engine.model.containers import ContainerConfig, ContainerState, ContainerStatus, HostConfig
from engine.model.stats import InterfaceStats
from engine.store.containers import ContainerRecord
from tests.support.wait import until

ID = os.urandom(32).hex()
_BUSY = """
import os, sys
held = bytearray(32 << 20)
for index in range(0, len(held), 4096):
    held[index] = 1
print("ready", flush=True)
while sys.stdin.readline():
    sum(range(3_000_000))
    print("done", flush=True)
"""


def record(pid: int, *, running: bool = True, started: int | None = None) -> ContainerRecord:
    return ContainerRecord(
        id=ID,
        name="busy",
        image="busybox",
        image_id="sha256:0",
        created_at=0.0,
        config=ContainerConfig(image="busybox"),
        host_config=HostConfig(),
        state=ContainerState(status=ContainerStatus.RUNNING if running else ContainerStatus.EXITED, pid=pid),
        pid_start=processes.start_time(pid) if started is None else started,
    )


class Worker:
    """A process that holds 32 MiB and burns CPU when it is asked to."""

    def __init__(self, cgroup: str) -> None:
        group = open_cgroup(cgroup) if cgroup else None
        self.process = subprocess.Popen([sys.executable, "-I", "-c", _BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if group is not None:
            for controller in ("cpuacct", "cpu", "memory", "pids", "blkio"):
                if directory := group.directory(controller):
                    with open(f"{directory}/cgroup.procs", "w") as file:
                        file.write(str(self.process.pid))
        assert self.process.stdout is not None
        assert self.process.stdin is not None
        self._out, self._in = self.process.stdout, self.process.stdin
        assert self._out.readline() == "ready\n"

    def burn(self) -> None:
        self._in.write("\n")
        self._in.flush()
        assert self._out.readline() == "done\n"

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._in.close()
        self._out.close()


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker("")
    yield made
    made.close()


@pytest.fixture
def grouped() -> Iterator[Worker]:
    group = open_cgroup(f"/longshore-metrics-{os.getpid()}/{ID}")
    parent = open_cgroup(f"/longshore-metrics-{os.getpid()}")
    group.create()
    made = Worker(group.path)
    try:
        yield made
    finally:
        made.close()
        until(group.remove, what="an empty control group")
        until(parent.remove, what="an empty control group")


def test_group_counts_cpu_memory_and_processes(grouped: Worker) -> None:
    grouped.burn()  # it may have been put there after all that it did to begin
    before = sample(record(grouped.process.pid))
    grouped.burn()
    after = sample(record(grouped.process.pid), before)
    assert after.cpu_total > before.cpu_total > 0
    assert after.system_total >= before.system_total > 0
    assert after.pids == 1
    if detect().version == 1 or open_cgroup(f"/longshore-metrics-{os.getpid()}/{ID}").directory("memory"):
        assert after.memory_usage > 0
    assert after.memory_limit == host.memory_total(read("/proc/meminfo"))
    assert after.online_cpus == os.sysconf("SC_NPROCESSORS_ONLN")


def test_percent_is_the_share_of_the_hosts_time(grouped: Worker) -> None:
    before = sample(record(grouped.process.pid))
    now = before
    while now.system_total == before.system_total:
        grouped.burn()
        now = sample(record(grouped.process.pid), before)
    used, system = now.cpu_total - before.cpu_total, now.system_total - before.system_total
    assert now.cpu_percent == pytest.approx(used / system * now.online_cpus * 100)
    assert before.cpu_percent == 0.0


def test_processes_are_summed_where_there_is_no_group(worker: Worker) -> None:
    before = sample(record(worker.process.pid))
    worker.burn()
    worker.burn()
    after = sample(record(worker.process.pid), before)
    assert after.memory_usage > 32 << 20
    assert after.cpu_total > before.cpu_total
    assert after.pids == 1
    assert after.name == "busy"


def test_not_running_is_all_zeros(worker: Worker) -> None:
    stopped = sample(record(worker.process.pid, running=False))
    assert (stopped.cpu_total, stopped.memory_usage, stopped.pids) == (0, 0, 0)


def test_a_reused_pid_is_not_the_container(worker: Worker) -> None:
    stranger = sample(record(worker.process.pid, started=1))
    assert (stranger.cpu_total, stranger.memory_usage) == (0, 0)


def test_host_usage() -> None:
    now = host.usage()
    assert 0 < now.memory_used < now.memory_total
    assert now.cpus >= 1
    assert now.memory_total == host.memory_total(read("/proc/meminfo"))


def test_cpu_time_counts_seven_columns_and_cpus() -> None:
    tick = 1_000_000_000 // host.clock_ticks()
    text = "cpu  1 2 3 4 5 6 7 100 100 0\ncpu0 1 1 1 1 1 1 1 0 0 0\ncpu1 0 1 2 3 4 5 6 0 0 0\nintr 9\n"
    assert host.cpu_times(text) == (28 * tick, 2)


FILES_1 = {
    "cpuacct.usage": "5000000000\n",
    "cpuacct.stat": "user 300\nsystem 200\n",
    "memory.usage_in_bytes": "104857600\n",
    "memory.limit_in_bytes": "9223372036854771712\n",
    "memory.stat": "inactive_file 1\ntotal_inactive_file 4857600\n",
    "blkio.throttle.io_service_bytes_recursive": "8:0 Read 100\n8:0 Write 20\n8:0 Total 120\n8:16 Read 1\n8:16 Write 2\nTotal 123\n",
    "pids.current": "7\n",
    "pids.max": "max\n",
}
FILES_2 = {
    "cpu.stat": "usage_usec 5000000\nuser_usec 3000000\nsystem_usec 2000000\nnr_periods 0\n",
    "memory.current": "104857600\n",
    "memory.max": "209715200\n",
    "memory.stat": "anon 5\ninactive_file 4857600\n",
    "io.stat": "8:0 rbytes=100 wbytes=20 rios=1 wios=1 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2\n",
    "pids.current": "7\n",
    "pids.max": "100\n",
}


def test_version_1_sums() -> None:
    got = counters.version_1(lambda _, file: FILES_1.get(file, ""))
    tick = 1_000_000_000 // host.clock_ticks()
    assert (got.cpu_total, got.cpu_user, got.cpu_kernel) == (5_000_000_000, 300 * tick, 200 * tick)
    assert (got.memory_usage, got.memory_limit) == (100_000_000, 9223372036854771712)
    assert (got.block_read, got.block_write, got.pids, got.pids_limit) == (101, 22, 7, 0)


def test_version_2_sums() -> None:
    got = counters.version_2(lambda _, file: FILES_2.get(file, ""))
    assert (got.cpu_total, got.cpu_user, got.cpu_kernel) == (5_000_000_000, 3_000_000_000, 2_000_000_000)
    assert (got.memory_usage, got.memory_limit) == (100_000_000, 209715200)
    assert (got.block_read, got.block_write, got.pids, got.pids_limit) == (101, 22, 7, 100)


def test_a_cache_larger_than_the_usage_is_not_taken_off() -> None:
    files = {**FILES_2, "memory.current": "4096\n", "memory.stat": "inactive_file 8192\n"}
    assert counters.version_2(lambda _, file: files.get(file, "")).memory_usage == 4096


def test_missing_controllers_are_zero() -> None:
    assert counters.version_1(lambda *_: "") == counters.Counters()
    assert counters.version_2(lambda *_: "") == counters.Counters()


def test_every_interface_but_lo() -> None:
    text = (
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
        "    lo:   9999      10    0    0    0     0          0         0     9999      10    0    0    0     0       0          0\n"
        "  eth0:   1000      10    1    2    0     0          0         0      500       5    3    4    0     0       0          0\n"
        "  eth1:1       10    0    0    0     0          0         0      2       5    0    0    0     0       0          0\n"
    )
    first, second = counters.network(text)
    assert first == InterfaceStats(
        name="eth0", rx_bytes=1000, rx_packets=10, rx_errors=1, rx_dropped=2, tx_bytes=500, tx_packets=5, tx_errors=3, tx_dropped=4
    )
    assert (second.name, second.rx_bytes, second.tx_bytes) == ("eth1", 1, 2)


@pytest.mark.parametrize(
    ("membership", "path"),
    [
        (f"4:memory:/longshore/{ID}\n0::/\n", f"/longshore/{ID}"),
        (f"0::/longshore/{ID}/init.scope\n", f"/longshore/{ID}"),
        (f"0::/system.slice/longshore-{ID}.scope\n", f"/system.slice/longshore-{ID}.scope"),
        ("0::/user.slice\n", ""),
    ],
)
def test_the_group_is_the_part_that_names_the_container(membership: str, path: str) -> None:
    assert cgroup_of(membership, ID) == path
