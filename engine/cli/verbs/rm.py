"""``longshore rm``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.many import each
from engine.errors import NotFound

SPEC = Spec(
    usage="[OPTIONS] CONTAINER [CONTAINER...]",
    summary="Remove one or more containers",
    flags=(
        Flag(name="force", short="f", help="Force the removal of a running container (uses SIGKILL)"),
        Flag(name="volumes", short="v", help="Remove anonymous volumes associated with the container"),
    ),
    least=1,
    most=-1,
    completes="container",
)


def run(context: Context, options: Options) -> int:
    force = options.on("force")

    async def remove(name: str) -> None:
        try:
            await context.engine.containers.remove(name, force=force, volumes=options.on("volumes"))
        except NotFound:
            if not force:
                raise

    return each(context, options.args, remove)
