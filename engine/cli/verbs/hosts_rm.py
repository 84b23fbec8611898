"""``longshore hosts rm``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.many import each

SPEC = Spec(usage="NAME [NAME...]", summary="Forget one or more hosts that were added", least=1, most=-1, completes="host")


def run(context: Context, options: Options) -> int:
    hosts = context.hosts

    async def remove(name: str) -> None:
        hosts.remove(name)

    return each(context, options.args, remove)
