"""``longshore service inspect``"""

from __future__ import annotations

from typing import Any

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.swarm import INSPECT_FLAGS, show_pretty
from engine.dockerapi import pretty
from engine.errors import InvalidArgument, LongshoreError, NotFound

SPEC = Spec(
    usage="[OPTIONS] SERVICE [SERVICE...]",
    summary="Display detailed information on one or more services",
    flags=INSPECT_FLAGS,
    least=1,
    most=-1,
    completes="service",
)


def run(context: Context, options: Options) -> int:
    def look(name: str) -> str:
        try:
            return context.run(context.engine.swarm.services.inspect(name, defaults=True)).raw
        except NotFound:
            raise NotFound(f"no such service: {name}") from None

    if options.on("pretty") and options.text("format"):
        raise InvalidArgument("--format is incompatible with human friendly format")
    return show_pretty(context, options, look, lambda item: pretty.service(item, _networks(context, item)))


def _networks(context: Context, item: Any) -> dict[str, str]:
    """Names of the networks that a service is in, as far as they are there."""
    found = {}
    for one in item.get("Spec", {}).get("TaskTemplate", {}).get("Networks") or ():
        try:
            network = context.run(context.engine.networks.inspect(one["Target"]))
        except LongshoreError:
            continue
        found[network.id] = network.name
    return found
