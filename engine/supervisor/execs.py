"""An exec session: a further process in a running container, with the client that asked for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from engine.model.containers import ExecConfig
from engine.spawner import wire
from engine.store import codec
from engine.supervisor.child import Child
from engine.supervisor.loop import READ, Loop
from engine.supervisor.office import Office
from engine.supervisor.peers import Peer
from engine.supervisor.streams import Audience


class ExecSession:
    """It goes on when its client leaves. ``on_end(session, exit_code)`` is called when it is over."""

    def __init__(self, loop: Loop, peer: Peer, config: ExecConfig, *, on_end: Callable[[ExecSession, int], None]) -> None:
        self.id = os.urandom(32).hex()
        self._loop = loop
        self._peer = peer
        self._config = config
        self._on_end = on_end
        self._child: Child | None = None
        self._audience = Audience()

    @property
    def pid(self) -> int:
        """Its process, 0 before and after."""
        return self._child.pid if self._child else 0

    def start(self, office: Office, pid: int) -> None:
        """Execute it in the container whose main process is ``pid``, and send what it writes to the client.

        Raises:
            ExecutableNotFound, NotExecutable, StartFailed: in docker's words.
        """
        answer, descriptors = office.send("exec", pid=pid, exec=self.id, config=codec.encode(self._config))
        if not self._config.detach:
            self._audience.add(self._peer)
        self._child = Child(self._loop, answer, descriptors, audience=self._audience, sink=_no_sink)
        self._loop.watch(self._child.pidfd, READ, lambda _mask: self._ended())

    def frame(self, peer: Peer, kind: int, payload: bytes) -> None:
        """Input, end of input or a new size from the client."""
        if self._child is None:
            return
        if kind == wire.RESIZE:
            size = wire.fields_of(payload)
            self._child.resize(int(size.get("width", 0)), int(size.get("height", 0)))
        elif self._child.input is not None:
            if kind == wire.STDIN and self._config.stdin:
                self._child.input.write(payload, peer)
            elif kind == wire.STDIN_END and not self._config.tty:
                self._child.input.end()

    def left(self) -> None:
        """The client has gone: a pipe's reader gets its end of file."""
        if self._child is not None and self._child.input is not None and not self._config.tty:
            self._child.input.end()

    def kill(self) -> None:
        """End it: the container has ended, and either the kernel has killed it already, or it shares the host's PID namespace."""
        if self._child is not None:
            self._child.signal(signal.SIGKILL)
            self._ended()

    def _ended(self) -> None:
        if self._child is not None:
            child, self._child = self._child, None
            code = child.reap()
            if self._config.detach:
                self._audience.add(self._peer)  # it heard nothing, and is told the end all the same
            self._audience.dismiss(code)
            self._on_end(self, code)


def _no_sink(_kind: int, _chunk: bytes) -> None:
    """An exec session's output is not logged."""
