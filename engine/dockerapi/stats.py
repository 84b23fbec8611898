"""``GET /containers/{id}/stats``, summed up as ``docker stats`` does (docker/cli, container/stats_helpers.go)."""

from __future__ import annotations

from engine.dockerapi import times
from engine.dockerapi.document import Document
from engine.model.stats import InterfaceStats, Stats, cpu_percent


def decode(item: Document) -> Stats:
    """One sample. Its CPU share is computed from the predecessor that the engine sends along."""
    now = _times(item, "cpu_stats")
    before = _times(item, "precpu_stats")
    stats = item.document("memory_stats")
    read, written = _blocks(item)
    pids = item.document("pids_stats")
    limit = pids.integer("limit")
    return now.replace(
        container_id=item.text("id") or item.text("Id"),  # podman's spelling
        name=item.text("name").removeprefix("/"),
        read_at=times.seconds(item.text("read")),
        cpu_percent=cpu_percent(now, before) if before.system_total else 0.0,
        memory_usage=_memory(stats),
        memory_limit=stats.integer("limit"),
        interfaces=tuple(_interface(name, found) for name, found in item.members("networks")),
        block_read=read,
        block_write=written,
        pids=pids.integer("current"),
        pids_limit=limit if limit < 1 << 62 else 0,
    )


def _times(item: Document, key: str) -> Stats:
    cpu = item.document(key)
    usage = cpu.document("cpu_usage")
    return Stats(
        container_id="",
        cpu_total=usage.integer("total_usage"),
        cpu_user=usage.integer("usage_in_usermode"),
        cpu_kernel=usage.integer("usage_in_kernelmode"),
        system_total=cpu.integer("system_cpu_usage"),
        online_cpus=cpu.integer("online_cpus") or len(usage.integers("percpu_usage")) or 1,
    )


def _interface(name: str, found: Document) -> InterfaceStats:
    counted = {key: found.integer(key) for key, _ in InterfaceStats(name=name).fields() if key != "name"}
    return InterfaceStats(name=name, **counted)


def _memory(memory: Document) -> int:
    usage, stats = memory.integer("usage"), memory.document("stats")
    for key in ("total_inactive_file", "inactive_file"):  # cgroup v1, v2
        if key in stats:
            inactive = stats.integer(key)
            return usage - inactive if inactive < usage else usage
    return usage


def _blocks(item: Document) -> tuple[int, int]:
    read = written = 0
    for entry in item.document("blkio_stats").documents("io_service_bytes_recursive"):
        kind = entry.text("op")[:1].lower()
        if kind == "r":
            read += entry.integer("value")
        elif kind == "w":
            written += entry.integer("value")
    return read, written
