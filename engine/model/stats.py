"""Resource use of a container, with the sums that ``docker stats`` prints."""

from __future__ import annotations

from engine.model.value import Value


class Stats(Value):
    """One sample.

    Attributes:
        read_at: seconds since the epoch.
        cpu_total: CPU time used so far, nanoseconds.
        system_total: CPU time of the whole host so far, nanoseconds.
        online_cpus: CPUs of the host.
        cpu_percent: 100 is one CPU; 0 in the first sample of a stream, which has no predecessor.
        memory_usage: bytes, without inactive file cache, as ``docker stats`` shows it.
        memory_limit: bytes; the host's memory where there is no limit.
        network_rx, network_tx: bytes over all interfaces but ``lo``.
        block_read, block_write: bytes over all devices.
        pids: processes and threads; ``pids_limit`` 0 is unlimited.
    """

    container_id: str
    name: str = ""
    read_at: float = 0.0
    cpu_total: int = 0
    cpu_user: int = 0
    cpu_kernel: int = 0
    system_total: int = 0
    online_cpus: int = 1
    cpu_percent: float = 0.0
    memory_usage: int = 0
    memory_limit: int = 0
    network_rx: int = 0
    network_tx: int = 0
    block_read: int = 0
    block_write: int = 0
    pids: int = 0
    pids_limit: int = 0

    @property
    def memory_percent(self) -> float:
        """Share of the limit, 0 when no limit is known."""
        return self.memory_usage * 100.0 / self.memory_limit if self.memory_limit else 0.0


def cpu_percent(now: Stats, before: Stats) -> float:
    """``docker stats``' CPU column: share of the host's CPU time in between, times the number of CPUs, in percent."""
    used = now.cpu_total - before.cpu_total
    system = now.system_total - before.system_total
    return used / system * now.online_cpus * 100.0 if used > 0 and system > 0 else 0.0
