"""``longshore pause``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.many import each

SPEC = Spec(
    usage="CONTAINER [CONTAINER...]", summary="Pause all processes within one or more containers", least=1, most=-1, completes="container"
)


def run(context: Context, options: Options) -> int:
    return each(context, options.args, context.engine.containers.pause)
