"""Resource use of a container, with the sums that ``docker stats`` prints."""

from __future__ import annotations

from engine.model.value import Value


class InterfaceStats(Value):
    """What went through one network interface so far: bytes, packets, and those that were faulty or dropped."""

    name: str
    rx_bytes: int = 0
    rx_packets: int = 0
    rx_errors: int = 0
    rx_dropped: int = 0
    tx_bytes: int = 0
    tx_packets: int = 0
    tx_errors: int = 0
    tx_dropped: int = 0


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
        interfaces: the container's own, without ``lo``; none where it has the host's.
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
    interfaces: tuple[InterfaceStats, ...] = ()
    block_read: int = 0
    block_write: int = 0
    pids: int = 0
    pids_limit: int = 0

    @property
    def network_rx(self) -> int:
        """Bytes received over all interfaces."""
        return sum(interface.rx_bytes for interface in self.interfaces)

    @property
    def network_tx(self) -> int:
        """Bytes sent over all interfaces."""
        return sum(interface.tx_bytes for interface in self.interfaces)

    @property
    def memory_percent(self) -> float:
        """Share of the limit, 0 when no limit is known."""
        return self.memory_usage * 100.0 / self.memory_limit if self.memory_limit else 0.0


def cpu_percent(now: Stats, before: Stats) -> float:
    """``docker stats``' CPU column: share of the host's CPU time in between, times the number of CPUs, in percent."""
    used = now.cpu_total - before.cpu_total
    system = now.system_total - before.system_total
    return used / system * now.online_cpus * 100.0 if used > 0 and system > 0 else 0.0
