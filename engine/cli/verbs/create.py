"""``longshore create``"""

from __future__ import annotations

from engine.cli.container_options import FLAGS, container_config, host_config
from engine.cli.context import Context
from engine.cli.creating import create
from engine.cli.flags import Options, Spec

FAILURE = 1

SPEC = Spec(
    usage="[OPTIONS] IMAGE [COMMAND] [ARG...]",
    summary="Create a new container",
    flags=FLAGS,
    least=1,
    most=-1,
    interspersed=False,
    completes="image",
)


def run(context: Context, options: Options) -> int:
    config = container_config(options)
    config = config.replace(attach_stdin=config.open_stdin, attach_stdout=True, attach_stderr=not config.tty)
    print(create(context, config, host_config(options), options), file=context.out)
    return 0
