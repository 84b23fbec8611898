"""Names of a supervisor's files in the run root, and the lock that says whether it lives."""

from __future__ import annotations

import os

from engine.errors import EngineFault
from engine.store import faults
from engine.store.locks import Lock, is_held
from engine.store.roots import Roots

_SOCKET = "supervisor.sock"
_LOCK = "lock"


def socket_path(roots: Roots, container_id: str) -> str:
    """The control socket. It exists from the supervisor's first to its last moment, and after a death by ``kill -9``."""
    return f"{roots.container_run_dir(container_id)}/{_SOCKET}"


def lock_path(roots: Roots, container_id: str) -> str:
    """The file whose flock is the supervisor's liveness."""
    return f"{roots.container_run_dir(container_id)}/{_LOCK}"


def try_lock(roots: Roots, container_id: str) -> Lock | None:
    """The container's lock, held, or ``None`` when somebody else holds it. Its holder is the only writer of the container's state.

    Raises:
        Forbidden, DiskFull, EngineFault: the run directory can not be made.
    """
    directory = roots.container_run_dir(container_id)
    lock = Lock(lock_path(roots, container_id))
    for last in (False, True):
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
            return lock if lock.try_exclusive() else None
        except OSError as error:
            raise faults.from_os(error, f"make {directory}") from error
        except EngineFault:
            if last or os.path.isdir(directory):
                raise  # otherwise a removal took the directory away in between
    return None


def alive(roots: Roots, container_id: str) -> bool:
    """Whether a supervisor (or a removal) holds the container's lock."""
    return is_held(lock_path(roots, container_id))


def deserted(roots: Roots) -> list[str]:
    """Names of run directories (the first 12 digits of ids) with the socket of a supervisor that is no more."""
    directory = f"{roots.run}/containers"
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return [name for name in names if os.path.lexists(f"{directory}/{name}/{_SOCKET}") and not is_held(f"{directory}/{name}/{_LOCK}")]
