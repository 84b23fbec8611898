"""``longshore volume ls``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.tables import write
from engine.model import filters
from engine.model.volumes import Volume

SPEC = Spec(
    usage="[OPTIONS]",
    summary="List volumes",
    flags=(
        Flag(name="filter", short="f", kind="list", help='Provide filter values (e.g. "dangling=true")'),
        Flag(name="format", kind="string", help="Format output: 'table', 'table TEMPLATE', 'json', or a Go template"),
        Flag(name="quiet", short="q", help="Only display volume names"),
    ),
)
HEADERS = {"Driver": "DRIVER", "Name": "VOLUME NAME", "Mountpoint": "MOUNTPOINT", "Scope": "SCOPE", "Labels": "LABELS"}


def run(context: Context, options: Options) -> int:
    rows = list(map(row, context.run(context.engine.volumes.list(filters=filters.parse(options.values("filter"))))))
    quiet = "Name" if options.on("quiet") else ""
    write(context.out, rows, headers=HEADERS, default=["Driver", "Name"], form=options.text("format"), quiet=quiet)
    return 0


def row(volume: Volume) -> dict[str, str]:
    """Template fields of one volume."""
    return {
        "Driver": volume.driver,
        "Labels": ",".join(f"{key}={value}" for key, value in sorted(volume.labels.items())),
        "Mountpoint": volume.mountpoint,
        "Name": volume.name,
        "Scope": volume.scope,
    }
