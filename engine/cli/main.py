"""Entry point: global options, then a verb, or the TUI when there is none."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.cli.context import Context, Globals
from engine.cli.flags import HELP, Flag, Options, Spec, UsageError, parse, usage_of_flags
from engine.cli.screen import harmless
from engine.errors import InvalidArgument, LongshoreError
from engine.hosts.choice import chosen

if TYPE_CHECKING:
    from types import ModuleType

PROGRAM = "longshore"
_GARBAGE = 20_000
"""Objects made and not freed after which a verb looks for garbage; the default is 700."""

VERBS: dict[str, str] = {
    "run": "Create and run a new container from an image",
    "exec": "Execute a command in a running container",
    "ps": "List containers",
    "pull": "Download an image from a registry",
    "images": "List images",
    "attach": "Attach local standard input, output, and error streams to a running container",
    "commit": "Create a new image from a container's changes",
    "cp": "Copy files/folders between a container and the local filesystem",
    "create": "Create a new container",
    "diff": "Inspect changes to files or directories on a container's filesystem",
    "events": "Get real time events from the engine",
    "export": "Export a container's filesystem as a tar archive",
    "history": "Show the history of an image",
    "import": "Import the contents from a tarball to create a filesystem image",
    "info": "Display system-wide information",
    "inspect": "Return low-level information on objects",
    "kill": "Kill one or more running containers",
    "load": "Load an image from a tar archive or STDIN",
    "login": "Authenticate to a registry",
    "logout": "Log out from a registry",
    "logs": "Fetch the logs of a container",
    "pause": "Pause all processes within one or more containers",
    "port": "List port mappings or a specific mapping for the container",
    "push": "Upload an image to a registry",
    "rename": "Rename a container",
    "restart": "Restart one or more containers",
    "rm": "Remove one or more containers",
    "rmi": "Remove one or more images",
    "save": "Save one or more images to a tar archive (streamed to STDOUT by default)",
    "search": "Search Docker Hub for images",
    "serve": "Serve the Docker Engine API over this engine",
    "start": "Start one or more stopped containers",
    "stats": "Display a live stream of container(s) resource usage statistics",
    "stop": "Stop one or more running containers",
    "tag": "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    "top": "Display the running processes of a container",
    "unpause": "Unpause all processes within one or more containers",
    "update": "Update configuration of one or more containers",
    "version": "Show the version information",
    "wait": "Block until one or more containers stop, then print their exit codes",
    "completion": "Generate the autocompletion script for the specified shell",
}
"""Verbs with their summaries; ``SPEC.summary`` must be the same (tested), so that help needs no imports."""

IMAGE_VERBS = ("images", "import", "load", "pull", "push", "rmi", "save", "tag", "history")

NOUNS: dict[str, tuple[str, dict[str, str]]] = {
    "container": (
        "Manage containers",
        {
            **{
                name: name
                for name in VERBS
                if name not in IMAGE_VERBS and name not in ("events", "info", "login", "logout", "search", "serve", "version", "completion")
            },
            "ls": "ps",
            "list": "ps",
            "prune": "container_prune",
        },
    ),
    "image": (
        "Manage images",
        {
            "ls": "images",
            "list": "images",
            "import": "import",
            "load": "load",
            "pull": "pull",
            "push": "push",
            "rm": "rmi",
            "save": "save",
            "tag": "tag",
            "history": "history",
            "inspect": "image_inspect",
            "prune": "image_prune",
        },
    ),
    "network": (
        "Manage networks",
        {
            "ls": "network_ls",
            "list": "network_ls",
            "connect": "network_connect",
            "create": "network_create",
            "disconnect": "network_disconnect",
            "inspect": "network_inspect",
            "rm": "network_rm",
            "prune": "network_prune",
        },
    ),
    "volume": (
        "Manage volumes",
        {
            "ls": "volume_ls",
            "list": "volume_ls",
            "create": "volume_create",
            "inspect": "volume_inspect",
            "rm": "volume_rm",
            "prune": "volume_prune",
        },
    ),
    "plugin": ("Manage plugins", {"ls": "plugin_ls", "list": "plugin_ls"}),
    "settings": (
        "Manage the settings of the terminal interface",
        {"check": "settings_check", "import-lazydocker": "settings_import_lazydocker", "schema": "settings_schema"},
    ),
    "hosts": (
        "Manage the hosts that are known",
        {"ls": "hosts_ls", "list": "hosts_ls", "add": "hosts_add", "rm": "hosts_rm", "use": "hosts_use", "test": "hosts_test"},
    ),
    "system": (
        "Manage the engine",
        {
            "df": "system_df",
            "info": "info",
            "events": "events",
            "check": "system_check",
            "prune": "system_prune",
            "start": "system_start",
            "dial-stdio": "system_dial_stdio",
        },
    ),
    "swarm": (
        "Manage Swarm",
        {
            "ca": "swarm_ca",
            "init": "swarm_init",
            "join": "swarm_join",
            "join-token": "swarm_join_token",
            "leave": "swarm_leave",
            "unlock": "swarm_unlock",
            "unlock-key": "swarm_unlock_key",
            "update": "swarm_update",
        },
    ),
    "node": (
        "Manage Swarm nodes",
        {
            "ls": "node_ls",
            "list": "node_ls",
            "ps": "node_ps",
            "inspect": "node_inspect",
            "update": "node_update",
            "promote": "node_promote",
            "demote": "node_demote",
            "rm": "node_rm",
        },
    ),
    "service": (
        "Manage Swarm services",
        {
            "ls": "service_ls",
            "list": "service_ls",
            "ps": "service_ps",
            "inspect": "service_inspect",
            "logs": "service_logs",
            "create": "service_create",
            "scale": "service_scale",
            "update": "service_update",
            "rollback": "service_rollback",
            "rm": "service_rm",
        },
    ),
    "stack": (
        "Manage Swarm stacks",
        {
            "ls": "stack_ls",
            "list": "stack_ls",
            "ps": "stack_ps",
            "services": "stack_services",
            "rm": "stack_rm",
        },
    ),
    "config": (
        "Manage Swarm configs",
        {
            "ls": "config_ls",
            "list": "config_ls",
            "inspect": "config_inspect",
            "create": "config_create",
            "rm": "config_rm",
        },
    ),
    "secret": (
        "Manage Swarm secrets",
        {
            "ls": "secret_ls",
            "list": "secret_ls",
            "inspect": "secret_inspect",
            "create": "secret_create",
            "rm": "secret_rm",
        },
    ),
}

OCI = ("oci", "Run OCI bundles, with the command line of runc")
"""A command line of its own, see :mod:`engine.cli.oci`."""

GLOBALS = (
    Flag(name="config", kind="string", help="Configuration file"),
    Flag(name="context", short="c", kind="string", help="Docker context to talk to (overrides DOCKER_HOST)"),
    Flag(name="debug", short="D", help="Show tracebacks of internal errors"),
    Flag(
        name="host",
        short="H",
        kind="string",
        help="Engine to talk to: a known host, embedded, all, docker, unix://, tcp:// or ssh://",
    ),
    Flag(name="root", kind="string", help="State root of the embedded engine"),
    Flag(name="web", kind="[addr:port]", bare="-", help="Open the interface to browsers, at 127.0.0.1:8375 by default"),
    Flag(name="web-cert", kind="string", help="Certificate for --web, which other machines may reach then"),
    Flag(name="web-key", kind="string", help="Key of the certificate"),
    Flag(name="version", short="v", help="Print version information and quit"),
)


def entry() -> None:
    """What the ``longshore`` script calls: runs :func:`main` and ends the process with its exit code."""
    code = main(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone (`longshore logs x | head`): nothing is left to say, also not at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    # Skipping the interpreter's tear-down saves 10 ms of every verb; all that must be closed has been.
    sys.stderr.flush()
    os._exit(code)


def main(words: Sequence[str]) -> int:
    """Run a command line; its exit code comes back. Errors are printed, never raised."""
    try:
        options = parse(GLOBALS, words, interspersed=False)
    except UsageError as error:
        return _usage_error(error, f"{PROGRAM} --help")
    if options.on("version"):
        from engine.model.version import VERSION

        print(f"Longshore version {VERSION}")
        return 0
    given = Globals(root=options.text("root"), config=options.text("config"), debug=options.on("debug"))
    try:
        if given.config and not os.path.exists(given.config):  # told before anything is done; most verbs would not even look into it
            raise InvalidArgument(f"configuration file {given.config}: no such file")
        if options.args[:1] != ["hosts"]:
            given = given.replace(host=chosen(options.text("host"), options.text("context"), given.root))
    except LongshoreError as error:
        print_error(error)
        return 1
    if options.has("web") and not options.on("help"):
        return _guarded(lambda: _web(given, options), given, 1)
    if not options.args:
        if options.on("help"):
            print(_help(), end="")
            return 0
        return _guarded(lambda: _tui(given), given, 1)
    return _verb(given, options.args)


def _tui(given: Globals) -> int:
    if "TEXTUAL_DRIVER" not in os.environ:  # a browser's session is drawn over pipes
        where = "longshore ps lists containers, longshore --help the other verbs"
        if not (os.isatty(0) and os.isatty(2)):
            raise InvalidArgument("the terminal interface needs a terminal", hint=where)
        if os.environ.get("TERM") == "dumb":
            raise InvalidArgument("the terminal interface can not be drawn on this terminal (TERM=dumb)", hint=where)
    # A fifth of the time to the first picture went into looking for garbage among what was just imported;
    # the app turns it on again.
    gc.disable()
    from tui.app import main as tui

    return int(tui(given.host, root=given.root, config=given.config))


def _web(given: Globals, options: Options) -> int:
    from tui.web import launch

    command = [sys.executable, "-m", "engine.cli"]
    for flag in ("host", "root", "config"):
        if value := getattr(given, flag):
            command += [f"--{flag}", value]
    return launch(
        command,
        options.args[0] if options.args else options.text("web").removeprefix("-"),
        certificate=options.text("web-cert"),
        key=options.text("web-key"),
        tell=lambda line: print(line, flush=True),
    )


def _verb(given: Globals, words: Sequence[str]) -> int:
    # A verb imports tens of thousands of objects and leaves no garbage: to look for it was a tenth of what a short one took.
    gc.set_threshold(_GARBAGE)
    name, *rest = words
    title = name
    if name in ("help",):
        return _verb(given, [*rest, "--help"]) if rest else main(["--help"])
    if name == OCI[0]:
        from engine.cli.oci.main import main as oci

        return oci(rest, f"{PROGRAM} {name}")
    if name in NOUNS:
        subs = NOUNS[name][1]
        if not rest or rest[0].startswith("-"):
            print(_noun_help(name), end="")
            return 0
        if rest[0] not in subs:
            return _usage_error(
                UsageError(f"{PROGRAM}: unknown command: {PROGRAM} {name} {rest[0]}"),
                f"{PROGRAM} {name} --help",
                f"Usage:  {PROGRAM} {name}",
            )
        title, module, rest = f"{name} {rest[0]}", subs[rest[0]], rest[1:]
    elif name in VERBS or name == "__complete":
        module = name
    else:
        return _usage_error(UsageError(f"{PROGRAM}: unknown command: {PROGRAM} {name}"), f"{PROGRAM} --help")
    return _call(given, title, _load(module), rest)


def _load(module: str) -> ModuleType:
    import importlib

    return importlib.import_module(f"engine.cli.verbs.{module}")


def _call(given: Globals, title: str, module: ModuleType, words: Sequence[str]) -> int:
    spec: Spec = module.SPEC
    failure: int = getattr(module, "FAILURE", 1)
    usage = f"Usage:  {PROGRAM} {title} {spec.usage}".rstrip()
    try:
        options = parse(spec.flags, words, interspersed=spec.interspersed)
        if options.on("help"):
            print(verb_help(title, spec), end="")
            return 0
        _check_operands(title, spec, len(options.args))
    except UsageError as error:
        return _usage_error(error, f"{PROGRAM} {title} --help", usage)
    context = Context(given)

    def run() -> int:
        try:
            return int(module.run(context, options))
        finally:
            context.close()

    return _guarded(run, given, failure)


def _guarded(run: Callable[[], int], given: Globals, failure: int) -> int:
    """Run; turn what goes wrong into one message and an exit code."""
    try:
        return run()
    except LongshoreError as error:
        print_error(error)
        # 128 is what the container records; for the verb it is a failure as any other.
        return failure if error.exit_code in (0, 1, 128) else error.exit_code
    except UsageError as error:
        print(error, file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 141
    except Exception as error:
        if given.debug:
            raise
        print(f"Error: {type(error).__name__}: {error}\nThis is a defect of Longshore; --debug shows where it happened.", file=sys.stderr)
        return failure


def print_error(error: LongshoreError, *, prefix: str = "Error: ") -> None:
    """Message and hint on standard error, control characters made harmless."""
    lines = [f"{prefix}{error}", *([error.hint] if error.hint else [])]
    text = "\n".join(lines)
    print(harmless(text), file=sys.stderr)


def _usage_error(error: UsageError, see: str, usage: str = "") -> int:
    middle = f"{usage}\n\n" if usage else ""
    print(f"{error}\n\n{middle}Run '{see}' for more information", file=sys.stderr)
    return error.code


def _check_operands(title: str, spec: Spec, count: int) -> None:
    if count >= spec.least and (spec.most < 0 or count <= spec.most):
        return
    if spec.most == spec.least:
        need = _arguments("requires", spec.least) if spec.least else "accepts no arguments"
    elif count < spec.least:
        need = _arguments("requires at least", spec.least)
    else:
        need = _arguments("requires at most", spec.most)
    raise UsageError(f"{PROGRAM}: '{PROGRAM} {title}' {need}")


def _arguments(need: str, count: int) -> str:
    return f"{need} {count} argument{'' if count == 1 else 's'}"


def verb_help(title: str, spec: Spec) -> str:
    """``longshore VERB --help``."""
    text = f"Usage:  {PROGRAM} {title} {spec.usage}\n\n{spec.summary}\n"
    if spec.aliases:
        text += "\nAliases:\n  " + ", ".join(f"{PROGRAM} {alias}" for alias in spec.aliases) + "\n"
    options = usage_of_flags((*spec.flags, HELP))
    return text + (f"\nOptions:\n{options}" if options else "")


def _noun_help(noun: str) -> str:
    summary, subs = NOUNS[noun]
    shown = {sub: _load(module).SPEC.summary for sub, module in sorted(subs.items()) if sub != "list"}
    rows = "".join(f"  {sub:<11} {text}\n" for sub, text in shown.items())
    tail = f"Run '{PROGRAM} {noun} COMMAND --help' for more information on a command.\n"
    return f"Usage:  {PROGRAM} {noun} COMMAND\n\n{summary}\n\nCommands:\n{rows}\n{tail}"


def _help() -> str:
    verbs = "".join(f"  {name:<11} {summary}\n" for name, summary in VERBS.items())
    nouns = "".join(f"  {name:<11} {summary}\n" for name, summary in (*((name, noun[0]) for name, noun in NOUNS.items()), OCI))
    return (
        f"Usage:  {PROGRAM} [OPTIONS] [COMMAND]\n\nA terminal container manager with its own engine inside.\n"
        f"Without a command it opens the terminal interface.\n\nCommands:\n{verbs}\nManagement Commands:\n{nouns}\nGlobal Options:\n"
        f"{usage_of_flags((*GLOBALS, HELP))}\n"
        "Environment:\n  LONGSHORE_ROOT  state root      LONGSHORE_RUN  run root      LONGSHORE_HOST  engine to talk to\n\n"
        f"Run '{PROGRAM} COMMAND --help' for more information on a command.\n"
    )
