"""An ordinary user with a home of their own, who exists in private mounts only: nothing of the machine's ``/etc`` is touched.

Every command runs in a mount namespace in which ``/etc/passwd``, ``/etc/group``, ``/etc/subuid`` and ``/etc/subgid`` know the user, where
the interpreter and the sources can be read though they may lie in root's home, and where ``/dev/net/tun`` has the mode that udev
gives it. Programs can be taken away there, too.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.wait import until

_NAME = "anne"
_SUBIDS = (700000, 65536)
_SOURCES = str(Path(__file__).resolve().parents[2])


class Person:
    """The user ``anne``. ``without`` names programs that her machine does not have."""

    def __init__(self, home: str, uid: int, registry: str, *, subids: bool = True, without: Sequence[str] = ()) -> None:
        self.home, self.uid = home, uid
        self.run_root = f"{home}/runtime/longshore"
        self.subids, self.without = subids, tuple(without)
        self._etc = f"{home}.etc"
        for name in ("runtime", "tmp"):
            os.mkdir(f"{home}/{name}", 0o700)
            os.chown(f"{home}/{name}", uid, uid)
        os.makedirs(self._etc)
        Path(f"{home}/config.toml").write_text(f'[registries."docker.io"]\nmirrors = ["http://{registry}"]\n')
        for path in (home, f"{home}/config.toml"):
            os.chown(path, uid, uid)

    def command(self, *words: str) -> list[str]:
        """``longshore WORDS`` as she would run it."""
        return self.any_command(sys.executable, "-m", "engine.cli", "--config", f"{self.home}/config.toml", *words)

    def any_command(self, *words: str) -> list[str]:
        """A program as she would run it."""
        environment = {
            "HOME": self.home,
            "USER": _NAME,
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "XDG_RUNTIME_DIR": f"{self.home}/runtime",
            "TMPDIR": f"{self.home}/tmp",
            "PYTHONPATH": _SOURCES,
            "PYTHONDONTWRITEBYTECODE": "1",
            "TERM": "xterm",
        }
        become = ["setpriv", "--reuid", str(self.uid), "--regid", str(self.uid), "--clear-groups"]
        variables = [f"{name}={value}" for name, value in environment.items()]
        script = f'{self._mounts()}\ncd {self.home}\nexec "$@"'
        return ["unshare", "--mount", "sh", "-ec", script, "sh", *become, "env", "-i", *variables, *words]

    def __call__(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a verb to its end."""
        return self.execute(self.command(*words), timeout=timeout)

    def execute(self, command: Sequence[str], *, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run what :meth:`command` or :meth:`any_command` gave."""
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=timeout, check=False
        )

    def out(self, *words: str) -> str:
        """What a verb that must succeed prints."""
        done = self(*words)
        assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}: {done.stderr}{self.log()}"
        return done.stdout

    def log(self) -> str:
        """The engine's log."""
        path = Path(f"{self.run_root}/engine.log")
        return path.read_text() if path.exists() else ""

    def holder(self) -> int:
        """Pid of the process that keeps her namespaces; 0 without one."""
        try:
            return int(Path(f"{self.run_root}/userns").read_text().split()[0])
        except FileNotFoundError:
            return 0

    def processes(self) -> list[int]:
        """Everything that runs with one of her ids."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                owner = os.stat(f"/proc/{name}").st_uid
                if owner == self.uid or _SUBIDS[0] <= owner < sum(_SUBIDS) or _in_home(name, self.home):
                    found.append(int(name))
        return found

    def clean(self) -> None:
        """Remove her containers and networks."""
        names = self.out("ps", "-aq", "--no-trunc").split()
        if names:
            self.out("rm", "-f", "-v", *names)
        networks = [name for name in self.out("network", "ls", "--format", "{{.Name}}").split() if name not in ("bridge", "host", "none")]
        if networks:
            self.out("network", "rm", *networks)

    def close(self) -> None:
        """End everything that is hers and remove her files."""

        def gone() -> bool:
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not self.processes()

        until(gone, what="her processes end")
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(self._etc, ignore_errors=True)

    def _mounts(self) -> str:
        """Shell commands that make the private mounts."""
        etc, first = Path(self._etc), f"{_NAME}:{_SUBIDS[0]}:{_SUBIDS[1]}\n"
        (etc / "passwd").write_text(Path("/etc/passwd").read_text() + f"{_NAME}:x:{self.uid}:{self.uid}::{self.home}:/bin/sh\n")
        (etc / "group").write_text(Path("/etc/group").read_text() + f"{_NAME}:x:{self.uid}:\n")
        for name in ("subuid", "subgid"):
            (etc / name).write_text("root:0:1000000\n" + (first if self.subids else ""))  # root's is for tests that nest namespaces
        (etc / "none").write_text("")
        lines = [f"mount --bind {etc}/{name} /etc/{name}" for name in ("passwd", "group", "subuid", "subgid")]
        lines += [f"mount --bind {etc}/none {path}" for program in self.without if (path := shutil.which(program))]
        if not os.access("/dev/net/tun", os.F_OK) or os.stat("/dev/net/tun").st_mode & 0o006 != 0o006:
            lines += ["mkdir -p /dev/net", "mount -t tmpfs -o mode=755 tmpfs /dev/net", "mknod -m 666 /dev/net/tun c 10 200"]
        return "\n".join([*lines, *_open_ways((sys.base_prefix, sys.prefix, _SOURCES))])


def _open_ways(paths: Sequence[str]) -> list[str]:
    """Commands after which others can reach ``paths``: a closed directory above is replaced by an open one with nothing else in it."""
    stage = "/run"
    closed: dict[str, list[str]] = {}
    for path in dict.fromkeys(map(os.path.realpath, paths)):
        above = [str(parent) for parent in reversed(Path(path).parents)] + [path]
        first = next((parent for parent in above if not os.stat(parent).st_mode & 0o001), "")
        if first:
            closed.setdefault(first, []).append(path)
    lines = [f"mount -t tmpfs tmpfs {stage}"] if closed else []
    for number, (directory, inside) in enumerate(closed.items()):
        for index, path in enumerate(inside):
            lines += [f"mkdir -p {stage}/{number}-{index}", f"mount --bind {shlex.quote(path)} {stage}/{number}-{index}"]
        lines.append(f"mount -t tmpfs -o mode=755 tmpfs {shlex.quote(directory)}")
        for index, path in enumerate(inside):
            lines += [f"mkdir -p {shlex.quote(path)}", f"mount --move {stage}/{number}-{index} {shlex.quote(path)}"]
    return [*lines, f"umount {stage}"] if closed else lines


def _in_home(pid: str, home: str) -> bool:
    """pasta changes its user: it is known by what it was told."""
    return f"{home}/".encode() in Path(f"/proc/{pid}/cmdline").read_bytes() and b"pasta" in Path(f"/proc/{pid}/comm").read_bytes()


@contextlib.contextmanager
def person(registry: str, *, subids: bool = True, without: Sequence[str] = ()) -> Iterator[Person]:
    """A user whose ``longshore`` pulls from ``registry`` (``host:port``)."""
    home = tempfile.mkdtemp(prefix="longshore-anne-", dir="/tmp")
    made = Person(home, 47000 + os.getpid() % 10000, registry, subids=subids, without=without)
    try:
        yield made
    finally:
        made.close()
