"""``longshore rm``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.main import print_error
from engine.errors import LongshoreError, NotFound

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
    code = 0
    for name in options.args:
        try:
            context.run(context.engine.containers.remove(name, force=force, volumes=options.on("volumes")))
        except LongshoreError as error:
            context.out.flush()
            print_error(error)
            # As docker has it: --force does not mind what is gone already.
            code = code if force and isinstance(error, NotFound) else 1
            continue
        print(name, file=context.out, flush=True)
    return code
