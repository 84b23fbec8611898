"""``longshore image prune``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.pruning import FLAGS, confirmed, tell
from engine.model import filters, pruning

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Remove unused images",
    flags=(*FLAGS, Flag(name="all", short="a", help="Remove all unused images, not just dangling ones")),
)


def run(context: Context, options: Options) -> int:
    wanted = filters.parse(options.values("filter"))
    every = options.on("all")

    def preview() -> list[pruning.Going]:
        usage = context.run(context.engine.system.disk_usage(contents=True))
        return [pruning.going_images(usage, pruning.images(usage, usage.containers, wanted, every=every))]

    what = "all images without at least one container associated to them" if every else "all dangling images"
    if confirmed(context, options, f"WARNING! This will remove {what}.", preview):
        chosen = {**wanted, "dangling": ("false",)} if every else wanted
        tell(context, [("Images", context.run(context.engine.images.prune(chosen)))])
    return 0
