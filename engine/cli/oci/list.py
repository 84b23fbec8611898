"""``longshore oci list``"""

from __future__ import annotations

import json

from engine.cli.flags import Flag, Options, Spec, UsageError
from engine.cli.oci.main import Globals
from engine.oci import lifecycle
from engine.oci.state import containers

SPEC = Spec(
    usage="[OPTIONS]",
    summary="List containers",
    flags=(
        Flag(name="format", short="f", kind="string", default="table", help='"table" or "json"'),
        Flag(name="quiet", short="q", help="Only names"),
    ),
)
_COLUMNS = ("id", "pid", "status", "bundle", "created", "owner")


def run(given: Globals, options: Options) -> int:
    if options.text("format") not in ("table", "json"):
        raise UsageError("invalid format option")
    if options.on("quiet"):
        print("".join(f"{each.id}\n" for each in containers(given.root)), end="")
        return 0
    rows = [lifecycle.state_of(each) for each in containers(given.root)]
    if options.text("format") == "json":
        print(json.dumps(rows))
        return 0
    table = [[column.upper() for column in _COLUMNS], *([str(row[column]) for column in _COLUMNS] for row in rows)]
    widths = [max(map(len, column)) + 3 for column in zip(*table, strict=True)]
    for line in table:
        print("".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
    return 0
