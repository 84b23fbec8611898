"""``longshore run``: pull if missing, create, attach, start, and stay until the end."""

from __future__ import annotations

from engine.cli import detaching
from engine.cli.container_options import FLAGS, container_config, host_config
from engine.cli.context import Context
from engine.cli.creating import create
from engine.cli.flags import Flag, Options, Spec, UsageError
from engine.cli.terminal import Conversation, check_tty, flush
from engine.errors import LongshoreError, NotModified

FAILURE = 125
"""Docker's exit code for what is not the container's own."""

SPEC = Spec(
    usage="[OPTIONS] IMAGE [COMMAND] [ARG...]",
    summary="Create and run a new container from an image",
    flags=(
        *FLAGS,
        Flag(name="detach", short="d", help="Run container in background and print container ID"),
        detaching.FLAG,
        Flag(name="sig-proxy", help="Proxy received signals to the process", default="true"),
    ),
    least=1,
    most=-1,
    interspersed=False,
    completes="image",
)


def run(context: Context, options: Options) -> int:
    config, host = container_config(options), host_config(options)
    detach = options.on("detach")
    if detach and options.values("attach"):
        raise UsageError("conflicting options: cannot specify both --attach and --detach")
    stdin = config.open_stdin and not detach
    check_tty(tty=config.tty and not detach, stdin=stdin)
    if not detach:
        config = config.replace(attach_stdin=stdin, attach_stdout=True, attach_stderr=not config.tty, stdin_once=stdin)
    made = create(context, config, host, options)
    containers = context.engine.containers
    if detach:
        _start(context, made)
        print(made, file=context.out)
        return 0
    session = context.run(containers.attach(made, stdin=stdin))
    _start(context, made)
    flush()
    talk = Conversation(
        context,
        session,
        tty=config.tty,
        stdin=stdin,
        keys=detaching.keys_of(options),
        forward=(lambda number: _pass_on(context, made, number)) if options.on("sig-proxy") else None,
    )
    return talk.run() or 0


def _start(context: Context, container: str) -> None:
    try:
        context.run(context.engine.containers.start(container))
    except NotModified:
        pass  # somebody else was quicker


def _pass_on(context: Context, container: str, number: int) -> None:
    try:
        context.run(context.engine.containers.kill(container, signal=str(number)))
    except LongshoreError:
        # It ended in the meantime.
        return
