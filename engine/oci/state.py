"""Containers on disk: one directory each below the runtime's root, as the OCI command line knows them.

``state.json`` says what the container is, ``config.json`` is the configuration that it was made with (what happens to the bundle's
later does not matter to it), and ``exec.fifo`` is there until it is started. Whoever makes it holds a lock on the
directory, so that one whose maker died is told from one that is being made. What it is doing is asked of the kernel every time.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import Conflict, EngineFault, InvalidArgument, NotFound
from engine.linux import processes
from engine.linux.syscalls import reason
from engine.model.value import EMPTY, Value
from engine.runtime.gate import FIFO
from engine.store import atomic, codec

if TYPE_CHECKING:
    from engine.linux.cgroups import Cgroup

_STATE = "state.json"
_CONFIG = "config.json"
_ID = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-")


class State(Value):
    """A container.

    Attributes:
        bundle: absolute path.
        pid: its first process, 0 until there is one; ``started`` is that process's start time in clock ticks since boot.
        created: RFC 3339.
        owner: uid of who made it.
    """

    id: str
    oci_version: str
    bundle: str
    rootfs: str
    created: str
    owner: int
    pid: int = 0
    started: int = 0
    annotations: Mapping[str, str] = EMPTY

    def outward(self) -> dict[str, Any]:
        """The members that hooks are told, but for pid and status."""
        return {"ociVersion": self.oci_version, "id": self.id, "bundle": self.bundle, "annotations": dict(self.annotations)}


class Container:
    """A container that exists, or is being made."""

    def __init__(self, root: str, container_id: str) -> None:
        self.id = container_id
        self.directory = f"{root}/{container_id}"
        self._lock = -1

    @property
    def state(self) -> State:
        """Its state. Raises NotFound, EngineFault."""
        try:
            with open(f"{self.directory}/{_STATE}", "rb") as file:
                return State(**codec.loads(file.read().decode()))
        except FileNotFoundError:
            raise NotFound(f"container {self.id!r} does not exist") from None
        except (OSError, ValueError, TypeError) as error:
            raise EngineFault(f"container {self.id!r}: its state can not be read: {error}") from None

    @property
    def spec(self) -> dict[str, Any]:
        """The configuration that it was made with. Raises EngineFault."""
        try:
            with open(f"{self.directory}/{_CONFIG}", "rb") as file:
                spec: dict[str, Any] = codec.loads(file.read().decode())
                return spec
        except (OSError, ValueError) as error:
            raise EngineFault(f"container {self.id!r}: its configuration can not be read: {error}") from None

    def cgroup(self) -> Cgroup | None:
        """Its control group, ``None`` where there is none."""
        from engine.linux.cgroups import cgroup_of

        return cgroup_of(self.spec)

    def save(self, state: State) -> None:
        """Write the state. Raises DiskFull, Forbidden, EngineFault."""
        plain = {name: getattr(state, name) for name in State._fields}
        plain["annotations"] = dict(state.annotations)
        atomic.write_file(f"{self.directory}/{_STATE}", codec.dumps(plain).encode(), durable=False)

    def make(self, state: State, spec: Mapping[str, Any]) -> None:
        """Make the directory, and hold it until :meth:`made`.

        Raises:
            Conflict: there is a container of that name.
        """
        try:
            os.makedirs(os.path.dirname(self.directory), mode=0o711, exist_ok=True)
            os.mkdir(self.directory, 0o711)
        except FileExistsError:
            raise Conflict(f"container with id {self.id!r} already exists") from None
        except OSError as error:
            raise EngineFault(f"make {self.directory}: {reason(error)}") from None
        self._lock = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        atomic.write_file(f"{self.directory}/{_CONFIG}", codec.dumps(spec).encode(), durable=False)
        self.save(state)

    def made(self) -> None:
        """Let go of the directory."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def status(self, state: State) -> str:
        """``creating``, ``created``, ``running``, ``paused`` or ``stopped``."""
        if not state.pid:
            return "creating" if self._held() else "stopped"
        if not processes.same(state.pid, state.started):
            return "stopped"
        if os.path.exists(f"{self.directory}/{FIFO}"):
            return "created"
        cgroup = self.cgroup()
        return "paused" if cgroup is not None and cgroup.frozen() else "running"

    def _held(self) -> bool:
        fd = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def remove(self) -> None:
        """Remove the directory. Raises OSError."""
        self.made()
        for name in os.listdir(self.directory):
            os.unlink(f"{self.directory}/{name}")
        os.rmdir(self.directory)


def _is_id(text: str) -> bool:
    return bool(text) and _ID.issuperset(text) and text not in (".", "..")


def container(root: str, container_id: str) -> Container:
    """The container of that name, which need not exist.

    Raises:
        InvalidArgument: the name could not be one.
    """
    if not _is_id(container_id):
        raise InvalidArgument(f"invalid container id {container_id!r}")
    return Container(root, container_id)


def containers(root: str) -> Iterator[Container]:
    """Every container below ``root``, by name."""
    for name in sorted(os.listdir(root)) if os.path.isdir(root) else ():
        if _is_id(name) and os.path.exists(f"{root}/{name}/{_STATE}"):
            yield Container(root, name)
