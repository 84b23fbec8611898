"""``longshore history``"""

from __future__ import annotations

import time

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.tables import ellipsis, write
from engine.model.units import ago, human_size, rfc3339

SPEC = Spec(
    usage="[OPTIONS] IMAGE",
    summary="Show the history of an image",
    flags=(
        Flag(name="format", kind="string", help="Format output: 'table', 'table TEMPLATE', 'json', or a Go template"),
        Flag(name="human", short="H", help="Print sizes and dates in human readable format", default="true"),
        Flag(name="no-trunc", help="Don't truncate output"),
        Flag(name="platform", kind="string", help="Show the history of the image for this platform (os/architecture[/variant])"),
        Flag(name="quiet", short="q", help="Only show image IDs"),
    ),
    least=1,
    most=1,
    completes="image",
)

HEADERS = {
    "ID": "IMAGE",
    "CreatedSince": "CREATED",
    "CreatedAt": "CREATED AT",
    "CreatedBy": "CREATED BY",
    "Size": "SIZE",
    "Comment": "COMMENT",
}


def run(context: Context, options: Options) -> int:
    whole, human = options.on("no-trunc"), options.on("human")
    now = time.time()
    rows = []
    for layer in context.run(context.engine.images.history(options.args[0], platform=options.text("platform"))):
        command = layer.created_by.replace("\t", " ").replace("\n", " ")
        rows.append(
            {
                "Comment": layer.comment,
                "CreatedAt": rfc3339(layer.created_at),
                "CreatedBy": command if whole else ellipsis(command, 45),
                "CreatedSince": ago(layer.created_at, now) if human else rfc3339(layer.created_at),
                "ID": layer.id if whole or layer.id == "<missing>" else layer.id.removeprefix("sha256:")[:12],
                "Size": human_size(layer.size, 3) if human else str(layer.size),
            }
        )
    default = ["ID", "CreatedSince", "CreatedBy", "Size", "Comment"]
    write(context.out, rows, headers=HEADERS, default=default, form=options.text("format"), quiet="ID" if options.on("quiet") else "")
    return 0
