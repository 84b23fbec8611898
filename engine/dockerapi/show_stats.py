"""``GET /containers/{id}/stats``, written.

Our samples are sums, as ``docker stats`` shows them. They are laid out so that clients, which sum up themselves, come to the same
numbers: one block device, memory without its inactive file cache. Where a container has no network of its own there are no ``networks``.
"""

from __future__ import annotations

from typing import Any

from engine.dockerapi.show import NEVER, moment
from engine.model.stats import InterfaceStats, Stats


def document(now: Stats, before: Stats | None) -> dict[str, Any]:
    """A sample with its predecessor."""
    found: dict[str, Any] = {
        "id": now.container_id,
        "name": f"/{now.name}",
        "read": moment(now.read_at),
        "preread": moment(before.read_at) if before else NEVER,
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": _cpu(now),
        "precpu_stats": _cpu(before) if before else _cpu(Stats(container_id="", online_cpus=0)),
    }
    if not now.system_total:  # it does not run
        return found | {"pids_stats": {}, "blkio_stats": _blocks([]), "memory_stats": {}}
    pids = {"current": now.pids, **({"limit": now.pids_limit} if now.pids_limit else {})}
    blocks = [{"major": 0, "minor": 0, "op": op, "value": value} for op, value in (("read", now.block_read), ("write", now.block_write))]
    return found | {
        "pids_stats": pids,
        "blkio_stats": _blocks(blocks),
        "memory_stats": {"usage": now.memory_usage, "limit": now.memory_limit, "stats": {"inactive_file": 0}},
        **({"networks": {interface.name: _network(interface) for interface in now.interfaces}} if now.interfaces else {}),
    }


def _network(interface: InterfaceStats) -> dict[str, int]:
    return {name: value for name, value in interface.fields() if name != "name"}


def _cpu(sample: Stats) -> dict[str, Any]:
    usage = {
        "total_usage": sample.cpu_total,
        "usage_in_kernelmode": sample.cpu_kernel,
        "usage_in_usermode": sample.cpu_user,
    }
    found: dict[str, Any] = {"cpu_usage": usage, "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0}}
    return found | ({"system_cpu_usage": sample.system_total, "online_cpus": sample.online_cpus} if sample.system_total else {})


def _blocks(entries: list[dict[str, Any]]) -> dict[str, Any]:
    kinds = ("io_serviced", "io_queue", "io_service_time", "io_wait_time", "io_merged", "io_time", "sectors")
    return {"io_service_bytes_recursive": entries or None, **{f"{kind}_recursive": None for kind in kinds}}
