"""``longshore volume prune``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.pruning import FLAGS, confirmed, tell
from engine.model import filters, pruning

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Remove unused local volumes",
    flags=(*FLAGS, Flag(name="all", short="a", help="Remove all unused volumes, not just anonymous ones")),
)


def run(context: Context, options: Options) -> int:
    wanted = filters.parse(options.values("filter"))
    every = options.on("all")

    def preview() -> list[pruning.Going]:
        usage = context.run(context.engine.system.disk_usage())
        return [pruning.going_volumes(pruning.volumes(usage, usage.containers, wanted, every=every))]

    what = "all local volumes" if every else "anonymous local volumes"
    if confirmed(context, options, f"WARNING! This will remove {what} not used by at least one container.", preview):
        chosen = {**wanted, "all": ("true",)} if every else wanted
        tell(context, [("Volumes", context.run(context.engine.volumes.prune(chosen)))])
    return 0
