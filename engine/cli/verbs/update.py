"""``longshore update``"""

from __future__ import annotations

from engine.cli.container_options import UPDATE_FLAGS, update_config
from engine.cli.context import Context
from engine.cli.flags import Options, Spec, UsageError
from engine.cli.main import print_error
from engine.errors import LongshoreError

SPEC = Spec(
    usage="[OPTIONS] CONTAINER [CONTAINER...]",
    summary="Update configuration of one or more containers",
    flags=UPDATE_FLAGS,
    least=1,
    most=-1,
    completes="container",
    aliases=("container update", "update"),
)


def run(context: Context, options: Options) -> int:
    if not any(options.has(flag.name) for flag in UPDATE_FLAGS):
        raise UsageError("you must provide one or more flags when using this command")
    wanted = update_config(options)
    code = 0
    warnings: list[str] = []
    for name in options.args:
        try:
            warnings += context.run(context.engine.containers.update(name, wanted))
        except LongshoreError as error:
            context.out.flush()
            print_error(error)
            code = 1
            continue
        print(name, file=context.out, flush=True)
    if warnings:
        print("\n".join(warnings), file=context.out)
    return code
