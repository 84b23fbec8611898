"""Whether a state root can carry overlays. Where it can not, containers get copies of their image's layers."""

from __future__ import annotations

import os
from collections.abc import Sequence

from engine.linux import mounts
from engine.store import atomic
from engine.store.roots import Roots

_ANSWER = "overlay"


def works(roots: Roots, lowers: Sequence[str], upper: str, work: str) -> bool:
    """The kernel makes an overlay there. The answer is kept in the run root, for it does not change before the next boot."""
    path = f"{roots.run}/{_ANSWER}"
    try:
        with open(path, encoding="ascii") as file:
            return file.read() == "yes"
    except FileNotFoundError:
        pass
    try:
        os.close(mounts.overlay(lowers, upper, work))
        answer = True
    except OSError:
        answer = False
    atomic.write_file(path, b"yes" if answer else b"no", durable=False)
    return answer
