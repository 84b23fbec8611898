"""``longshore volume inspect``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.verbs.inspect import lookups, show

SPEC = Spec(
    usage="[OPTIONS] VOLUME [VOLUME...]",
    summary="Display detailed information on one or more volumes",
    flags=(Flag(name="format", short="f", kind="string", help="Format output with a Go template, or 'json'"),),
    least=1,
    most=-1,
    completes="volume",
)


def run(context: Context, options: Options) -> int:
    look = lookups(context)["volume"]
    return show(context, options.args, options.text("format"), lambda name: str(context.run(look(name)).raw))
