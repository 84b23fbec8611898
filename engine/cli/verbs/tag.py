"""``longshore tag``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec

SPEC = Spec(
    usage="SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
    summary="Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    least=2,
    most=2,
    completes="image",
)


def run(context: Context, options: Options) -> int:
    context.run(context.engine.images.tag(*options.args))
    return 0
