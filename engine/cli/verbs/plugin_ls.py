"""``longshore plugin ls``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.tables import write
from engine.model import filters
from engine.model.system import Plugin

SPEC = Spec(
    usage="[OPTIONS]",
    summary="List plugins",
    flags=(
        Flag(name="filter", short="f", kind="list", help='Provide filter values (e.g. "enabled=true")'),
        Flag(name="format", kind="string", help="Format output: 'table', 'table TEMPLATE', 'json', or a Go template"),
        Flag(name="no-trunc", help="Don't truncate output"),
        Flag(name="quiet", short="q", help="Only display plugin IDs"),
    ),
)
HEADERS = {"ID": "ID", "Name": "NAME", "Description": "DESCRIPTION", "Enabled": "ENABLED", "Provides": "PROVIDES"}
_SHORT = 12
_DESCRIPTION = 45


def run(context: Context, options: Options) -> int:
    found = context.run(context.engine.system.plugins(filters.parse(options.values("filter"))))
    rows = [row(plugin, full=options.on("no-trunc")) for plugin in found]
    quiet = "ID" if options.on("quiet") else ""
    write(context.out, rows, headers=HEADERS, default=["ID", "Name", "Description", "Enabled"], form=options.text("format"), quiet=quiet)
    return 0


def row(plugin: Plugin, *, full: bool) -> dict[str, str]:
    """Template fields of one plugin."""
    told = " ".join(plugin.description.split())
    return {
        "ID": plugin.id if full else plugin.id[:_SHORT],
        "Name": plugin.name,
        "Description": told if full or len(told) <= _DESCRIPTION else f"{told[: _DESCRIPTION - 1]}…",
        "Enabled": "true" if plugin.enabled else "false",
        "Provides": ",".join(plugin.provides),
    }
