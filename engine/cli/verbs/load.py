"""``longshore load``"""

from __future__ import annotations

import os
import sys

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.streams import open_input
from engine.errors import InvalidArgument
from engine.model.openfile import OpenFile

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Load an image from a tar archive or STDIN",
    flags=(
        Flag(name="input", short="i", kind="string", help="Read from tar archive file, instead of STDIN"),
        Flag(name="platform", kind="string", help="Load only the images for this platform (os/architecture[/variant])"),
        Flag(name="quiet", short="q", help="Suppress the load output"),
    ),
)


def run(context: Context, options: Options) -> int:
    path = options.text("input")
    if not path and sys.stdin.isatty():
        raise InvalidArgument("requested load from stdin, but stdin is empty")
    handle = open_input(path) if path else sys.stdin.fileno()
    try:
        found = context.run(context.engine.images.load(OpenFile(handle), platform=options.text("platform")))
    finally:
        if path:
            os.close(handle)
    for image in found:
        if image.replaced:
            taken = f"The image {image.reference} already exists, renaming the old one with ID {image.replaced} to empty string"
            print(taken, file=context.out)
        print(image.line(), file=context.out)
    return 0
