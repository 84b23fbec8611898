"""Waiting until a service's tasks are what was asked for, with docker's words (docker/cli, ``cli/command/service/progress``).

Docker writes the same line several times a second where it can not draw over it; here it is written when it changes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from engine.cli.context import Context
from engine.errors import EngineFault
from engine.model.services import JOBS, Service
from engine.model.swarm import FINAL, Task

POLL = 0.2
"""Seconds between two looks, as docker takes them."""


def converge(context: Context, name: str, *, quiet: bool = False) -> None:
    """Wait until the tasks of a service run, and have run for as long as its updates are watched.

    Args:
        name: the service, as the person calls it.
        quiet: say nothing.

    Raises:
        EngineFault: the update, or its rollback, stopped half way.
    """
    swarm = context.engine.swarm
    tell = _Teller(context, quiet=quiet).tell
    since = 0.0  # when it converged, 0.0 while it has not
    while True:
        service = context.run(swarm.services.inspect(name))
        rolling = service.update_state.startswith("rollback")
        if service.update_state in ("paused", "rollback_paused"):
            raise EngineFault(f"service {'rollback' if rolling else 'update'} paused: {service.update_message}")
        if service.update_state == "completed" and not since:
            return
        if since and time.monotonic() - since >= service.monitor:
            tell("verify", f"Service {name} converged")
            if service.update_state == "rollback_completed":
                tell("rollback", service.update_message)
            return
        tasks = context.run(swarm.tasks.list(filters={"service": (service.id,), "_up-to-date": ("true",)}))
        active = {node.id for node in context.run(swarm.nodes.list()) if node.state != "down"}
        done, wanted = _progress(service, tasks, active)
        words = f"{done} out of {wanted} {'complete' if service.mode in JOBS else 'tasks'}" if wanted >= 0 else "waiting for new tasks"
        tell("overall progress", f"rolling back update: {words}" if rolling else words)
        if done == wanted:
            if service.mode in JOBS:
                tell("", "job complete")
                return
            since = since or time.monotonic()
            left = service.monitor - (time.monotonic() - since)
            if left >= 0:
                tell("verify", f"Waiting {int(left) + 1} seconds to verify that tasks are stable...")
        elif since:
            tell("verify", "Detected task failure")
            since = 0.0
        time.sleep(POLL)


def _progress(service: Service, tasks: Sequence[Task], active: set[str]) -> tuple[int, int]:
    """How many places of a service are as they should be, and of how many; -1 while it is not known of how many."""
    end = "complete" if service.mode in JOBS else "running"
    places: dict[object, bool] = {}
    for task in tasks:
        if task.desired_state == "remove" or (task.node_id and task.node_id not in active):
            continue
        place = task.slot or task.node_id
        wanted = task.desired_state not in FINAL or service.mode in JOBS
        places[place] = places.get(place, False) or (wanted and task.state == end)
    count = sum(places.values())
    if service.replicas is not None:
        return count, service.replicas
    return count, len(places) or -1


class _Teller:
    """Writes a line when it is not what was written last under its name."""

    def __init__(self, context: Context, *, quiet: bool) -> None:
        self._context = context
        self._quiet = quiet
        self._last: dict[str, str] = {}

    def tell(self, name: str, text: str) -> None:
        if self._quiet or self._last.get(name) == text:
            return
        self._last[name] = text
        print(f"{name}: {text}" if name else text, file=self._context.out, flush=True)
