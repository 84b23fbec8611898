"""``longshore export``"""

from __future__ import annotations

import os
import sys

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.outfile import checked, written
from engine.errors import InvalidArgument

SPEC = Spec(
    usage="[OPTIONS] CONTAINER",
    summary="Export a container's filesystem as a tar archive",
    flags=(Flag(name="output", short="o", kind="string", help="Write to a file, instead of STDOUT"),),
    least=1,
    most=1,
    completes="container",
    aliases=("container export", "export"),
)


def run(context: Context, options: Options) -> int:
    output = options.text("output")
    if not output and sys.stdout.isatty():
        raise InvalidArgument("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    if output:
        checked(output)
    pieces = context.iterate(context.engine.containers.export(options.args[0]))
    if output:
        written(output, pieces)
        return 0
    out = sys.stdout.fileno()
    for piece in pieces:
        view = memoryview(piece)
        while view:
            view = view[os.write(out, view) :]
    return 0
