"""After a reboot: containers whose restart policy says so come back with the first command.

There is no daemon that a boot would start, so whoever opens the engine first does what docker's would do. That a boot is new is
seen by a mark in the run root, which a reboot empties. It is set last: who is killed in between leaves the rest to the next one.
"""

from __future__ import annotations

from engine.errors import LongshoreError, NotModified
from engine.model.containers import ContainerStatus
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database
from engine.store.roots import Roots

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def come_back(roots: Roots, database: Database) -> list[LongshoreError]:
    """Start what is to run, once in a boot, after the recovery sweep; what could not be started comes back."""
    mark, boot = f"{roots.run}/boot", _read(_BOOT_ID)
    if _read(mark) == boot:
        return []
    failed: list[LongshoreError] = []
    waiting = [record for record in Containers(database).by_status(ContainerStatus.EXITED) if _wanted(record)]
    for record in sorted(waiting, key=_order):
        from engine.supervisor import client

        try:
            client.start(roots, record.id)
        except NotModified:
            continue  # another first command was quicker
        except LongshoreError as error:
            failed.append(error)
    try:
        from engine.store import atomic

        atomic.write_file(mark, boot, durable=False)
    except LongshoreError as error:
        failed.append(error)
    return failed


def _wanted(record: ContainerRecord) -> bool:
    from engine.supervisor.restarts import comes_back

    return comes_back(
        record.host_config.restart_policy,
        record.state.exit_code,
        count=record.state.restart_count,
        manually_stopped=record.manually_stopped,
    )


def _order(record: ContainerRecord) -> tuple[bool, float]:
    """The oldest first, and after all others those that share somebody's namespaces."""
    host = record.host_config
    modes = (host.network_mode, host.pid_mode, host.ipc_mode, host.uts_mode)
    return any(mode.startswith("container:") for mode in modes), record.created_at


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(100)
    except OSError:
        return b""
