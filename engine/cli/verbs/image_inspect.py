"""``longshore image inspect``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.verbs.inspect import show

SPEC = Spec(
    usage="[OPTIONS] IMAGE [IMAGE...]",
    summary="Display detailed information on one or more images",
    flags=(
        Flag(name="format", short="f", kind="string", help="Format output with a Go template, or 'json'"),
        Flag(name="platform", kind="string", help="Show the image for this platform (os/architecture[/variant])"),
    ),
    least=1,
    most=-1,
    completes="image",
)


def run(context: Context, options: Options) -> int:
    images, platform = context.engine.images, options.text("platform")
    return show(context, options.args, options.text("format"), lambda name: context.run(images.inspect(name, platform=platform)).raw)
