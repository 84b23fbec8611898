"""A container's counters: from its control group, version 1 or 2, or from its processes where it has none.

Readers take a function that reads a file of a controller, so that both versions are tested on any machine. The sums are
docker's (moby daemon/stats_unix.go, docker CLI ``calculateMemUsageUnixNoCache``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.linux.cgroup_files import keyed
from engine.metrics.host import clock_ticks
from engine.model.stats import InterfaceStats
from engine.model.value import Value

Reader = Callable[[str, str], str]
"""Controller and file name to the file's text, ``""`` when there is none."""

_UNLIMITED = "max"
_RECEIVED = ("rx_bytes", "rx_packets", "rx_errors", "rx_dropped")
_SENT = ("tx_bytes", "tx_packets", "tx_errors", "tx_dropped")


class Counters(Value):
    """What a container used so far (CPU nanoseconds, bytes read and written) and uses now (memory, processes)."""

    cpu_total: int = 0
    cpu_user: int = 0
    cpu_kernel: int = 0
    memory_usage: int = 0
    memory_limit: int = 0
    block_read: int = 0
    block_write: int = 0
    pids: int = 0
    pids_limit: int = 0


def version_1(read: Reader) -> Counters:
    """Counters of a version 1 control group."""
    tick = 1_000_000_000 // clock_ticks()
    times = keyed(read("cpuacct", "cpuacct.stat"))
    usage = _number(read("memory", "memory.usage_in_bytes"))
    read_bytes, written = _blkio(read("blkio", "blkio.throttle.io_service_bytes_recursive").splitlines())
    return Counters(
        cpu_total=_number(read("cpuacct", "cpuacct.usage")),
        cpu_user=times.get("user", 0) * tick,
        cpu_kernel=times.get("system", 0) * tick,
        memory_usage=_without_cache(usage, _entry(read("memory", "memory.stat"), "total_inactive_file")),
        memory_limit=_number(read("memory", "memory.limit_in_bytes")),
        block_read=read_bytes,
        block_write=written,
        pids=_number(read("pids", "pids.current")),
        pids_limit=_number(read("pids", "pids.max")),
    )


def version_2(read: Reader) -> Counters:
    """Counters of a version 2 control group."""
    cpu = keyed(read("cpu", "cpu.stat"))
    usage = _number(read("memory", "memory.current"))
    read_bytes, written = _io_stat(read("io", "io.stat").splitlines())
    return Counters(
        cpu_total=cpu.get("usage_usec", 0) * 1000,
        cpu_user=cpu.get("user_usec", 0) * 1000,
        cpu_kernel=cpu.get("system_usec", 0) * 1000,
        memory_usage=_without_cache(usage, _entry(read("memory", "memory.stat"), "inactive_file")),
        memory_limit=_number(read("memory", "memory.max")),
        block_read=read_bytes,
        block_write=written,
        pids=_number(read("pids", "pids.current")),
        pids_limit=_number(read("pids", "pids.max")),
    )


def process_tree(pid: int) -> Counters:
    """The sums over a process and its descendants that live. What ended before counts as far as its parent waited for it."""
    import psutil

    try:
        root = psutil.Process(pid)
        members = [root, *root.children(recursive=True)]
    except psutil.Error:
        return Counters()
    user = kernel = memory = threads = read_bytes = written = 0
    for member in members:
        try:
            with member.oneshot():
                times = member.cpu_times()
                user += round((times.user + times.children_user) * 1e9)
                kernel += round((times.system + times.children_system) * 1e9)
                memory += member.memory_info().rss
                threads += member.num_threads()
                io = member.io_counters()
                read_bytes += io.read_bytes
                written += io.write_bytes
        except psutil.Error:  # it ended, or its I/O is not ours to see
            continue
    return Counters(
        cpu_total=user + kernel,
        cpu_user=user,
        cpu_kernel=kernel,
        memory_usage=memory,
        block_read=read_bytes,
        block_write=written,
        pids=threads,
    )


def network(dev: str) -> tuple[InterfaceStats, ...]:
    """All interfaces but ``lo``, from the text of ``/proc/<pid>/net/dev``."""
    found = []
    for line in dev.splitlines()[2:]:
        name, colon, rest = line.partition(":")
        numbers = [int(word) for word in rest.split()]
        if colon and name.strip() != "lo" and len(numbers) > 11:
            received, sent = numbers[:4], numbers[8:12]
            counted = (*zip(_RECEIVED, received, strict=True), *zip(_SENT, sent, strict=True))
            found.append(InterfaceStats(name=name.strip(), **dict(counted)))
    return tuple(sorted(found, key=lambda interface: interface.name))


def _number(text: str) -> int:
    text = text.strip()
    return int(text) if text.isdigit() and text != _UNLIMITED else 0


def _entry(text: str, name: str) -> int:
    """One of many ``name number`` lines; 0 when it is not there."""
    _, found, after = f"\n{text}".partition(f"\n{name} ")
    return _number(after.partition("\n")[0]) if found else 0


def _without_cache(usage: int, inactive: int) -> int:
    return usage - inactive if inactive < usage else usage


def _blkio(lines: Iterable[str]) -> tuple[int, int]:
    """``MAJOR:MINOR Read N`` lines."""
    read_bytes = written = 0
    for line in lines:
        words = line.split()
        if len(words) == 3 and words[2].isdigit():
            read_bytes += int(words[2]) if words[1] == "Read" else 0
            written += int(words[2]) if words[1] == "Write" else 0
    return read_bytes, written


def _io_stat(lines: Iterable[str]) -> tuple[int, int]:
    """``MAJOR:MINOR rbytes=N wbytes=N …`` lines."""
    read_bytes = written = 0
    for line in lines:
        for word in line.split()[1:]:
            name, _, number = word.partition("=")
            if number.isdigit():
                read_bytes += int(number) if name == "rbytes" else 0
                written += int(number) if name == "wbytes" else 0
    return read_bytes, written
