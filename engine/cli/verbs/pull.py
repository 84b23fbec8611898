"""``longshore pull``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.progress import show_progress
from engine.errors import InvalidArgument, NotSupported
from engine.model.reference import parse

SPEC = Spec(
    usage="[OPTIONS] NAME[:TAG|@DIGEST]",
    summary="Download an image from a registry",
    flags=(
        Flag(name="all-platforms", help="Keep the image's other platforms too, to push or save them"),
        Flag(name="all-tags", short="a", help="Download all tagged images in the repository"),
        Flag(name="disable-content-trust", help="Skip image verification", default="true"),
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
    if not options.on("disable-content-trust"):
        raise NotSupported("content trust is not supported", hint="pull the image by its digest: NAME@sha256:…")
    if options.on("all-tags"):
        return _pull_all(context, options, text)
    if not quiet and not (named.tag or named.digest):
        print("Using default tag: latest", file=context.out, flush=True)
    pulling = context.engine.images.pull(text, platform=options.text("platform"), all_platforms=options.on("all-platforms"))
    show_progress(context.iterate(pulling), context.out, quiet=quiet)
    print(named.tagged.canonical, file=context.out)
    return 0


def _pull_all(context: Context, options: Options, text: str) -> int:
    named = parse(text)
    if named.tag or named.digest:
        raise InvalidArgument("tag can't be used with --all-tags/-a")
    whole = options.on("all-platforms")
    pulling = context.engine.images.pull(text, platform=options.text("platform"), all_platforms=whole, all_tags=True)
    show_progress(context.iterate(pulling), context.out, quiet=options.on("quiet"))
    print(named.name, file=context.out)
    return 0
