"""``longshore config inspect``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.verbs.inspect import show

SPEC = Spec(
    usage="[OPTIONS] CONFIG [CONFIG...]",
    summary="Display detailed information on one or more configs",
    flags=(Flag(name="format", short="f", kind="string", help="Format output with a Go template, or 'json'"),),
    least=1,
    most=-1,
    completes="config",
)


def run(context: Context, options: Options) -> int:
    look = context.engine.swarm.configs.inspect
    return show(context, options.args, options.text("format"), lambda name: context.run(look(name)).raw)
