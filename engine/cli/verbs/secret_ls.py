"""``longshore secret ls``"""

from __future__ import annotations

from engine.cli import swarm
from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.model import filters

SPEC = Spec(usage="[OPTIONS]", summary="List secrets", flags=swarm.LIST_FLAGS)


def run(context: Context, options: Options) -> int:
    found = context.run(context.engine.swarm.secrets.list(filters=filters.parse(options.values("filter"))))
    swarm.write_files(context, options, found, drivers=True)
    return 0
