"""``longshore rename``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec

SPEC = Spec(usage="CONTAINER NEW_NAME", summary="Rename a container", least=2, most=2, completes="container")


def run(context: Context, options: Options) -> int:
    container, name = options.args
    context.run(context.engine.containers.rename(container, name))
    return 0
