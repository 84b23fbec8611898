"""``longshore network ls``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.tables import write
from engine.model import filters
from engine.model.units import rfc3339

SPEC = Spec(
    usage="[OPTIONS]",
    summary="List networks",
    flags=(
        Flag(name="filter", short="f", kind="list", help='Provide filter values (e.g. "driver=bridge")'),
        Flag(name="format", kind="string", help="Format output: 'table', 'table TEMPLATE', 'json', or a Go template"),
        Flag(name="no-trunc", help="Do not truncate the output"),
        Flag(name="quiet", short="q", help="Only display network IDs"),
    ),
)
HEADERS = {
    "ID": "NETWORK ID", "Name": "NAME", "Driver": "DRIVER", "Scope": "SCOPE",
    "IPv6": "IPV6", "Internal": "INTERNAL", "Labels": "LABELS", "CreatedAt": "CREATED AT",
}  # fmt: skip


def run(context: Context, options: Options) -> int:
    rows = [
        {
            "CreatedAt": rfc3339(network.created_at).replace("T", " ").replace("Z", " +0000 UTC"),
            "Driver": network.driver,
            "ID": network.id if options.on("no-trunc") else network.short_id,
            "IPv6": str(network.enable_ipv6).lower(),
            "Internal": str(network.internal).lower(),
            "Labels": ",".join(f"{key}={value}" for key, value in sorted(network.labels.items())),
            "Name": network.name,
            "Scope": network.scope,
        }
        for network in context.run(context.engine.networks.list(filters=filters.parse(options.values("filter"))))
    ]
    default = ["ID", "Name", "Driver", "Scope"]
    write(context.out, rows, headers=HEADERS, default=default, form=options.text("format"), quiet="ID" if options.on("quiet") else "")
    return 0
