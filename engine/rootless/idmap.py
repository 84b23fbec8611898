"""Which ids a user may use: ``/etc/subuid`` and ``/etc/subgid`` (subuid(5)), and the programs that put them into effect."""

from __future__ import annotations

import os

from engine.model.value import Value

WANTED = 65536
"""Ids that the images of distributions use."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_INSTALL = "install newuidmap and newgidmap (package uidmap or shadow-utils)"


class Mapping(Value):
    """What a namespace gets.

    Attributes:
        uids, gids: ``inside outside count`` triples; one of one id without subordinate ids.
        trouble: why there is only one id, as a sentence with what to do, or ``""``.
    """

    uids: tuple[tuple[int, int, int], ...]
    gids: tuple[tuple[int, int, int], ...]
    trouble: str = ""

    @property
    def single(self) -> bool:
        """One user and one group only."""
        return bool(self.trouble)

    def text(self) -> str:
        """One line that is equal for equal mappings."""
        return ";".join(",".join(" ".join(map(str, row)) for row in rows) for rows in (self.uids, self.gids))


def alone(uid: int, gid: int, trouble: str) -> Mapping:
    """The mapping of a user without subordinate ids."""
    return Mapping(uids=((0, uid, 1),), gids=((0, gid, 1),), trouble=trouble)


def plan(uid: int, gid: int, name: str, *, subuid: str = "/etc/subuid", subgid: str = "/etc/subgid") -> Mapping:
    """The mapping for a user: root is the user, and from 1 on come the subordinate ids."""
    for program in ("newuidmap", "newgidmap"):
        if not find(program):
            return alone(uid, gid, f"{program} is not installed: containers have one user only; {_INSTALL}")
    found = []
    for file, option in ((subuid, "uids"), (subgid, "gids")):
        ranges = read(file, uid, name)
        if not ranges:
            hint = f"`sudo usermod --add-sub{option} 100000-165535 {name}`, with a range that is nobody else's"
            return alone(uid, gid, f"{file} has no range for {name}: containers have one user only; add one with {hint}")
        found.append(ranges)
    return Mapping(uids=_rows(uid, found[0]), gids=_rows(gid, found[1]))


def find(program: str) -> str:
    """The path of a program in the system's directories, or ``""``."""
    return next((f"{place}/{program}" for place in _PATH.split(":") if os.access(f"{place}/{program}", os.X_OK)), "")


def read(path: str, uid: int, name: str) -> list[tuple[int, int]]:
    """The ``(first, count)`` ranges of a user, who may be named or numbered; broken lines are left out."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    ranges = []
    for line in lines:
        who, _, rest = line.strip().partition(":")
        first, _, count = rest.partition(":")
        if who in (name, str(uid)) and first.isdigit() and count.isdigit() and int(count):
            ranges.append((int(first), int(count)))
    return ranges


def _rows(own: int, ranges: list[tuple[int, int]]) -> tuple[tuple[int, int, int], ...]:
    rows = [(0, own, 1)]
    inside = 1
    for first, count in ranges:
        rows.append((inside, first, count))
        inside += count
    return tuple(rows)


def small(mapping: Mapping) -> str:
    """A sentence when there are fewer ids than images use, or ``""``."""
    have = min(sum(row[2] for row in rows) for rows in (mapping.uids, mapping.gids))
    if mapping.single or have >= WANTED:
        return ""
    return f"only {have} subordinate ids are mapped, images use up to {WANTED}: give the user larger ranges in /etc/subuid and /etc/subgid"
