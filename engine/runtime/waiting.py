"""Init's side of the wait between OCI's ``create`` and ``start``; see :mod:`engine.runtime.gate`.

Everything is imported here and now: in the container nothing may be.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from engine.model.value import EMPTY, Value
from engine.runtime import dialogue, hooks
from engine.runtime.dialogue import Line
from engine.runtime.gate import FIFO, REPORT, state_json


class Gate(Value):
    """Where an init waits.

    Attributes:
        directory: the container's state directory; has :data:`FIFO` and :data:`REPORT`, see :func:`engine.runtime.gate.prepare`.
        hooks: ``hooks`` of the configuration.
        state: the container's state as hooks get it, but for pid and status.
    """

    directory: str
    hooks: Mapping[str, Any] = EMPTY
    state: Mapping[str, Any] = EMPTY

    def run(self, kind: str, status: str, pid: int) -> None:
        """Run the hooks of one kind. Raises StartFailed."""
        if self.hooks.get(kind):
            hooks.run(kind, self.hooks[kind], state_json(self.state, status, pid))


def open_ends(directory: str) -> tuple[int, int]:
    """For init: the fifo and the report. Raises OSError."""
    fifo = os.open(f"{directory}/{FIFO}", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    return fifo, os.open(f"{directory}/{REPORT}", os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)


def wait(gate: Gate, line: Line, fifo: int) -> None:
    """For init: return when the program shall run. Ends the process when ``create`` dies before it has written the state.

    Raises:
        StartFailed: a startContainer hook failed.
    """
    line.say(dialogue.FOUND)
    if line.hear()[0] != dialogue.START:
        os._exit(1)
    line.close()
    os.read(fifo, 1)
    gate.run("startContainer", "created", os.getpid())
