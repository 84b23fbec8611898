"""``longshore network rm``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.many import each
from engine.errors import NotFound

SPEC = Spec(
    usage="NETWORK [NETWORK...]",
    summary="Remove one or more networks",
    flags=(Flag(name="force", short="f", help="Do not error if the network does not exist"),),
    least=1,
    most=-1,
    completes="network",
)


def run(context: Context, options: Options) -> int:
    async def remove(network: str) -> None:
        try:
            await context.engine.networks.remove(network)
        except NotFound:
            if not options.on("force"):
                raise
            absent.add(network)

    absent: set[str] = set()
    return each(context, options.args, remove, silent=absent)
