"""Inside the virtual machine: be the ``longshore`` of an ordinary user."""

from __future__ import annotations

import os

from engine.cli.main import entry

USER = 1000

if __name__ == "__main__":
    os.setgroups([])
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)
    entry()
