"""``longshore oci exec``"""

from __future__ import annotations

from engine.cli.flags import Flag, Options, Spec, UsageError
from engine.cli.oci.main import Globals
from engine.oci import execs
from engine.oci.state import container

SPEC = Spec(
    usage="[OPTIONS] CONTAINER [COMMAND [ARG...]]",
    summary="Run a further process in a container",
    flags=(
        Flag(name="process", short="p", kind="string", help="File with the process object of the runtime specification"),
        Flag(name="detach", short="d", help="Come back when the process runs"),
        Flag(name="pid-file", kind="string", help="File that the pid is written to"),
        Flag(name="console-socket", kind="string", help="Socket that is sent the master of the process's terminal"),
        Flag(name="tty", short="t", help="Give the process a terminal"),
        Flag(name="cwd", kind="string", help="Working directory"),
        Flag(name="env", short="e", kind="list", help="Environment variable, name=value"),
        Flag(name="user", short="u", kind="string", help="uid[:gid]"),
        Flag(name="additional-gids", short="g", kind="list", help="Further group"),
        Flag(name="cap", short="c", kind="list", help="Further capability"),
        Flag(name="no-new-privs", help="No set-user-id program gives privileges"),
        Flag(name="preserve-fds", kind="int", default="0", help="How many descriptors from 3 on the process gets"),
        Flag(name="ignore-paused", help="Also in a paused container"),
    ),
    least=1,
    most=-1,
    interspersed=False,
)


def run(given: Globals, options: Options) -> int:
    name, *args = options.args
    target = container(given.root, name)
    if options.has("process"):
        wanted = execs.read_process(options.text("process"))
    elif args:
        wanted = execs.derived(target.spec["process"] if target.state.pid else {}, _wishes(args, options))
    else:
        raise UsageError("process args cannot be empty")
    return execs.execute(
        target,
        wanted,
        execs.ExecOptions(
            detach=options.on("detach"),
            pid_file=options.text("pid-file"),
            console_socket=options.text("console-socket"),
            preserve=options.number("preserve-fds") or 0,
            ignore_paused=options.on("ignore-paused"),
        ),
    )


def _wishes(args: list[str], options: Options) -> execs.ProcessWishes:
    groups = options.values("additional-gids")
    if not all(group.isascii() and group.isdigit() for group in groups):
        raise UsageError("invalid --additional-gids: a number is needed")
    return execs.ProcessWishes(
        args=args,
        cwd=options.text("cwd"),
        env=options.values("env"),
        user=options.text("user"),
        groups=[int(group) for group in groups],
        capabilities=options.values("cap"),
        terminal=options.on("tty"),
        no_new_privileges=options.on("no-new-privs"),
    )
