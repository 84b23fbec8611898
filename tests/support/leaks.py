"""What a test run may leave behind on the machine: nothing.

:func:`snapshot` lists mounts, links, network namespaces, nft tables, cgroups and processes; :func:`left_over` tells
what a later snapshot has more.
"""

from __future__ import annotations

import json
import os
import subprocess

from tests.support.wait import until

MARK = "LONGSHORE_TEST_SESSION"
"""Environment variable that everything a test session starts inherits, containers and supervisors aside."""

KINDS = ("mounts", "links", "netns", "nft", "cgroups", "processes")
Snapshot = dict[str, frozenset[str]]


def snapshot() -> Snapshot:
    """Everything of the kinds in :data:`KINDS` that exists now, as printable names."""
    return {
        "mounts": _mounts(),
        "links": frozenset(os.listdir("/sys/class/net")),
        "netns": frozenset(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else frozenset(),
        "nft": _nft_tables(),
        "cgroups": _cgroups(),
        "processes": _processes(),
    }


def left_over(before: Snapshot, *, timeout: float = 60) -> dict[str, list[str]]:
    """What exists now and did not in ``before``; processes that are about to end are waited for."""
    found: dict[str, list[str]] = {}

    def clean() -> bool:
        now = snapshot()
        found.clear()
        found.update({kind: sorted(now[kind] - before[kind]) for kind in KINDS if now[kind] - before[kind]})
        return not found

    try:
        until(clean, timeout)
    except AssertionError:
        pass
    return dict(found)


def _mounts() -> frozenset[str]:
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        return frozenset(line.split(" ")[4] + " " + line.split(" - ")[1].split(" ")[0] for line in file)


def _nft_tables() -> frozenset[str]:
    done = subprocess.run(["nft", "-j", "list", "tables"], capture_output=True, check=False)
    if done.returncode:
        return frozenset()
    tables = json.loads(done.stdout).get("nftables", [])
    return frozenset(f"{entry['table']['family']} {entry['table']['name']}" for entry in tables if "table" in entry)


def _cgroups() -> frozenset[str]:
    return frozenset(path for path, _, _ in os.walk("/sys/fs/cgroup"))


def _processes() -> frozenset[str]:
    """Processes that can be ours: inside a namespace that is not ours, run from a sealed interpreter, or started by a test."""
    return frozenset(filter(None, map(_describe, filter(str.isdigit, os.listdir("/proc")))))


def _describe(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read().split(b"\0")
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            command = _short(file.read().replace(b"\0", b" ").decode(errors="replace"))
        spaces = [os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("pid", "mnt", "net")]
        sealed = os.readlink(f"/proc/{pid}/exe").startswith("/memfd:longshore")
    except OSError:
        return ""
    if fields[0] == b"Z" or int(pid) == os.getpid():  # zombies belong to their parents
        return ""
    ours = [os.readlink(f"/proc/self/ns/{kind}") for kind in ("pid", "mnt", "net")]
    marked = f"{MARK}={os.environ.get(MARK, '')}".encode() in environment if os.environ.get(MARK) else False
    return f"{pid}/{fields[19].decode()} {command}" if sealed or marked or spaces != ours else ""


def _short(command: str) -> str:
    """Its beginning says what it is, its end whose: that names a test's directory."""
    return command if len(command) <= 200 else f"{command[:60]} … {command[-130:]}"
