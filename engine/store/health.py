"""What the probes of a container found, in a file beside its configuration.

A probe comes every few seconds and is of no interest unless somebody inspects the container: a file needs no transaction and
wakes no front end. Only a change of the status is written to the database.
"""

from __future__ import annotations

import os

from engine.model.health import HealthProbe, HealthReport
from engine.store import atomic, codec
from engine.store.roots import Roots

KEPT = 5
"""Probes that docker remembers."""


def read(roots: Roots, container_id: str) -> HealthReport:
    """The report; an empty one where there is none."""
    try:
        with open(_path(roots, container_id), encoding="utf-8") as stream:
            return codec.decode(HealthReport, stream.read())
    except (OSError, ValueError, TypeError, StopIteration):
        return HealthReport()


def add(roots: Roots, container_id: str, probe: HealthProbe, failing_streak: int) -> None:
    """Append a probe.

    Raises:
        DiskFull, Forbidden, EngineFault: it can not be written.
    """
    log = (*read(roots, container_id).log, probe)[-KEPT:]
    _write(roots, container_id, HealthReport(failing_streak=failing_streak, log=log))


def begin(roots: Roots, container_id: str) -> None:
    """A new run begins: the failures so far do not count. Raises what :func:`add` raises."""
    if os.path.exists(_path(roots, container_id)):
        _write(roots, container_id, read(roots, container_id).replace(failing_streak=0))


def _write(roots: Roots, container_id: str, report: HealthReport) -> None:
    atomic.write_file(_path(roots, container_id), codec.encode(report).encode(), durable=False)


def _path(roots: Roots, container_id: str) -> str:
    return f"{roots.container_dir(container_id)}/health.json"
