"""``longshore wait``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.main import print_error
from engine.errors import LongshoreError

SPEC = Spec(
    usage="CONTAINER [CONTAINER...]",
    summary="Block until one or more containers stop, then print their exit codes",
    least=1,
    most=-1,
    completes="container",
)


def run(context: Context, options: Options) -> int:
    code = 0
    for name in options.args:
        try:
            print(context.run(context.engine.containers.wait(name)).exit_code, file=context.out, flush=True)
        except LongshoreError as error:
            print_error(error)
            code = 1
    return code
