"""``longshore network prune``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.pruning import FLAGS, prune
from engine.model import filters

SPEC = Spec(usage="[OPTIONS]", summary="Remove all unused networks", flags=FLAGS)


def run(context: Context, options: Options) -> int:
    networks = context.engine.networks
    wanted = filters.parse(options.values("filter"))
    names = [row.name for row in context.run(networks.list()) if row.name not in ("bridge", "host", "none")]
    unused = [name for name in names if not context.run(networks.inspect(name)).members]
    return prune(
        context, options, what="all custom networks not used by at least one container", title="Deleted Networks",
        candidates=unused, action=lambda: networks.prune(wanted),
    )  # fmt: skip
