"""A process of its own that drives the runtime for the tests: namespaces want a single thread, which pytest does not promise.

Reads one JSON request a line and answers one JSON object a line. ``run`` brings a container up, feeds it and gives back its output and
exit status; ``up`` leaves it running for ``exec`` and ``down``.
"""

from __future__ import annotations

import base64
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from engine.errors import LongshoreError
from engine.linux.cgroups import cgroup_of
from engine.runtime import process
from tests.support.wait import until

_TIMEOUT = 60.0


class _Pipes:
    def __init__(self, data: bytes) -> None:
        self.stdin, feed = os.pipe()
        os.write(feed, data)
        os.close(feed)
        self.out, self.stdout = os.pipe()
        self.err, self.stderr = os.pipe()

    def close_theirs(self) -> None:
        for fd in (self.stdin, self.stdout, self.stderr):
            os.close(fd)


def _drain(fds: list[int]) -> list[bytes]:
    """Everything that comes out of ``fds`` until all have ended (a pty ends with EIO)."""
    chunks = dict.fromkeys(fds, b"")
    waiting = set(fds)
    deadline = time.monotonic() + _TIMEOUT
    while waiting and time.monotonic() < deadline:
        for fd in select.select(list(waiting), [], [], 1.0)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                data = b""
            chunks[fd] += data
            if not data:
                waiting.discard(fd)
    for fd in fds:
        os.close(fd)
    return [chunks[fd] for fd in fds]


def _status(pid: int) -> int:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return 128 - code if code < 0 else code


def _collect(created: process.Created, pipes: _Pipes | None) -> dict[str, Any]:
    started = False
    try:
        created.start()
        started = True
    finally:
        if pipes is not None:
            pipes.close_theirs()
            if not started:
                os.close(pipes.out)
                os.close(pipes.err)
    if pipes is None:
        out, err = _drain([created.console_fd])[0], b""
    else:
        out, err = _drain([pipes.out, pipes.err])
    status = _status(created.pid)
    created.close()
    return {
        "status": status,
        "stdout": base64.b64encode(out).decode(),
        "stderr": base64.b64encode(err).decode(),
        "warnings": list(created.warnings),
    }


class Runner:
    def __init__(self) -> None:
        self._running: dict[int, tuple[process.Created, dict[str, Any]]] = {}

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        spec, console = request["spec"], request.get("console", False)
        pipes = None if console else _Pipes(base64.b64decode(request.get("stdin", "")))
        stdio = (-1, -1, -1) if pipes is None else (pipes.stdin, pipes.stdout, pipes.stderr)
        wired: list[int] = []
        try:
            created = process.create(
                spec,
                bundle=request["bundle"],
                stdin=stdio[0],
                stdout=stdio[1],
                stderr=stdio[2],
                console=console,
                wire=lambda pid, _ready: wired.append(pid()),
            )
        except BaseException:
            if pipes is not None:
                pipes.close_theirs()
                os.close(pipes.out)
                os.close(pipes.err)
            raise
        assert wired == [created.pid]
        answer = _collect(created, pipes)
        group = cgroup_of(spec)
        if group is not None:
            answer["oom_kills"] = group.oom_kills()
            answer["removed"] = group.remove()
        return answer

    def up(self, request: dict[str, Any]) -> dict[str, Any]:
        created = process.create(
            request["spec"], bundle=request["bundle"], stdin=-1, stdout=-1, stderr=-1, console=False, wire=lambda _pid, _ready: None
        )
        created.start()
        self._running[created.pid] = (created, request["spec"])
        return {"pid": created.pid}

    def late(self, request: dict[str, Any]) -> dict[str, Any]:
        """As ``up``, wired only when the process has ended already."""

        def wire(pid: Callable[[], int], named: Callable[[], None]) -> None:
            named()
            path = f"/proc/{pid()}/ns/net"
            until(lambda: not os.path.exists(path), what="it ends")
            os.close(os.open(path, os.O_RDONLY))

        process.create(request["spec"], bundle=request["bundle"], stdin=-1, stdout=-1, stderr=-1, console=False, wire=wire)
        return {}

    def exec(self, request: dict[str, Any]) -> dict[str, Any]:
        console = request.get("console", False)
        pipes = None if console else _Pipes(b"")
        stdio = (-1, -1, -1) if pipes is None else (pipes.stdin, pipes.stdout, pipes.stderr)
        try:
            created = process.exec_in(
                self._running[request["pid"]][1],
                request["pid"],
                request["process"],
                stdin=stdio[0],
                stdout=stdio[1],
                stderr=stdio[2],
                console=console,
            )
        except BaseException:
            if pipes is not None:
                pipes.close_theirs()
                os.close(pipes.out)
                os.close(pipes.err)
            raise
        return _collect(created, pipes)

    def down(self, request: dict[str, Any]) -> dict[str, Any]:
        created, spec = self._running.pop(request["pid"])
        signal.pidfd_send_signal(created.pidfd, signal.SIGKILL)
        status = _status(created.pid)
        created.close()
        group = cgroup_of(spec)
        return {"status": status, "removed": group.remove() if group is not None else True}

    def close(self) -> None:
        for pid in list(self._running):
            self.down({"pid": pid})


def main() -> None:
    process.warm()
    runner = Runner()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(runner, request["verb"])(request)
        except LongshoreError as error:
            answer = {"error": type(error).__name__, "message": error.message, "hint": error.hint}
        except Exception as error:
            answer = {"error": type(error).__name__, "message": str(error)}
        print(json.dumps(answer), flush=True)
    runner.close()


if __name__ == "__main__":
    main()
