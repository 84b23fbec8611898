"""The processes of a container: ``ps`` columns out of /proc, without ``ps`` unless other columns are asked for."""

from __future__ import annotations

import os
import time

from engine.backends.embedded.core import Core
from engine.errors import Conflict, InvalidArgument, NotSupported
from engine.linux import cgroups, processes
from engine.metrics.sample import cgroup_of
from engine.model.containers import ProcessTable
from engine.store.containers import ContainerRecord

_TITLES = ("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD")


def top(core: Core, container: str, ps_args: str) -> ProcessTable:
    """The processes of a running container.

    Raises:
        Conflict: it does not run.
        NotSupported: ``ps_args`` are given and there is no ``ps``.
    """
    record = core.containers.resolve(container)
    if not record.state.running or not processes.same(record.state.pid, record.pid_start):
        raise Conflict(f"Container {record.id} is not running")
    pids = _pids(record)
    if ps_args.strip() in ("", "-ef"):
        return ProcessTable(titles=_TITLES, rows=tuple(row for pid in pids if (row := _row(pid))))
    return _by_ps(ps_args, pids)


def _pids(record: ContainerRecord) -> list[int]:
    """What its control group holds, else the descendants of its first process."""
    path = cgroup_of(_read(f"/proc/{record.state.pid}/cgroup"), record.id)
    try:
        found = sorted(cgroups.open_cgroup(path).pids()) if path else []
    except OSError:
        found = []
    return found or _tree(record.state.pid)


def _tree(root: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal() and (fields := _stat(int(name))):
            children.setdefault(int(fields[1]), []).append(int(name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, ())
    return sorted(found)


def _stat(pid: int) -> list[str]:
    """Fields of ``/proc/<pid>/stat`` from the third on; empty when the process is gone."""
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(65536)
    except OSError:
        return ""


def _row(pid: int) -> tuple[str, ...]:
    fields = _stat(pid)
    if not fields:
        return ()
    ticks = os.sysconf("SC_CLK_TCK")
    used = (int(fields[11]) + int(fields[12])) // ticks
    started = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + int(fields[19]) / ticks
    lasted = max(1.0, time.time() - started)
    words = _read(f"/proc/{pid}/cmdline").split("\0")
    shown = " ".join(words).strip() or f"[{_read(f'/proc/{pid}/comm').strip()}]"
    return (
        _user(pid),
        str(pid),
        fields[1],
        str(min(99, int(used * 100 / lasted))),
        _start(started),
        _terminal(int(fields[4])),
        f"{used // 3600:02d}:{used // 60 % 60:02d}:{used % 60:02d}",
        shown,
    )


def _start(started: float) -> str:
    today = time.localtime()[:3] == time.localtime(started)[:3]
    return time.strftime("%H:%M" if today else "%b%d", time.localtime(started))


def _terminal(device: int) -> str:
    if not device:
        return "?"
    minor = device & 0xFF | device >> 12 & 0xFFF00
    return f"pts/{minor}" if device >> 8 & 0xFFF == 136 else "?"


def _user(pid: int) -> str:
    import pwd

    try:
        uid = os.stat(f"/proc/{pid}").st_uid
        return pwd.getpwuid(uid).pw_name
    except OSError:
        return "?"
    except KeyError:
        return str(uid)


def _by_ps(ps_args: str, pids: list[int]) -> ProcessTable:
    import shlex
    import subprocess

    try:
        arguments = shlex.split(ps_args)
        done = subprocess.run(["ps", *arguments], capture_output=True, text=True, errors="replace", timeout=30, check=False)
    except FileNotFoundError:
        raise NotSupported("ps is not installed on this host", hint="leave the ps options out") from None
    except ValueError as error:
        raise InvalidArgument(f"invalid ps options {ps_args!r}: {error}") from None
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise InvalidArgument(f"Error running ps: {done.stderr.strip() or done.returncode}")
    titles = lines[0].split()
    if "PID" not in titles:
        raise InvalidArgument("Couldn't find PID field in ps output")
    column, wanted = titles.index("PID"), set(map(str, pids))
    rows = (tuple(line.split(None, len(titles) - 1)) for line in lines[1:])
    return ProcessTable(titles=tuple(titles), rows=tuple(row for row in rows if len(row) > column and row[column] in wanted))
