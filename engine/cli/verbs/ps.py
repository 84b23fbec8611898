"""``longshore ps``"""

from __future__ import annotations

import time
from typing import Any

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.tables import ellipsis, write
from engine.model import filters
from engine.model.containers import Container
from engine.model.describe import ports_text, status_text
from engine.model.units import ago, human_size

SPEC = Spec(
    usage="[OPTIONS]",
    summary="List containers",
    flags=(
        Flag(name="all", short="a", help="Show all containers (default shows just running)"),
        Flag(name="filter", short="f", kind="list", help="Filter output based on conditions provided"),
        Flag(name="format", kind="string", help="Format output: 'table', 'table TEMPLATE', 'json', or a Go template"),
        Flag(name="last", short="n", kind="int", help="Show n last created containers (includes all states)", default="-1"),
        Flag(name="latest", short="l", help="Show the latest created container (includes all states)"),
        Flag(name="no-trunc", help="Don't truncate output"),
        Flag(name="quiet", short="q", help="Only display container IDs"),
        Flag(name="size", short="s", help="Display total file sizes"),
    ),
)

HEADERS = {
    "ID": "CONTAINER ID",
    "Image": "IMAGE",
    "Command": "COMMAND",
    "RunningFor": "CREATED",
    "CreatedAt": "CREATED AT",
    "Status": "STATUS",
    "State": "STATE",
    "Ports": "PORTS",
    "Names": "NAMES",
    "Size": "SIZE",
    "Labels": "LABELS",
    "Mounts": "MOUNTS",
    "LocalVolumes": "LOCAL VOLUMES",
    "Networks": "NETWORKS",
}


def run(context: Context, options: Options) -> int:
    last = 1 if options.on("latest") else options.number("last") or -1
    size = options.on("size") or any(use in options.text("format") for use in (".Size", "json ."))
    found = context.run(
        context.engine.containers.list(
            all=options.on("all") or last > 0, filters=filters.parse(options.values("filter")), limit=max(0, last), size=size
        )
    )
    now = time.time()
    default = ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names", *(["Size"] if options.on("size") else [])]
    rows = [row(container, now, whole=options.on("no-trunc")) for container in found]
    if options.on("quiet") and options.text("format"):
        print("WARNING: Ignoring custom format, because both --format and --quiet are set.", file=context.err)
    if options.on("quiet"):
        write(context.out, rows, headers=HEADERS, default=default, quiet="ID")
    else:
        write(context.out, rows, headers=HEADERS, default=default, form=options.text("format"))
    return 0


def row(container: Container, now: float, *, whole: bool = False) -> dict[str, Any]:
    """Template fields of one container."""
    size = human_size(container.size_rw or 0, 3)
    return {
        "Command": f'"{container.command if whole else ellipsis(container.command, 20)}"',
        "CreatedAt": time.strftime("%Y-%m-%d %H:%M:%S %z %Z", time.localtime(container.created_at)),
        "ID": container.id if whole else container.short_id,
        "Image": container.image,
        "Labels": ",".join(f"{key}={value}" for key, value in sorted(container.labels.items())),
        "LocalVolumes": str(sum(mount.kind == "volume" for mount in container.mounts)),
        "Mounts": ",".join(name if whole else ellipsis(name, 15) for name in (mount.source or mount.path for mount in container.mounts)),
        "Names": container.name,
        "Networks": ",".join(endpoint.network for endpoint in container.networks),
        "Ports": ports_text(container.ports),
        "RunningFor": ago(container.created_at, now),
        "Size": f"{size} (virtual {human_size(container.size_rootfs, 3)})" if container.size_rootfs else size,
        "State": container.state.status.value,
        "Status": status_text(container, now),
    }
