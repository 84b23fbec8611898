"""``longshore service ls``"""

from __future__ import annotations

from engine.cli import swarm
from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.model import filters

SPEC = Spec(usage="[OPTIONS]", summary="List services", flags=swarm.LIST_FLAGS)


def run(context: Context, options: Options) -> int:
    quiet = options.on("quiet")
    found = context.run(context.engine.swarm.services.list(filters=filters.parse(options.values("filter")), status=not quiet))
    swarm.write_services(context, options, found)
    return 0
