"""``longshore exec``"""

from __future__ import annotations

from engine.cli import detaching
from engine.cli.container_options import environment
from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.main import print_error
from engine.cli.terminal import Conversation, check_tty
from engine.errors import NotExecutable, StartFailed
from engine.model.containers import ExecConfig

SPEC = Spec(
    usage="[OPTIONS] CONTAINER COMMAND [ARG...]",
    summary="Execute a command in a running container",
    flags=(
        Flag(name="detach", short="d", help="Detached mode: run command in the background"),
        detaching.FLAG,
        Flag(name="env", short="e", kind="list", help="Set environment variables"),
        Flag(name="env-file", kind="list", help="Read in a file of environment variables"),
        Flag(name="interactive", short="i", help="Keep STDIN open even if not attached"),
        Flag(name="privileged", help="Give extended privileges to the command"),
        Flag(name="tty", short="t", help="Allocate a pseudo-TTY"),
        Flag(name="user", short="u", kind="string", help='Username or UID (format: "<name|uid>[:<group|gid>]")'),
        Flag(name="workdir", short="w", kind="string", help="Working directory inside the container"),
    ),
    least=2,
    most=-1,
    interspersed=False,
    completes="container",
)


def run(context: Context, options: Options) -> int:
    name, *command = options.args
    detach, tty = options.on("detach"), options.on("tty")
    stdin = options.on("interactive") and not detach
    check_tty(tty=tty and not detach, stdin=stdin)
    config = ExecConfig(
        cmd=tuple(command),
        tty=tty,
        stdin=stdin,
        env=environment(options),
        user=options.text("user"),
        working_dir=options.text("workdir"),
        privileged=options.on("privileged"),
        detach=detach,
    )
    try:
        session = context.run(context.engine.containers.exec(name, config))
    except StartFailed as error:
        print_error(error)
        # Docker's: a detached command has no exit code, one that can not be started for no reason of its own has 126.
        return 1 if detach else NotExecutable.exit_code if error.exit_code == StartFailed.exit_code else error.exit_code
    if detach:
        context.run(session.close())
        return 0
    return Conversation(context, session, tty=tty, stdin=stdin, keys=detaching.keys_of(options)).run_alone()
