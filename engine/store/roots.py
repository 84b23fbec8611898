"""Where an engine keeps its state and its run time files.

The state root survives reboots, the run root does not have to. A run root belongs to exactly one state root, so that two
engines never meet at a socket or lock: its path holds a hash of the state root's unless that is the default one. One that
was chosen with ``LONGSHORE_RUN`` is taken as it is by the first state root that uses it, which leaves its name there; others
get directories below it.
"""

from __future__ import annotations

import os
import stat

from engine.errors import Forbidden, InvalidArgument
from engine.model.value import Value
from engine.store import faults
from engine.store.owner import owner

_OWNER = "root"
_SHARED = "/tmp/longshore-"
_DIRECTORY_MODE = 0o700  # images hold setuid programs: nobody else may reach them (CVE-2021-41091)


class Roots(Value):
    """The two directories of an engine, both absolute."""

    state: str
    run: str

    @property
    def database(self) -> str:
        """The SQLite file."""
        return f"{self.state}/state.db"

    @property
    def layout(self) -> str:
        """The OCI image layout that holds the blobs."""
        return f"{self.state}/blobs"

    @property
    def ingest(self) -> str:
        """Blobs that are not complete yet."""
        return f"{self.state}/ingest"

    @property
    def layers(self) -> str:
        """Unpacked layers."""
        return f"{self.state}/layers"

    @property
    def containers(self) -> str:
        """One directory a container."""
        return f"{self.state}/containers"

    @property
    def volumes(self) -> str:
        """One directory a volume."""
        return f"{self.state}/volumes"

    @property
    def bell(self) -> str:
        """The file whose modification says that the database changed."""
        return f"{self.run}/bell"

    @property
    def netns(self) -> str:
        """Where the network namespace of an ordinary user's engine is bound; there is no such file in root's."""
        return f"{self.run}/netns"

    def container_dir(self, container_id: str) -> str:
        """Where a container keeps ``config.json``, its writable layer and its log."""
        return f"{self.containers}/{container_id}"

    def log_dir(self, container_id: str) -> str:
        """Where a container's log lies."""
        return f"{self.containers}/{container_id}/log"

    def container_run_dir(self, container_id: str) -> str:
        """Where a container's supervisor keeps its lock and socket. Short, for the 108 bytes of a socket's path."""
        return f"{self.run}/containers/{container_id[:12]}"

    def volume_dir(self, name: str) -> str:
        """Where a volume's content lies."""
        return f"{self.volumes}/{name}/_data"

    def ensure(self) -> Roots:
        """Make every directory that is missing, mode 0700; those that exist are left as they are.

        Raises:
            Forbidden, DiskFull, EngineFault: a directory can not be made.
        """
        run = f"{self.run}/containers"
        if self.run.startswith(f"{_SHARED}{owner()}/"):
            _claim_shared(self.run)
        for path in (self.state, self.layout, self.ingest, self.layers, self.containers, self.volumes, self.run, run):
            if not os.path.isdir(path):
                _make(path)
        if not os.path.exists(f"{self.run}/{_OWNER}"):
            self._claim()
        return self

    def _claim(self) -> None:
        from engine.store import atomic

        atomic.write_file(f"{self.run}/{_OWNER}", os.fsencode(self.state), durable=False)


def _claim_shared(run: str) -> None:
    """Make our directory in ``/tmp``, where anybody may have made it before us.

    Raises:
        Forbidden: it is not ours, or open to others.
    """
    base = "/".join(run.split("/", 3)[:3])
    try:
        os.mkdir(base, _DIRECTORY_MODE)
    except FileExistsError:
        if not _private(base):
            raise Forbidden(
                f"{base} belongs to somebody else or is open to others", hint="remove it, or set XDG_RUNTIME_DIR to a directory of yours"
            ) from None
    except OSError as error:
        raise faults.from_os(error, f"make {base}") from error


def _make(path: str) -> None:
    try:
        os.makedirs(path, mode=_DIRECTORY_MODE, exist_ok=True)
        os.chmod(path, _DIRECTORY_MODE)
    except OSError as error:
        raise faults.from_os(error, f"make {path}") from error


def resolve(root: str = "") -> Roots:
    """The roots of the engine that is meant: ``root``, else ``LONGSHORE_ROOT``, else the user's default.

    ``LONGSHORE_RUN`` moves the run root. Nothing is created.

    Raises:
        InvalidArgument: it is ``/``, or has a newline in its path.
    """
    default = _default_state()
    given = root or os.environ.get("LONGSHORE_ROOT", "")
    state = os.path.realpath(os.path.abspath(given)) if given else default
    if state == "/":
        raise InvalidArgument("invalid state root /: it must be a directory of its own")
    if "\n" in state:
        raise InvalidArgument(f"invalid state root {state!r}: a newline can not be in it")
    chosen = os.environ.get("LONGSHORE_RUN", "")
    run = os.path.abspath(chosen or _default_run())
    if not _owned(run, state) if chosen else state != default:
        run = f"{run}/{_fingerprint(state)}"
    return Roots(state=state, run=run)


def _owned(run: str, state: str) -> bool:
    """The run root is the state root's, or nobody's yet."""
    try:
        with open(f"{run}/{_OWNER}", "rb") as file:
            return file.read() == os.fsencode(state)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise faults.from_os(error, f"read {run}/{_OWNER}") from error


def _default_state() -> str:
    if owner() == 0:
        return "/var/lib/longshore"
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return os.path.realpath(f"{data}/longshore")


def _default_run() -> str:
    user = owner()
    if user == 0:
        return "/run/longshore"
    for base in (os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{user}"):  # su(1) keeps the variable of another user
        if base and _private(base):
            return f"{base}/longshore"
    return f"{_SHARED}{user}/longshore"


def _private(path: str) -> bool:
    """A directory that belongs to us and that nobody else can write to."""
    try:
        there = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(there.st_mode) and there.st_uid == os.geteuid() and not there.st_mode & 0o022


def _fingerprint(path: str) -> str:
    """64 bits of FNV-1a: hashlib would cost 5 ms, and nobody gains from two of their own roots colliding."""
    value = 0xCBF29CE484222325
    for byte in os.fsencode(path):
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"
