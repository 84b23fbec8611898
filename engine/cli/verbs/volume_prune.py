"""``longshore volume prune``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.pruning import FLAGS, prune
from engine.model import filters

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Remove unused local volumes",
    flags=(*FLAGS, Flag(name="all", short="a", help="Remove all unused volumes, not just anonymous ones")),
)


def run(context: Context, options: Options) -> int:
    volumes = context.engine.volumes
    wanted = filters.parse(options.values("filter"))
    every = options.on("all")
    if every:
        wanted["all"] = ("true",)
    unused = context.run(volumes.list(filters={"dangling": ("true",)}))
    return prune(
        context,
        options,
        what="all local volumes not used by at least one container"
        if every
        else "anonymous local volumes not used by at least one container",
        title="Deleted Volumes",
        candidates=[row.name for row in unused if every or row.anonymous],
        action=lambda: volumes.prune(wanted),
    )
