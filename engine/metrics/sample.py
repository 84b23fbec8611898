"""One sample of a container's resource use, as ``docker stats`` would print it."""

from __future__ import annotations

import time
from functools import lru_cache

from engine.linux import processes
from engine.linux.cgroup_files import read as read_file
from engine.linux.cgroups import Cgroup, detect, open_cgroup
from engine.metrics import counters, host
from engine.model.stats import Stats, cpu_percent
from engine.store.containers import ContainerRecord


def sample(record: ContainerRecord, before: Stats | None = None) -> Stats:
    """The container now; zeros when it does not run. With ``before``, a sample of the same container, CPU percent too."""
    blank = Stats(container_id=record.id, name=record.name, read_at=time.time())
    pid = record.state.pid
    if not record.state.running or not processes.same(pid, record.pid_start):
        return blank
    system_total, online = host.cpu_times(host.read_shared("/proc/stat"))
    counted = _counters(record)
    total = host.memory_total(host.read_shared("/proc/meminfo"))
    limit = counted.memory_limit
    interfaces = () if record.host_config.network_mode == "host" else counters.network(read_file(f"/proc/{pid}/net/dev"))
    now = blank.replace(
        cpu_total=counted.cpu_total,
        cpu_user=counted.cpu_user,
        cpu_kernel=counted.cpu_kernel,
        system_total=system_total,
        online_cpus=online,
        memory_usage=counted.memory_usage,
        memory_limit=limit if 0 < limit <= total else total,
        interfaces=interfaces,
        block_read=counted.block_read,
        block_write=counted.block_write,
        pids=counted.pids,
        pids_limit=counted.pids_limit,
    )
    return now.replace(cpu_percent=cpu_percent(now, before)) if before is not None and before.system_total else now


def _counters(record: ContainerRecord) -> counters.Counters:
    try:
        group = _group(record.id, record.state.pid, record.pid_start)
    except LookupError:
        return counters.process_tree(record.state.pid)
    reader = counters.version_2 if detect().version == 2 else counters.version_1

    def read(controller: str, file: str) -> str:
        directory = group.directory(controller)
        return read_file(f"{directory}/{file}") if directory else ""

    return reader(read)


@lru_cache(maxsize=1024)
def _group(container_id: str, pid: int, started: int) -> Cgroup:
    """The control group of a container's process, which stays the same while the process lives.

    Raises:
        LookupError: it has none.
    """
    if path := cgroup_of(read_file(f"/proc/{pid}/cgroup"), container_id):
        return open_cgroup(path)
    raise LookupError(container_id)


def cgroup_of(membership: str, container_id: str) -> str:
    """The container's control group from the text of ``/proc/<pid>/cgroup``: the path down to the part that names it.

    The process may have moved into a group of its own below. ``""`` when no path names the container.
    """
    for line in membership.splitlines():
        parts = line.split(":", 2)[-1].split("/")
        for depth, part in enumerate(parts):
            if container_id in part:
                return "/".join(parts[: depth + 1])
    return ""
