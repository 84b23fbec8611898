"""``longshore import``"""  # noqa: N999  the verb is called so

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterable

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.streams import download, open_input
from engine.model.openfile import OpenFile

SPEC = Spec(
    usage="[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
    summary="Import the contents from a tarball to create a filesystem image",
    flags=(
        Flag(name="change", short="c", kind="list", help="Apply Dockerfile instruction to the created image"),
        Flag(name="message", short="m", kind="string", help="Set commit message for imported image"),
        Flag(name="platform", kind="string", help="Set platform of the image"),
    ),
    least=1,
    most=2,
)


def run(context: Context, options: Options) -> int:
    source, reference = options.args[0], options.args[1] if options.args[1:] else ""
    remote = source.startswith(("http://", "https://"))
    handle = -1 if remote or source == "-" else open_input(source)
    archive: AsyncIterable[bytes] = download(source) if remote else OpenFile(sys.stdin.fileno() if handle < 0 else handle)
    message = options.text("message") or (f"Imported from {source}" if remote else "")
    platform, changes = options.text("platform"), options.values("change")
    try:
        images = context.engine.images
        made = context.run(images.import_(archive, reference=reference, changes=changes, message=message, platform=platform))
    finally:
        if handle >= 0:
            os.close(handle)
    print(made, file=context.out)
    return 0
