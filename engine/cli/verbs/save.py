"""``longshore save``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.streams import check_output, write_all, write_file
from engine.errors import EngineFault, InvalidArgument

SPEC = Spec(
    usage="[OPTIONS] IMAGE [IMAGE...]",
    summary="Save one or more images to a tar archive (streamed to STDOUT by default)",
    flags=(
        Flag(name="all-platforms", help="Save the indexes that the images were pulled or loaded with, and all their platforms"),
        Flag(name="output", short="o", kind="string", help="Write to a file, instead of STDOUT"),
        Flag(name="platform", kind="string", help="Save the images for this platform (os/architecture[/variant])"),
    ),
    least=1,
    most=-1,
    completes="image",
)


def run(context: Context, options: Options) -> int:
    output = options.text("output")
    if output:
        check_output(output)
    elif context.out.isatty():
        raise InvalidArgument("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    archive = context.iterate(
        context.engine.images.save(options.args, platform=options.text("platform"), all_platforms=options.on("all-platforms"))
    )
    if output:
        write_file(output, archive)
    else:
        try:
            write_all(context.out.fileno(), archive)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise EngineFault(f"write: {(error.strerror or str(error)).lower()}") from error
    return 0
