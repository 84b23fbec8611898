"""Further processes in a running container, each with the client that asked for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from engine.errors import StartFailed
from engine.linux import capabilities
from engine.model.containers import ExecConfig
from engine.runtime import process
from engine.runtime.host import HostFacts
from engine.runtime.spec import exec_process
from engine.spawner import wire
from engine.supervisor.loop import READ, Loop
from engine.supervisor.mainprocess import MainProcess, Stdio, Streams, reap, set_size
from engine.supervisor.peers import Peer
from engine.supervisor.streams import Audience

Tell = Callable[[str, dict[str, str]], None]


class ExecProcess:
    """One exec session. It goes on when its client leaves; its end is told to the client and as an event.

    ``tell(action, attributes)`` writes an event, ``on_end(session)`` is called once it is over.
    """

    def __init__(self, loop: Loop, peer: Peer, config: ExecConfig, *, tell: Tell, on_end: Callable[[ExecProcess], None]) -> None:
        self.id = os.urandom(32).hex()
        self._loop = loop
        self._peer = peer
        self._config = config
        self._tell = tell
        self._on_end = on_end
        self._created: process.Created | None = None
        self._streams: Streams | None = None
        self._audience = Audience()

    def start(self, run: MainProcess) -> None:
        """Execute it, and send what it writes to the client.

        Raises:
            ExecutableNotFound, NotExecutable, StartFailed: in docker's words.
        """
        config = self._config
        command = " ".join(config.cmd)
        self._tell(f"exec_create: {command}", {"execID": self.id})
        stdio = Stdio(terminal=config.tty, stdin=config.stdin)
        try:
            created = process.exec_in(
                run.spec,
                run.pid,
                exec_process(run.spec, config, HostFacts(capabilities=capabilities.available())),
                stdin=stdio.stdin,
                stdout=stdio.stdout,
                stderr=stdio.stderr,
                console=config.tty,
            )
            stdio.started()
            if config.tty and config.width and config.height:
                set_size(created.console_fd, config.width, config.height)
            created.start()
            self._streams = Streams(self._loop, stdio, created.console_fd, audience=self._audience, sink=_no_sink)
        except OSError as error:
            raise StartFailed(f"exec failed: {error.strerror}: {error.filename or command}") from error
        finally:
            stdio.close()
        self._created = created
        if not config.detach:
            self._audience.add(self._peer)
        self._loop.watch(created.pidfd, READ, lambda _mask: self.ended())
        self._tell(f"exec_start: {command}", {"execID": self.id})

    def frame(self, peer: Peer, kind: int, payload: bytes) -> None:
        """Input, end of input or a new size from the client."""
        if self._streams is None:
            return
        if kind == wire.RESIZE:
            size = wire.fields_of(payload)
            self._streams.resize(int(size.get("width", 0)), int(size.get("height", 0)))
        elif self._streams.input is not None:
            if kind == wire.STDIN:
                self._streams.input.write(payload, peer)
            elif kind == wire.STDIN_END and not self._config.tty:
                self._streams.input.end()

    def left(self) -> None:
        """The client has gone: a pipe's reader gets its end of file."""
        if self._streams is not None and self._streams.input is not None and not self._config.tty:
            self._streams.input.end()

    def kill(self) -> None:
        """End it: the container has ended, and shared its PID namespace, or the kernel had killed it already."""
        if self._created is not None:
            try:
                signal.pidfd_send_signal(self._created.pidfd, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.ended()

    def ended(self) -> None:
        """Collect the exit and tell of it."""
        if self._created is None:
            return
        created, self._created = self._created, None
        self._loop.forget(created.pidfd)
        code = reap(created.pidfd)
        created.close()
        if self._streams is not None:
            self._streams.finish()
        self._audience.dismiss(code)
        self._on_end(self)
        self._tell("exec_die", {"execID": self.id, "exitCode": str(code)})


def _no_sink(_kind: int, _chunk: bytes) -> None:
    """An exec session's output is not logged."""
