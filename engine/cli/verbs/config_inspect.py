"""``longshore config inspect``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.swarm import INSPECT_FLAGS, show_pretty
from engine.dockerapi import pretty

SPEC = Spec(
    usage="[OPTIONS] CONFIG [CONFIG...]",
    summary="Display detailed information on one or more configs",
    flags=INSPECT_FLAGS,
    least=1,
    most=-1,
    completes="config",
)


def run(context: Context, options: Options) -> int:
    look = context.engine.swarm.configs.inspect
    return show_pretty(context, options, lambda name: context.run(look(name)).raw, pretty.config)
