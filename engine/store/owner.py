"""Whose engine this is: an ordinary user's process is root in its user namespace, but its files are still that user's."""

from __future__ import annotations

import os

MARK = "LONGSHORE_ROOTLESS"
"""Environment variable that says: our user namespace was entered, by the user with this id."""


def owner() -> int:
    """Our effective user, or inside our namespace the one who entered it.

    The variable alone says nothing: it must agree with what the kernel has in ``/proc/self/uid_map`` (user_namespaces(7)).
    """
    uid = os.geteuid()
    given = os.environ.get(MARK, "")
    if uid or not given.isdigit():
        return uid
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            inside, outside, _ = map(int, file.readline().split())
    except (OSError, ValueError):
        return uid
    return outside if inside == 0 and outside == int(given) else uid
