"""``longshore pull``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.progress import show_progress
from engine.model.reference import parse

SPEC = Spec(
    usage="[OPTIONS] NAME[:TAG|@DIGEST]",
    summary="Download an image from a registry",
    flags=(
        Flag(name="all-platforms", help="Keep the image's other platforms too, to push or save them"),
        Flag(name="platform", kind="string", help="Set platform if the image is for several"),
        Flag(name="quiet", short="q", help="Suppress verbose output"),
    ),
    least=1,
    most=1,
    completes="image",
)


def run(context: Context, options: Options) -> int:
    text = options.args[0]
    named, quiet = parse(text), options.on("quiet")
    if not quiet and not (named.tag or named.digest):
        print("Using default tag: latest", file=context.out, flush=True)
    pulling = context.engine.images.pull(text, platform=options.text("platform"), all_platforms=options.on("all-platforms"))
    show_progress(context.iterate(pulling), context.out, quiet=quiet)
    print(named.tagged.canonical, file=context.out)
    return 0
