"""Figures of the machine that this program runs on, with psutil: what the containers' numbers are part of."""

from __future__ import annotations

import os

from tui.snapshot import HostStats


def is_here(url: str) -> bool:
    """An engine's containers run on this machine, as far as its URL tells."""
    return not url.startswith(("tcp:", "ssh:", "http:", "https:"))


def look(root: str) -> HostStats:
    """The machine now; the first look has no load of the CPUs, which is counted from one look to the next."""
    import psutil  # late: 20 ms that only the monitor needs

    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    found = HostStats(
        cpus=tuple(psutil.cpu_percent(interval=None, percpu=True)),
        memory_used=memory.total - memory.available,
        memory_total=memory.total,
        swap_used=swap.used,
        swap_total=swap.total,
        load=os.getloadavg(),
        processes=len(psutil.pids()),
    )
    try:
        disk = psutil.disk_usage(root) if root else None
    except OSError:
        disk = None
    return found.replace(root=root, disk_used=disk.used, disk_total=disk.total, disk_free=disk.free) if disk else found
