"""``longshore search``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.tables import ellipsis, write
from engine.model import filters

SPEC = Spec(
    usage="[OPTIONS] TERM",
    summary="Search Docker Hub for images",
    flags=(
        Flag(name="filter", short="f", kind="list", help="Filter output based on conditions provided"),
        Flag(name="format", kind="string", help="Format output: 'table', 'table TEMPLATE', 'json', or a Go template"),
        Flag(name="limit", kind="int", help="Max number of search results", default="25"),
        Flag(name="no-trunc", help="Don't truncate output"),
    ),
    least=1,
    most=1,
)

HEADERS = {"Name": "NAME", "Description": "DESCRIPTION", "StarCount": "STARS", "IsOfficial": "OFFICIAL", "IsAutomated": "AUTOMATED"}


def run(context: Context, options: Options) -> int:
    wanted = filters.parse(options.values("filter"))
    limit = options.number("limit") or 25
    found = context.run(context.engine.images.search(options.args[0], limit=limit, filters=wanted))
    whole = options.on("no-trunc")
    rows = [
        {
            "Name": each.name,
            "Description": each.description if whole else ellipsis(each.description, 45),
            "StarCount": each.stars,
            "IsOfficial": "[OK]" if each.official else "",
            "IsAutomated": "[OK]" if each.automated else "",
        }
        for each in found
    ]
    write(context.out, rows, headers=HEADERS, default=["Name", "Description", "StarCount", "IsOfficial"], form=options.text("format"))
    return 0
