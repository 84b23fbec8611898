"""Stacks: what carries the label that ``docker stack deploy`` writes. Deploying is a compose matter and not here."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from engine.cli.context import Context
from engine.cli.main import print_error
from engine.errors import InvalidArgument, LongshoreError
from engine.model.services import STACK_LABEL

POLL = 0.2
"""Seconds between two looks at the tasks that are to end."""

_Remove = Callable[[str], Coroutine[Any, Any, None]]


def check_name(name: str) -> str:
    """The name of a stack, as it is.

    Raises:
        InvalidArgument: it is nothing but blanks and quotation marks (docker's words).
    """
    if not name.strip(" \t\r\n\v\f\"'"):
        raise InvalidArgument(f'invalid stack name: "{name}"')
    return name


def remove_stack(context: Context, name: str, *, wait: bool) -> int:
    """Remove all that belongs to a stack, with docker's words; the exit code."""
    engine = context.engine
    wanted = {"label": (f"{STACK_LABEL}={name}",)}
    services = sorted(context.run(engine.swarm.services.list(filters=wanted, status=False)), key=lambda one: one.name)
    networks = context.run(engine.networks.list(filters=wanted))
    secrets = context.run(engine.swarm.secrets.list(filters=wanted))
    configs = context.run(engine.swarm.configs.list(filters=wanted))
    groups: Sequence[tuple[str, Sequence[Any], _Remove]] = (
        ("service", services, engine.swarm.services.remove),
        ("secret", secrets, engine.swarm.secrets.remove),
        ("config", configs, engine.swarm.configs.remove),
        ("network", networks, engine.networks.remove),
    )
    if not any(found for _, found, _ in groups):
        print(f"Nothing found in stack: {name}", file=context.err)
        return 0
    failed = False
    for noun, found, remove in groups:
        for one in found:
            print(f"Removing {noun} {one.name}", file=context.out, flush=True)
            try:
                context.run(remove(one.id))
            except LongshoreError as error:
                print_error(error, prefix=f"Failed to remove {noun} {one.id}: ")
                failed = True
    if failed:
        print(f"failed to remove some resources from stack: {name}", file=sys.stderr)
        return 1
    while wait and any(not task.final for task in context.run(engine.swarm.tasks.list(filters=wanted))):
        time.sleep(POLL)
    return 0
