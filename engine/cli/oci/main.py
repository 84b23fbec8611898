"""Global options, the verb, and errors in the form that callers of runc read: a line on standard error, and in ``--log``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from engine.cli.flags import HELP, Flag, Options, Spec, UsageError, parse, usage_of_flags
from engine.cli.oci import ENTERING
from engine.cli.screen import harmless
from engine.errors import LongshoreError
from engine.model.value import Value

PROGRAM = "longshore-oci"

VERBS: dict[str, str] = {
    "create": "Create a container",
    "start": "Run the program of a created container",
    "state": "Print the state of a container",
    "kill": "Send a signal to a container's first process",
    "delete": "Delete what a container held",
    "run": "Create a container and run its program",
    "exec": "Run a further process in a container",
    "list": "List containers",
    "ps": "List the processes of a container",
    "pause": "Stop every process of a container from running",
    "resume": "Let the processes of a paused container run",
    "update": "Change the limits of a container",
    "features": "Print what this runtime can do",
    "spec": "Write a config.json to start from",
}
"""Verbs with their summaries; ``SPEC.summary`` must be the same (tested), so that help needs no imports."""

FLAGS = (
    Flag(name="root", kind="string", help="Directory of the containers' state"),
    Flag(name="log", kind="string", help="File for errors, besides standard error"),
    Flag(name="log-format", kind="string", default="text", help='Form of the log: "text" or "json"'),
    Flag(name="debug", help="Show tracebacks of internal errors"),
    Flag(name="systemd-cgroup", help="Have systemd make control groups; cgroupsPath is then slice:prefix:name"),
    Flag(name="rootless", kind="string", default="auto", help="Ignored: what can be done is tried", hidden=True),
    Flag(name="version", short="v", help="Print version information and quit"),
)


class Globals(Value):
    """Options before the verb. ``root`` is where the containers' state is."""

    root: str = ""
    log: str = ""
    log_format: str = "text"
    debug: bool = False
    systemd: bool = False


def finish(words: Sequence[str]) -> NoReturn:
    """Run :func:`main` and end the process with its exit code."""
    code = main(words)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main(words: Sequence[str], program: str = PROGRAM) -> int:
    """Run a command line; its exit code comes back. Errors are printed and logged, never raised."""
    given = Globals()
    try:
        options = parse(FLAGS, words, interspersed=False)
        if options.on("version"):
            return _version()
        verb = options.args[0] if options.args else "help"
        if verb == "help" or not options.args or options.on("help"):
            print(_help(program), end="")
            return 0
        if verb not in VERBS:
            raise UsageError(f"{program}: unknown command: {verb}")
        given = _globals(options)
        if verb in ENTERING and options.args[1:2] != ["--help"]:
            from engine.cli.oci.sealing import seal

            seal(words)
        return _call(program, verb, _load(verb), given, options.args[1:])
    except (UsageError, LongshoreError) as error:
        _fail(given, str(error), error.hint if isinstance(error, LongshoreError) else "")
    except OSError as error:
        if given.debug:
            raise
        _fail(given, f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}".lower())
    return 1


def _globals(options: Options) -> Globals:
    if options.text("log-format") not in ("text", "json"):
        raise UsageError(f"invalid log-format {options.text('log-format')!r}")
    return Globals(
        root=os.path.abspath(options.text("root") or default_root()),
        log=options.text("log"),
        log_format=options.text("log-format"),
        debug=options.on("debug"),
        systemd=options.on("systemd-cgroup"),
    )


def default_root() -> str:
    """Where containers are without ``--root``: of the engine's environment variables none counts, for callers pass on what they like."""
    base = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/longshore-{os.geteuid()}"
    return f"{base}/longshore-oci"


def _load(verb: str) -> ModuleType:
    import importlib

    return importlib.import_module(f"engine.cli.oci.{verb}")


def _call(program: str, verb: str, module: ModuleType, given: Globals, words: Sequence[str]) -> int:
    spec: Spec = module.SPEC
    options = parse(spec.flags, words, interspersed=spec.interspersed)
    if options.on("help"):
        flags = usage_of_flags((*spec.flags, HELP))
        print(f"Usage:  {program} {verb} {spec.usage}\n\n{spec.summary}\n\nOptions:\n{flags}", end="")
        return 0
    if not spec.least <= len(options.args) or (0 <= spec.most < len(options.args)):
        raise UsageError(f"{program}: {verb!r} takes {spec.usage}")
    return int(module.run(given, options))


def _fail(given: Globals, message: str, hint: str = "") -> None:
    """One line to standard error, and one to the log where there is one."""
    text = f"{message} ({hint})" if hint else message
    line = _line(given.log_format if given.log else "text", text)
    if given.log:
        try:
            with open(given.log, "a", encoding="utf-8", errors="replace") as file:
                file.write(line)
        except OSError as error:
            print(f"{PROGRAM}: {given.log}: {error.strerror}", file=sys.stderr)
    print(harmless(text), file=sys.stderr)


def _line(form: str, message: str) -> str:
    """As logrus writes it, which podman and containerd parse."""
    import json
    import time

    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    if form == "json":
        return json.dumps({"level": "error", "msg": message, "time": now}) + "\n"
    return f'time="{now}" level=error msg={json.dumps(message)}\n'


def _version() -> int:
    from engine.model.version import VERSION
    from engine.runtime.defaults import OCI_VERSION

    print(f"{PROGRAM} version {VERSION}\nspec: {OCI_VERSION}")
    return 0


def _help(program: str) -> str:
    rows = "".join(f"  {name:<11} {summary}\n" for name, summary in VERBS.items())
    return (
        f"Usage:  {program} [OPTIONS] COMMAND\n\nRun OCI bundles, with the command line of runc.\n\nCommands:\n{rows}\n"
        f"Options:\n{usage_of_flags((*FLAGS, HELP))}"
    )
