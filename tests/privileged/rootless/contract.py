"""The contract suite as an ordinary user: ``python -m tests.privileged.rootless.contract`` with pytest's arguments."""

from __future__ import annotations

import os
import sys

import pytest

from engine.linux import syscalls
from engine.rootless import entry
from engine.store.roots import resolve

_BIND = 0x1000


class Networks:
    """The suite makes a run root of its own: the engine's network namespace has to be there, too."""

    def __init__(self, netns: str) -> None:
        self._netns = netns

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        place = f"{os.environ['LONGSHORE_RUN']}/netns"
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600))
        syscalls.mount(self._netns, place, "", _BIND)


def main() -> int:
    """Become root of the user's namespace, and run the suite there: pytest's exit code."""
    os.environ["LONGSHORE_CONTRACT"] = "embedded"
    roots = resolve()
    entry.enter(roots)
    return pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]], plugins=[Networks(roots.netns)])


if __name__ == "__main__":
    sys.exit(main())
