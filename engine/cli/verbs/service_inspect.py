"""``longshore service inspect``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.verbs.inspect import show
from engine.errors import NotFound

SPEC = Spec(
    usage="[OPTIONS] SERVICE [SERVICE...]",
    summary="Display detailed information on one or more services",
    flags=(Flag(name="format", short="f", kind="string", help="Format output with a Go template, or 'json'"),),
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

    return show(context, options.args, options.text("format"), look)
