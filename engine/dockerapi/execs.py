"""Exec instances as the API describes them."""

from __future__ import annotations

from engine.dockerapi.document import load_document
from engine.model.value import Value


class ExecState(Value):
    """What became of an exec: ``exit_code`` is ``None`` until it ended, ``pid`` 0 when it never started."""

    running: bool
    exit_code: int | None = None
    pid: int = 0


def decode(body: bytes) -> ExecState:
    """``GET /exec/{id}/json``."""
    item = load_document(body)
    return ExecState(
        running=item.flag("Running"), exit_code=item.integer("ExitCode") if "ExitCode" in item else None, pid=item.integer("Pid")
    )
