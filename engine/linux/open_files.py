"""The limit of open files of a process that holds many of them, and of what it starts.

Published ports are a descriptor each, or two, and the usual soft limit is 1024 (getrlimit(2): it is there for ``select``). A process
that comes to hold many raises its own up to the hard limit; whatever is to start programs puts it back first, since containers
inherit it.
"""

from __future__ import annotations

from resource import RLIMIT_NOFILE, getrlimit, setrlimit

_given: list[tuple[int, int]] = []
"""The limits before they were raised, in this process or the one it was forked from; nothing when they are as they were."""


def allow_many() -> None:
    """Raise this process's limit as far as it goes."""
    soft, hard = getrlimit(RLIMIT_NOFILE)
    if soft != hard:
        _given.append((soft, hard))
        setrlimit(RLIMIT_NOFILE, (hard, hard))


def allow_as_given() -> None:
    """Put the limit back; what is open beyond it stays open."""
    if _given:
        setrlimit(RLIMIT_NOFILE, _given[0])
        _given.clear()
