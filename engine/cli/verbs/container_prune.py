"""``longshore container prune``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.pruning import FLAGS, confirmed, tell
from engine.model import filters, pruning

SPEC = Spec(usage="[OPTIONS]", summary="Remove all stopped containers", flags=FLAGS)


def run(context: Context, options: Options) -> int:
    wanted = filters.parse(options.values("filter"))

    def preview() -> list[pruning.Going]:
        usage = context.run(context.engine.system.disk_usage())
        return [pruning.going_containers(pruning.containers(usage, wanted))]

    if confirmed(context, options, "WARNING! This will remove all stopped containers.", preview):
        tell(context, [("Containers", context.run(context.engine.containers.prune(wanted)))])
    return 0
