"""``longshore start``"""

from __future__ import annotations

from engine.cli import detaching
from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec, UsageError
from engine.cli.many import each
from engine.cli.terminal import Conversation, check_tty
from engine.errors import NotModified

SPEC = Spec(
    usage="[OPTIONS] CONTAINER [CONTAINER...]",
    summary="Start one or more stopped containers",
    flags=(
        Flag(name="attach", short="a", help="Attach STDOUT/STDERR and forward signals"),
        detaching.FLAG,
        Flag(name="interactive", short="i", help="Attach container's STDIN"),
    ),
    least=1,
    most=-1,
    completes="container",
)


def run(context: Context, options: Options) -> int:
    containers = context.engine.containers
    if not (options.on("attach") or options.on("interactive")):
        return each(context, options.args, containers.start)
    if len(options.args) > 1:
        raise UsageError("you cannot start and attach multiple containers at once")
    name = options.args[0]
    details = context.run(containers.inspect(name))
    stdin = options.on("interactive") and details.config.open_stdin
    check_tty(tty=details.config.tty, stdin=stdin)
    session = context.run(containers.attach(name, stdin=stdin))
    try:
        context.run(containers.start(name))
    except NotModified:
        pass  # it runs already: then it is attached to
    talk = Conversation(
        context,
        session,
        tty=details.config.tty,
        stdin=stdin,
        keys=detaching.keys_of(options),
        forward=lambda number: context.run(containers.kill(name, signal=str(number))),
    )
    return talk.run() or 0
