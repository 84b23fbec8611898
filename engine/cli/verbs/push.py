"""``longshore push``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.progress import show_progress
from engine.model.reference import parse

SPEC = Spec(
    usage="[OPTIONS] NAME[:TAG]",
    summary="Upload an image to a registry",
    flags=(
        Flag(name="all-tags", short="a", help="Push all tags of an image to the repository"),
        Flag(name="all-platforms", help="Push the index that the image was pulled or loaded with, and all its platforms"),
        Flag(name="platform", kind="string", help="Push the image for this platform alone (os/architecture[/variant])"),
        Flag(name="quiet", short="q", help="Suppress verbose output"),
    ),
    least=1,
    most=1,
    completes="image",
)


def run(context: Context, options: Options) -> int:
    text = options.args[0]
    named, quiet, every = parse(text), options.on("quiet"), options.on("all-tags")
    if not (quiet or every or named.tag or named.digest):
        print("Using default tag: latest", file=context.out, flush=True)
    pushing = context.engine.images.push(text, all_tags=every, platform=options.text("platform"), all_platforms=options.on("all-platforms"))
    show_progress(context.iterate(pushing), context.out, quiet=quiet)
    if quiet:
        print(named.canonical if every else named.tagged.canonical, file=context.out)
    return 0
