"""A further process in a container: OCI's ``exec``."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import Conflict, InvalidArgument
from engine.linux.syscalls import reason
from engine.model.value import Value
from engine.oci import bundle, console, foreground
from engine.oci.lifecycle import check_preserved
from engine.oci.state import Container
from engine.runtime import process
from engine.store import atomic


class ExecOptions(Value):
    """Flags of ``exec``.

    Attributes:
        detach: come back when the program runs.
        pid_file: where the pid is written, ``""`` for nowhere.
        console_socket: socket that gets the terminal's master.
        preserve: how many descriptors from 3 on the program keeps.
        ignore_paused: go into a paused container, where the process does not run before it is resumed.
    """

    detach: bool = False
    pid_file: str = ""
    console_socket: str = ""
    preserve: int = 0
    ignore_paused: bool = False


class ProcessWishes(Value):
    """What is to be different from the container's own process. Empty texts and sequences change nothing."""

    args: Sequence[str] = ()
    cwd: str = ""
    env: Sequence[str] = ()
    user: str = ""
    groups: Sequence[int] = ()
    capabilities: Sequence[str] = ()
    terminal: bool = False
    no_new_privileges: bool = False


def read_process(path: str) -> dict[str, Any]:
    """The ``process`` object in a file, as ``--process`` names it. Raises InvalidArgument."""
    try:
        with open(path, "rb") as file:
            given = json.loads(file.read())
    except OSError as error:
        raise InvalidArgument(f"open {path}: {reason(error)}") from None
    except ValueError as error:
        raise InvalidArgument(f"reading {path}: {error}") from None
    return complete(given, path)


def derived(own: Mapping[str, Any], wishes: ProcessWishes) -> dict[str, Any]:
    """The container's process with what is wished. Raises InvalidArgument."""
    given = {**own, "terminal": wishes.terminal, "args": list(wishes.args), "env": [*(own.get("env") or ()), *wishes.env]}
    if wishes.cwd:
        given["cwd"] = wishes.cwd
    if wishes.user:
        uid, colon, gid = wishes.user.partition(":")
        given["user"] = {"uid": _id(uid), "gid": _id(gid) if colon else 0}
    if wishes.groups:
        given["user"] = {**given["user"], "additionalGids": list(wishes.groups)}
    if wishes.no_new_privileges:
        given["noNewPrivileges"] = True
    if wishes.capabilities:
        sets = own.get("capabilities") or {}
        given["capabilities"] = {
            name: [*(sets.get(name) or ()), *wishes.capabilities] for name in ("bounding", "effective", "permitted")
        } | {name: sets.get(name) or [] for name in ("inheritable", "ambient")}
    return complete(given, "exec")


def complete(given: Mapping[str, Any], what: str) -> dict[str, Any]:
    """A process object as the runtime takes it. Raises InvalidArgument."""
    try:
        return bundle.complete_process(given)
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidArgument(f"{what} breaks the runtime specification: {type(error).__name__}: {error}") from None


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise InvalidArgument(f"invalid user id {text!r}: a number is needed, as a bundle has no names")
    return int(text)


def execute(container: Container, wanted: Mapping[str, Any], options: ExecOptions) -> int:
    """Run a further process: 0 when ``detach``, else its exit code.

    Raises:
        Conflict: the container does not run.
        InvalidArgument: the flags do not fit the process.
        StartFailed: what went wrong.
    """
    state = container.state
    status = container.status(state)
    if status in ("stopped", "creating"):
        raise Conflict(f"cannot exec in a {status} container")
    if status == "paused" and not options.ignore_paused:
        raise Conflict("cannot exec in a paused container (use --ignore-paused to override)")
    terminal = bool(wanted.get("terminal"))
    if options.console_socket and not terminal:
        raise InvalidArgument("--console-socket is for a process with a terminal")
    if terminal and options.detach and not options.console_socket:
        raise InvalidArgument("cannot allocate a terminal for a detached process without --console-socket")
    with foreground.held() if not options.detach else contextlib.nullcontext():
        return _run(container, state.pid, wanted, options)


def _run(container: Container, leader: int, wanted: Mapping[str, Any], options: ExecOptions) -> int:
    terminal = bool(wanted.get("terminal"))
    line = console.connect(options.console_socket) if options.console_socket else None
    created = process.exec_in(
        container.spec,
        leader,
        wanted,
        stdin=0,
        stdout=1,
        stderr=2,
        console=terminal,
        lasting=options.detach,
        preserve=check_preserved(options.preserve),
    )
    try:
        if line is not None:
            console.send(line, created.console_fd)
        if options.pid_file:
            atomic.write_file(options.pid_file, str(created.pid).encode(), 0o644, durable=False)
    except BaseException:
        created.discard()
        raise
    if options.detach:
        created.start()
        created.close()
        return 0
    return foreground.wait(created.start, created.pid, created.pidfd, -1 if line is not None else created.console_fd)
