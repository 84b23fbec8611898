"""``longshore network inspect``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.verbs.inspect import show

SPEC = Spec(
    usage="[OPTIONS] NETWORK [NETWORK...]",
    summary="Display detailed information on one or more networks",
    flags=(
        Flag(name="format", short="f", kind="string", help="Format output with a Go template, or 'json'"),
        Flag(name="verbose", short="v", help="Verbose output for diagnostics"),
    ),
    least=1,
    most=-1,
    completes="network",
)


def run(context: Context, options: Options) -> int:
    networks, verbose = context.engine.networks, options.on("verbose")
    return show(context, options.args, options.text("format"), lambda name: context.run(networks.inspect(name, verbose=verbose)).raw)
