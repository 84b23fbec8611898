"""The host's side of the sums: its CPU time, CPUs and memory, with psutil where a person looks at the host itself.

The three numbers that every container sample needs are read straight from ``/proc``, as docker does: psutil's import alone
would cost more than a whole sample.
"""

from __future__ import annotations

import os
import time

from engine.linux.cgroup_files import read
from engine.model.value import Value

_NANOSECONDS = 1_000_000_000
_TOGETHER = 0.02
_shared: dict[str, tuple[float, str]] = {}


class HostUsage(Value):
    """What the host uses. Bytes and percent; ``cpu_percent`` counts from the previous call in this process."""

    cpu_percent: float = 0.0
    cpus: int = 1
    memory_total: int = 0
    memory_used: int = 0
    swap_total: int = 0
    swap_used: int = 0
    load: tuple[float, float, float] = (0.0, 0.0, 0.0)


def usage() -> HostUsage:
    """The host now."""
    import psutil

    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    return HostUsage(
        cpu_percent=psutil.cpu_percent(),
        cpus=psutil.cpu_count() or 1,
        memory_total=memory.total,
        memory_used=memory.total - memory.available,
        swap_total=swap.total,
        swap_used=swap.used,
        load=os.getloadavg(),
    )


def cpu_times(stat: str) -> tuple[int, int]:
    """CPU time of all CPUs in nanoseconds, and their number, from the text of ``/proc/stat``.

    The first seven columns count (user to softirq), as in docker's ``system_cpu_usage``; guest time is in them already.
    """
    ticks, online = 0, 0
    for line in stat.splitlines():
        if line.startswith("cpu "):
            ticks = sum(map(int, line.split()[1:8]))
        elif line.startswith("cpu"):
            online += 1
    return ticks * (_NANOSECONDS // clock_ticks()), max(online, 1)


def clock_ticks() -> int:
    """USER_HZ."""
    return os.sysconf("SC_CLK_TCK")


def memory_total(meminfo: str) -> int:
    """Bytes of memory, from the text of ``/proc/meminfo``."""
    for line in meminfo.splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return 0


def read_shared(path: str) -> str:
    """A file of ``/proc`` that is the same for every container: read once for samples that are taken together."""
    now = time.monotonic()
    read_at, text = _shared.get(path, (-_TOGETHER, ""))
    if now - read_at >= _TOGETHER:
        text = read(path)
        _shared[path] = (now, text)
    return text
