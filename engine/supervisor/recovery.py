"""Tell the truth about a container whose supervisor died without a word: ``kill -9``, a crash, a reboot.

The container itself died with it (PR_SET_PDEATHSIG) unless its program was set-user-ID, which clears that: what is left is killed
here. Then network and control group go, and the state becomes what the exit record says, or "killed" where there is none.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final

from engine.errors import NotFound
from engine.linux import processes
from engine.model.containers import ContainerState, ContainerStatus
from engine.model.health import UNHEALTHY
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database
from engine.store.roots import Roots
from engine.supervisor import exits, places, removal
from engine.supervisor.records import StateBook
from engine.supervisor.specs import spec_for_cleaning
from engine.supervisor.trees import remove_tree

if TYPE_CHECKING:
    from engine.network.manager import NetworkManager

LIVE: Final = (ContainerStatus.RUNNING, ContainerStatus.PAUSED, ContainerStatus.RESTARTING, ContainerStatus.REMOVING)
"""States that need a living supervisor (or remover) to be true."""

KILLED: Final = 137
REBOOTED: Final = 255
"""Exit codes of runs whose end nobody saw: docker's, too."""

_DYING: Final = 5.0


def settle(roots: Roots, database: Database, container_id: str) -> bool:
    """Make a container's state true if nobody supervises it; ``False`` when somebody does.

    Raises:
        LongshoreError: the database can not be written, or the run root not used.
    """
    rebooted = not os.path.isdir(roots.container_run_dir(container_id))
    lock = places.try_lock(roots, container_id)
    if lock is None:
        return False
    try:
        record = Containers(database).get(container_id)
        settle_locked(roots, database, record, rebooted=rebooted)
    except NotFound:
        remove_tree(roots.container_run_dir(container_id))
    finally:
        lock.release()
    return True


def settle_locked(roots: Roots, database: Database, record: ContainerRecord, *, rebooted: bool = False) -> bool:
    """:func:`settle` for the holder of the container's lock; ``True`` when there was something to be done."""
    socket = places.socket_path(roots, record.id)
    untrue = record.state.status in LIVE
    if not untrue and not os.path.exists(socket):
        return False
    from engine.network.manager import NetworkManager  # late: where all is well, nobody waits for it
    from engine.supervisor import loans

    clear(NetworkManager(roots, database), record, spec_for_cleaning(roots, record.id))
    loans.give_back(roots, database, record)
    if untrue:
        _tell_truth(roots, database, record, rebooted=rebooted)
    try:
        os.unlink(socket)
    except FileNotFoundError:
        pass
    if untrue and (record.host_config.auto_remove or record.state.status is ContainerStatus.REMOVING):
        removal.remove(roots, database, record, volumes=True)
    return True


def clear(networks: NetworkManager, record: ContainerRecord, spec: dict[str, Any]) -> None:
    """Kill every process of a container and take away what it has in the kernel."""
    from engine.supervisor import kernel

    _kill_leftovers(record, spec)
    kernel.dismantle(networks, record, spec)


def _kill_leftovers(record: ContainerRecord, spec: dict[str, Any]) -> None:
    from engine.supervisor import kernel

    processes.kill_same(record.state.pid, record.pid_start)
    group = kernel.cgroup_of(spec)
    deadline = time.monotonic() + _DYING
    while time.monotonic() < deadline:
        try:
            if processes.same(record.state.pid, record.pid_start):
                pass
            elif group is None or not group.exists() or not group.pids():
                return
            else:
                group.kill()
        except OSError:
            return
        time.sleep(0.002)


def _tell_truth(roots: Roots, database: Database, record: ContainerRecord, *, rebooted: bool) -> None:
    before = record.state
    known = exits.read(roots, record.id, before.pid, record.pid_start) if before.pid else None
    error = ""
    if known is not None:
        code, finished, oom = known.exit_code, known.finished_at, known.oom_killed
    elif before.status in (ContainerStatus.RESTARTING, ContainerStatus.REMOVING):
        code, finished, oom = before.exit_code, before.finished_at, before.oom_killed
    else:
        code, finished, oom = (REBOOTED if rebooted else KILLED), time.time(), False
        error = "the machine was restarted" if rebooted else "the supervisor of the container was killed"
    state = ContainerState(
        status=ContainerStatus.EXITED,
        exit_code=code,
        oom_killed=oom,
        error=error,
        started_at=before.started_at,
        finished_at=finished,
        restart_count=before.restart_count,
        health=UNHEALTHY if before.health else "",
    )
    StateBook(database, record.id).write(state, ("die", {"exitCode": str(code)}), pid_start=0)
    exits.forget(roots, record.id)
