"""``longshore system df``"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.tables import write
from engine.model.system import BuildRecord, DiskUsage, UsageItem
from engine.model.units import ago, human_size

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Show disk usage",
    flags=(
        Flag(name="format", kind="string", help="Format output: 'table', 'table TEMPLATE', 'json', or a Go template"),
        Flag(name="verbose", short="v", help="Show detailed information on space usage"),
    ),
)
HEADERS = {"Type": "TYPE", "TotalCount": "TOTAL", "Active": "ACTIVE", "Size": "SIZE", "Reclaimable": "RECLAIMABLE"}
_IMAGES = ("Repository", "Tag", "ID", "CreatedSince", "Size", "SharedSize", "UniqueSize", "Containers")
_CONTAINERS = ("ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names")
_VOLUMES = {"Name": "VOLUME NAME", "Links": "LINKS", "Size": "SIZE"}
_BUILDS = {
    **{"ID": "CACHE ID", "CacheType": "CACHE TYPE", "Size": "SIZE", "CreatedSince": "CREATED", "LastUsedSince": "LAST USED"},
    **{"UsageCount": "USAGE", "Shared": "SHARED"},
}

Row = dict[str, Any]


def run(context: Context, options: Options) -> int:
    usage = context.run(context.engine.system.disk_usage())
    form = options.text("format")
    if not options.on("verbose"):
        write(context.out, list(map(_line, usage.items)), headers=HEADERS, default=list(HEADERS), form=form)
    elif form in ("", "table"):
        _tables(context, usage)
    else:
        now = time.time()
        document = {
            "Images": _images(usage, now, whole=True),
            "Containers": _containers(usage, now, whole=True),
            "Volumes": _volumes(usage),
            "BuildCache": [_build(each, now, whole=True) for each in usage.builds],
        }
        write(context.out, [document], headers={}, default=(), form=form)
    return 0


def _line(item: UsageItem) -> Row:
    share = f" ({item.reclaimable * 100 // item.size}%)" if item.size else ""
    return {
        "Active": str(item.active),
        "Reclaimable": f"{human_size(item.reclaimable)}{share}",
        "Size": human_size(item.size),
        "TotalCount": str(item.total),
        "Type": item.kind,
    }


def _tables(context: Context, usage: DiskUsage) -> None:
    from engine.cli.verbs import images, ps

    now, out = time.time(), context.out
    out.write("Images space usage:\n\n")
    write(out, _images(usage, now, whole=False), headers=images.HEADERS, default=_IMAGES)
    out.write("\nContainers space usage:\n\n")
    write(out, _containers(usage, now, whole=False), headers=ps.HEADERS, default=_CONTAINERS)
    out.write("\nLocal Volumes space usage:\n\n")
    write(out, _volumes(usage), headers=_VOLUMES, default=list(_VOLUMES))
    size = sum(each.size for each in usage.builds if not each.shared)
    out.write(f"\nBuild cache usage: {human_size(size)}\n\n")
    write(out, [_build(each, now, whole=False) for each in usage.builds], headers=_BUILDS, default=list(_BUILDS))


def _images(usage: DiskUsage, now: float, *, whole: bool) -> Sequence[Row]:
    """A row for each image, by its first name."""
    from engine.cli.verbs import images

    shown = (image.replace(digests=()) for image in usage.images)
    return [{**images.rows_of(image, now, whole=whole, digests=False)[0], "Digest": ""} for image in shown]


def _containers(usage: DiskUsage, now: float, *, whole: bool) -> Sequence[Row]:
    """What a container has written; its image is counted with the images."""
    from engine.cli.verbs import ps

    return [ps.row(container.replace(size_rootfs=None), now, whole=whole) for container in usage.containers]


def _volumes(usage: DiskUsage) -> Sequence[Row]:
    from engine.cli.verbs import volume_ls

    return [
        {
            **volume_ls.row(volume),
            "Links": str(volume.users) if volume.users >= 0 else "N/A",
            "Size": human_size(volume.size) if volume.size >= 0 else "N/A",
        }
        for volume in usage.volumes
    ]


def _build(record: BuildRecord, now: float, *, whole: bool) -> Row:
    return {
        "CacheType": record.kind,
        "CreatedAt": time.strftime("%Y-%m-%d %H:%M:%S %z %Z", time.localtime(record.created_at)),
        "CreatedSince": ago(record.created_at, now),
        "ID": (record.id if whole else record.id[:12]) + ("" if record.in_use else "*"),
        "InUse": str(record.in_use).lower(),
        "LastUsedSince": ago(record.used_at, now) if record.used_at > 0 else "",
        "Shared": str(record.shared).lower(),
        "Size": human_size(record.size, 3),
        "UsageCount": str(record.uses),
    }
