"""``longshore attach``"""

from __future__ import annotations

from engine.cli import detaching
from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec, UsageError
from engine.cli.terminal import Conversation, check_tty
from engine.model.containers import ContainerStatus

SPEC = Spec(
    usage="[OPTIONS] CONTAINER",
    summary="Attach local standard input, output, and error streams to a running container",
    flags=(
        detaching.FLAG,
        Flag(name="no-stdin", help="Do not attach STDIN"),
        Flag(name="sig-proxy", help="Proxy all received signals to the process", default="true"),
    ),
    least=1,
    most=1,
    completes="container",
)


def run(context: Context, options: Options) -> int:
    name = options.args[0]
    containers = context.engine.containers
    details = context.run(containers.inspect(name))
    match details.container.state.status:
        case ContainerStatus.RUNNING:
            pass
        case ContainerStatus.PAUSED:
            raise UsageError("You cannot attach to a paused container, unpause it first")
        case ContainerStatus.RESTARTING:
            raise UsageError("You cannot attach to a restarting container, wait until it is running")
        case _:
            raise UsageError("You cannot attach to a stopped container, start it first")
    stdin = details.config.open_stdin and not options.on("no-stdin")
    check_tty(tty=details.config.tty, stdin=stdin)
    session = context.run(containers.attach(name, stdin=stdin))
    forward = (lambda number: context.run(containers.kill(name, signal=str(number)))) if options.on("sig-proxy") else None
    talk = Conversation(context, session, tty=details.config.tty, stdin=stdin, keys=detaching.keys_of(options), forward=forward)
    return talk.run_alone()
