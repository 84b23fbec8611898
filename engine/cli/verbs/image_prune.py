"""``longshore image prune``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.pruning import FLAGS, prune
from engine.model import filters

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Remove unused images",
    flags=(*FLAGS, Flag(name="all", short="a", help="Remove all unused images, not just dangling ones")),
)


def run(context: Context, options: Options) -> int:
    images = context.engine.images
    wanted = filters.parse(options.values("filter"))
    every = options.on("all")
    if every:
        wanted["dangling"] = ("false",)
    used = {row.image_id for row in context.run(context.engine.containers.list(all=True))} if every else set()
    found = context.run(images.list(filters={} if every else {"dangling": ("true",)}))
    candidates = [", ".join(image.tags) or image.short_id for image in found if image.id not in used]
    what = "all images without at least one container associated to them" if every else "all dangling images"
    return prune(context, options, what=what, title="Deleted Images", candidates=candidates, action=lambda: images.prune(wanted))
