"""``longshore system prune``

As docker's, with what goes shown before the question. The build cache of a Docker host stays: ``docker builder prune`` removes it.
"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.pruning import FLAGS, confirmed, tell
from engine.errors import InvalidArgument
from engine.model import filters, pruning
from engine.model.filters import Filters

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Remove unused data",
    flags=(
        *FLAGS,
        Flag(name="all", short="a", help="Remove all unused images not just dangling ones"),
        Flag(name="volumes", help="Prune anonymous volumes"),
    ),
)


def run(context: Context, options: Options) -> int:
    wanted = filters.parse(options.values("filter"))
    every, volumes = options.on("all"), options.on("volumes")
    if volumes and "until" in wanted:
        raise InvalidArgument('The "until" filter is not supported with "--volumes"')
    filters.check(wanted, ("label", "label!", "until"))
    engine = context.engine

    def preview() -> list[pruning.Going]:
        usage = context.run(engine.system.disk_usage(contents=True))
        found = context.run(engine.networks.list())
        return pruning.everything(usage, found, wanted, every=every, with_volumes=volumes)

    if confirmed(context, options, _warning(wanted, every=every, volumes=volumes), preview):
        reports = [("Containers", context.run(engine.containers.prune(wanted))), ("Networks", context.run(engine.networks.prune(wanted)))]
        if volumes:
            reports.append(("Volumes", context.run(engine.volumes.prune(wanted))))
        images = {**wanted, "dangling": ("false" if every else "true",)}
        tell(context, [*reports, ("Images", context.run(engine.images.prune(images)))])
    return 0


def _warning(wanted: Filters, *, every: bool, volumes: bool) -> str:
    lines = ["WARNING! This will remove:", "  - all stopped containers", "  - all networks not used by at least one container"]
    if volumes:
        lines.append("  - all anonymous volumes not used by at least one container")
    lines.append("  - all images without at least one container associated to them" if every else "  - all dangling images")
    if wanted:
        pairs = sorted(f"{key}={value}" for key, values in wanted.items() for value in values)
        lines += ["", "  Items to be pruned will be filtered with:", *(f"  - {pair}" for pair in pairs)]
    return "\n".join([*lines, ""])
