"""``longshore container prune``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.pruning import FLAGS, prune
from engine.model import filters

SPEC = Spec(usage="[OPTIONS]", summary="Remove all stopped containers", flags=FLAGS)


def run(context: Context, options: Options) -> int:
    containers = context.engine.containers
    wanted = filters.parse(options.values("filter"))
    stopped = [row.name for row in context.run(containers.list(all=True)) if not row.state.running]
    return prune(
        context,
        options,
        what="all stopped containers",
        title="Deleted Containers",
        candidates=stopped,
        action=lambda: containers.prune(wanted),
    )
