"""``longshore rmi``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.main import print_error
from engine.errors import LongshoreError, NotFound

SPEC = Spec(
    usage="[OPTIONS] IMAGE [IMAGE...]",
    summary="Remove one or more images",
    flags=(
        Flag(name="force", short="f", help="Force removal of the image"),
        Flag(name="no-prune", help="Do not delete untagged parents"),
        Flag(name="platform", kind="list", help="Remove only an image that is for this platform (os/architecture[/variant])"),
    ),
    least=1,
    most=-1,
    completes="image",
)


def run(context: Context, options: Options) -> int:
    code, force = 0, options.on("force")
    platforms = tuple(platform for text in options.values("platform") for platform in text.split(","))
    for name in options.args:
        try:
            removed = context.run(context.engine.images.remove(name, force=force, prune=not options.on("no-prune"), platforms=platforms))
        except LongshoreError as error:
            context.out.flush()
            print_error(error)  # docker, too, tells of a missing one whose removal is forced, and does not count it
            if not (force and isinstance(error, NotFound)):
                code = 1
            continue
        for line in removed:
            print(f"Untagged: {line.untagged}" if line.untagged else f"Deleted: {line.deleted}", file=context.out)
    return code
