"""``longshore system df``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.tables import write
from engine.model.units import human_size

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Show disk usage",
    flags=(Flag(name="format", kind="string", help="Format output: 'table', 'table TEMPLATE', 'json', or a Go template"),),
)
HEADERS = {"Type": "TYPE", "TotalCount": "TOTAL", "Active": "ACTIVE", "Size": "SIZE", "Reclaimable": "RECLAIMABLE"}


def run(context: Context, options: Options) -> int:
    rows = []
    for item in context.run(context.engine.system.disk_usage()).items:
        share = f" ({item.reclaimable * 100 // item.size}%)" if item.size else ""
        rows.append(
            {
                "Active": str(item.active),
                "Reclaimable": f"{human_size(item.reclaimable)}{share}",
                "Size": human_size(item.size),
                "TotalCount": str(item.total),
                "Type": item.kind,
            }
        )
    write(context.out, rows, headers=HEADERS, default=list(HEADERS), form=options.text("format"))
    return 0
