"""``longshore restart``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.many import each

SPEC = Spec(
    usage="[OPTIONS] CONTAINER [CONTAINER...]",
    summary="Restart one or more containers",
    flags=(
        Flag(name="signal", short="s", kind="string", help="Signal to send to the container"),
        Flag(name="time", short="t", kind="int", help="Seconds to wait before killing the container"),
        Flag(name="timeout", kind="int", help="Seconds to wait before killing the container", hidden=True),
    ),
    least=1,
    most=-1,
    completes="container",
)


def run(context: Context, options: Options) -> int:
    timeout = options.number("time") if options.has("time") else options.number("timeout")
    signal = options.text("signal")
    return each(context, options.args, lambda name: context.engine.containers.restart(name, timeout=timeout, signal=signal))
