"""What a test run may leave behind on the machine: nothing.

:func:`snapshot` lists mounts, links, network namespaces, nft tables, cgroups and processes; :func:`left_over` tells
what a later snapshot has more.
"""

from __future__ import annotations

import json
import os
import subprocess

from tests.support.wait import until

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


def left_over(before: Snapshot, *, timeout: float = 20) -> dict[str, list[str]]:
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
    found = set()
    mine = _ancestors()
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) in mine:
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                head, _, tail = file.read().rpartition(b")")
            with open(f"/proc/{name}/cmdline", "rb") as file:
                command = file.read().replace(b"\0", b" ").decode(errors="replace")[:120]
        except OSError:
            continue
        fields = tail.split()
        if (
            fields[0] == b"Z" or int(fields[1]) == 2 or name == "2"
        ):  # zombies belong to their parents; children of kthreadd are the kernel's
            continue
        found.add(f"{name}/{fields[19].decode()} {head.partition(b'(')[2].decode(errors='replace')} {command}")
    return frozenset(found)


def _ancestors() -> set[int]:
    found, pid = set(), os.getpid()
    while pid > 1:
        found.add(pid)
        with open(f"/proc/{pid}/stat", "rb") as file:
            pid = int(file.read().rpartition(b")")[2].split()[1])
    return found
