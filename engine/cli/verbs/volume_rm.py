"""``longshore volume rm``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.many import each

SPEC = Spec(
    usage="[OPTIONS] VOLUME [VOLUME...]",
    summary="Remove one or more volumes",
    flags=(Flag(name="force", short="f", help="Do not mind volumes that do not exist"),),
    least=1,
    most=-1,
    completes="volume",
)


def run(context: Context, options: Options) -> int:
    return each(context, options.args, lambda name: context.engine.volumes.remove(name, force=options.on("force")))
