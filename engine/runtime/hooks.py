"""Hooks of an OCI configuration (runtime-spec ``config.md``, "POSIX-platform Hooks").

A hook is a program that gets the container's state as JSON at its standard input. It is run with nothing but fork(2) and
execve(2): some run in a container's init, which can import nothing any more.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from engine.errors import StartFailed
from engine.linux import syscalls
from engine.linux.syscalls import reason

_SHOWN = 2048
_LONGEST = (1 << 31) - 1
"""Milliseconds that poll(2) can wait: 24 days."""


def run(kind: str, hooks: Sequence[Mapping[str, Any]], state: bytes) -> None:
    """Run hooks one after the other, each with ``state`` at its standard input.

    Raises:
        StartFailed: one could not be run, ended with another status than 0, or took longer than its ``timeout`` in seconds; those
            after it are not run. The message has what it said.
    """
    for number, hook in enumerate(hooks):
        try:
            _run(hook, state)
        except OSError as error:
            raise StartFailed(f"error running {kind} hook #{number}: {hook['path']}: {reason(error)}") from None
        except StartFailed as error:
            raise StartFailed(f"error running {kind} hook #{number}: {hook['path']}: {error}") from None


def _run(hook: Mapping[str, Any], state: bytes) -> None:
    stdin, output = os.memfd_create("state"), os.memfd_create("output")
    try:
        os.write(stdin, state)
        os.lseek(stdin, 0, os.SEEK_SET)
        pid = os.fork()
        if not pid:
            _become(hook, stdin, output)
        status = _wait(pid, hook.get("timeout"))
        if status:
            said = os.pread(output, _SHOWN, 0).decode("utf-8", "replace").strip()
            why = f"exit status {status}" if status > 0 else f"signal {-status}"
            raise StartFailed(f"{why}{': ' + said if said else ''}")
    finally:
        os.close(stdin)
        os.close(output)


def _become(hook: Mapping[str, Any], stdin: int, output: int) -> NoReturn:
    try:
        for number, fd in enumerate((stdin, output, output)):
            os.dup2(fd, number)
        syscalls.close_range(3)
        syscalls.default_signals()
        argv = [os.fsencode(each) for each in hook.get("args") or [hook["path"]]]
        env = hook.get("env")
        pairs = os.environb if env is None else dict(os.fsencode(each).split(b"=", 1) for each in env if "=" in each)
        os.execve(os.fsencode(hook["path"]), argv, pairs)  # noqa: S606  (running the hook is the purpose)
    except BaseException as error:
        os.write(2, f"{error}\n".encode("utf-8", "replace"))
    os._exit(127)


def _wait(pid: int, timeout: int | None) -> int:
    """The exit code, or minus the signal. Raises StartFailed after ``timeout`` seconds."""
    pidfd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        late = not poll.poll(None if timeout is None else min(timeout * 1000, _LONGEST))
        if late:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(pidfd)
    if late:
        raise StartFailed(f"did not end within {timeout} s")
    return os.waitstatus_to_exitcode(status)
