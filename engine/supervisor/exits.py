"""The exit record: what is known about a run's end, in a file, before the database hears of it.

It lies beside the container's ``config.json``, or, when that disk is full, in the run root. Whoever next looks at
a container without a supervisor (the recovery sweep) takes the exit from here. The record names the process it belongs
to, so that one left over from an earlier run says nothing about a later one.
"""

from __future__ import annotations

import os

from engine.errors import LongshoreError
from engine.model.value import Value
from engine.store import atomic, codec
from engine.store.roots import Roots

_NAME = "exit.json"


class ExitRecord(Value):
    """How a run ended. ``pid`` and ``pid_start`` say which run; ``finished_at`` is seconds since the epoch."""

    pid: int
    pid_start: int
    exit_code: int
    finished_at: float
    oom_killed: bool = False


def write(roots: Roots, container_id: str, record: ExitRecord) -> bool:
    """Write the record where there is room; ``False`` when there is none anywhere."""
    data = codec.encode(record).encode()
    for path in _paths(roots, container_id):
        try:
            # Not fsynced: it has to outlive processes. After a power cut no container runs anyway.
            atomic.write_file(path, data, durable=False)
        except LongshoreError:
            continue
        return True
    return False


def read(roots: Roots, container_id: str, pid: int, pid_start: int) -> ExitRecord | None:
    """The record of the run with this process, if one was written."""
    for path in _paths(roots, container_id):
        try:
            with open(path, encoding="utf-8") as stream:
                record = codec.decode(ExitRecord, stream.read(4096))
        except (OSError, ValueError, TypeError, StopIteration):
            continue
        if (record.pid, record.pid_start) == (pid, pid_start):
            return record
    return None


def forget(roots: Roots, container_id: str) -> None:
    """Drop the record, once the database has it."""
    for path in _paths(roots, container_id):
        try:
            os.unlink(path)
        except OSError:
            pass


def _paths(roots: Roots, container_id: str) -> tuple[str, str]:
    return f"{roots.container_dir(container_id)}/{_NAME}", f"{roots.container_run_dir(container_id)}/{_NAME}"
