"""Exec instances as the API describes them."""

from __future__ import annotations

from typing import Any

from engine.dockerapi.document import load_document
from engine.model.containers import ExecConfig
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


def show(id: str, container: str, config: ExecConfig, state: ExecState) -> dict[str, Any]:
    """``GET /exec/{id}/json``, written."""
    return {
        "ID": id,
        "ContainerID": container,
        "Running": state.running,
        "ExitCode": state.exit_code,
        "Pid": state.pid,
        "ProcessConfig": {
            "entrypoint": config.cmd[0] if config.cmd else "",
            "arguments": list(config.cmd[1:]),
            "tty": config.tty,
            "privileged": config.privileged,
            "user": config.user,
        },
        "OpenStdin": config.stdin,
        "OpenStdout": True,
        "OpenStderr": True,
        "CanRemove": False,
        "DetachKeys": "",
    }
