"""``longshore network prune``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.pruning import FLAGS, confirmed
from engine.model import filters, pruning

SPEC = Spec(usage="[OPTIONS]", summary="Remove all unused networks", flags=FLAGS)


def run(context: Context, options: Options) -> int:
    wanted = filters.parse(options.values("filter"))

    def preview() -> list[pruning.Going]:
        found = context.run(context.engine.networks.list())
        containers = context.run(context.engine.containers.list(all=True))
        return [pruning.going_networks(pruning.networks(found, containers, wanted))]

    warning = "WARNING! This will remove all custom networks not used by at least one container."
    if confirmed(context, options, warning, preview):
        report = context.run(context.engine.networks.prune(wanted))
        if report.removed:
            print("Deleted Networks:", *report.removed, "", sep="\n", file=context.out)
    return 0
