"""``longshore ps``"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
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
    quiet, form = options.on("quiet"), options.text("format")
    shown = default if form in ("", "table") else ()
    rows = [row(container, now, whole=options.on("no-trunc"), fields=shown) for container in found]
    if quiet and form:
        print("WARNING: Ignoring custom format, because both --format and --quiet are set.", file=context.err)
    if quiet:
        write(context.out, rows, headers=HEADERS, default=default, quiet="ID")
    else:
        write(context.out, rows, headers=HEADERS, default=default, form=form)
    return 0


def row(container: Container, now: float, *, whole: bool = False, fields: Collection[str] = ()) -> dict[str, Any]:
    """Template fields of one container, all of them or those of ``fields``: of hundreds of containers each takes its time."""
    return {name: _FIELDS[name](container, now, whole) for name in fields or _FIELDS}


def _size(container: Container) -> str:
    size = human_size(container.size_rw or 0, 3)
    return f"{size} (virtual {human_size(container.size_rootfs, 3)})" if container.size_rootfs else size


def _mounts(container: Container, *, whole: bool) -> str:
    return ",".join(name if whole else ellipsis(name, 15) for name in (mount.source or mount.path for mount in container.mounts))


_FIELDS: dict[str, Callable[[Container, float, bool], str]] = {
    "Command": lambda container, now, whole: f'"{container.command if whole else ellipsis(container.command, 20)}"',
    "CreatedAt": lambda container, now, whole: time.strftime("%Y-%m-%d %H:%M:%S %z %Z", time.localtime(container.created_at)),
    "ID": lambda container, now, whole: container.id if whole else container.short_id,
    "Image": lambda container, now, whole: container.image,
    "Labels": lambda container, now, whole: ",".join(f"{key}={value}" for key, value in sorted(container.labels.items())),
    "LocalVolumes": lambda container, now, whole: str(sum(mount.kind == "volume" for mount in container.mounts)),
    "Mounts": lambda container, now, whole: _mounts(container, whole=whole),
    "Names": lambda container, now, whole: container.name,
    "Networks": lambda container, now, whole: ",".join(endpoint.network for endpoint in container.networks),
    "Ports": lambda container, now, whole: ports_text(container.ports),
    "RunningFor": lambda container, now, whole: ago(container.created_at, now),
    "Size": lambda container, now, whole: _size(container),
    "State": lambda container, now, whole: container.state.status.value,
    "Status": lambda container, now, whole: status_text(container, now),
}
