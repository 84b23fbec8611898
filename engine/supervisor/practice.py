"""Practice for the spawner: lead the supervisor's everyday life a few times before anybody is forked.

CPython 3.11 and later rewrite bytecode while it is young (PEP 659), and caches fill at first use. What is rewritten after a fork
is memory of its own for every supervisor; what was rewritten before is shared by all. So a supervisor is lived here from the
client that takes a spare to the end of the container, with a clerk that does nothing and a process that only waits. The
practice touches a directory that is made for it and removed, and nothing else.
"""

from __future__ import annotations

import _socket as bare
import gc
import os
import socket
from collections.abc import Sequence
from typing import Any, Final

from engine.errors import LongshoreError
from engine.model.containers import ContainerState, ContainerStatus
from engine.spawner import wire
from engine.spawner.spare import Spare
from engine.store import codec
from engine.store.roots import Roots
from engine.supervisor import places
from engine.supervisor.clerk import Clerk, Desk, Intake, reply, send
from engine.supervisor.errands import watch_firewall
from engine.supervisor.stdio import Stdio
from engine.supervisor.supervise import supervise
from engine.supervisor.trees import remove_tree

_ROUNDS: Final = 12
"""CPython 3.11 counts eight calls of a function before it rewrites it; the count is itself a write."""
_ID: Final = "0" * 64
_TOKEN: Final = "practice"
_OPEN: Final = {
    "tty": False,
    "open_stdin": True,
    "stdin_once": False,
    "stop_signal": "",
    "stop_timeout": None,
    "auto_remove": False,
    "policy": "no",
    "max_retries": 0,
    "log": [0, 1],
    "manually_stopped": False,
    "check": "",
    "state": codec.encode(ContainerState(status=ContainerStatus.CREATED)),
}


class _Understudy(Clerk):
    """Answers as a clerk would, over a socket as a clerk does. All it does is to fork the process that plays the container's."""

    def __init__(self, roots: Roots, spare: Spare) -> None:
        super().__init__(_nobody)
        self._roots = roots
        self._spare = spare
        self._line: bare.socket | None = None
        self._clients: list[bare.socket] = []
        self._stdio: Stdio | None = None
        self._hold = -1

    def ready(self, intake: Intake | None = None) -> None:
        if self._socket is None:
            self._socket, self._line = bare.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def rest(self) -> None:
        for end in (self._line, self._socket):
            if end is not None:
                end.close()
        self._line = self._socket = None

    def hear(self) -> tuple[dict[str, Any], list[int]] | None:
        self.ready()
        assert self._line is not None
        taken = self._spare.take()
        assert taken is not None
        connection, request = taken
        lock = places.try_lock(self._roots, _ID)
        assert lock is not None
        with connection, wire.listen(places.socket_path(self._roots, _ID)) as listener:
            send(self._line, {"request": request, "facts": dict(_OPEN), "ahead": "start"}, (lock.fileno(), listener.fileno()))
        lock.release()
        reply(self._line, lambda _fields: self._answer("start"), {})
        return super().hear()

    def call(self, op: str, **fields: Any) -> tuple[dict[str, Any], list[int]]:
        self.ready()
        assert self._line is not None
        if not self.ahead:
            reply(self._line, lambda _fields: self._answer(op), {})
        return super().call(op, **fields)

    def _answer(self, op: str) -> tuple[dict[str, Any], Sequence[int]]:
        if op == "tell":  # somebody has attached: the last thing that happens while it runs
            os.close(self._hold)
        if op != "start":
            return {"oom": False, "written": True}, ()
        for request in ("wait", "attach"):
            client = wire.connect(places.socket_path(self._roots, _ID))
            assert client is not None
            client.sendall(wire.message(wire.REQUEST, {"op": request, "id": _ID}))
            self._clients.append(client)
        return self._start()

    def _start(self) -> tuple[dict[str, Any], Sequence[int]]:
        self._stdio = Stdio(terminal=False, stdin=True)
        wait, self._hold = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if not pid:
            os.close(self._hold)
            os.read(wait, 1)
            os._exit(0)
        os.close(wait)
        os.write(self._stdio.stdout, b"practice\n")
        names = ["pidfd", "stdin", "stdout", "stderr"]
        descriptors = [os.pidfd_open(pid), *(self._stdio.take(name) for name in names[1:])]
        firewall = watch_firewall()
        if firewall >= 0:
            names.append("firewall")
            descriptors.append(firewall)
        state = ContainerState(status=ContainerStatus.RUNNING, pid=pid, started_at=1.0)
        return {
            "pid": pid,
            "between": 0,
            "names": names,
            "pid_start": 1,
            "oom_mask": 0,
            "sockets": 0,
            "bridged": firewall >= 0,
            "state": codec.encode(state),
        }, descriptors

    def leave(self) -> None:
        """Close what is left of a round."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        if self._stdio is not None:
            self._stdio.close()


def _nobody() -> Desk:
    raise ProcessLookupError


def practise(run: str) -> None:
    """Start a container that is not there and see its end, several times over. SIGCHLD must not be ignored."""
    directory = os.path.join(run, "practice")
    remove_tree(directory)
    try:
        roots = Roots(state=directory, run=directory).ensure()
        for _ in range(_ROUNDS):
            _round(roots)
            gc.collect()  # what one round leaves is where the next one works
        _send_for_real()
    except (LongshoreError, OSError) as error:
        os.write(2, f"practice: {error}\n".encode(errors="replace"))  # then the spares are as slow as the first
    finally:
        remove_tree(directory)


class _Idler:
    """A desk at which nothing is done."""

    def run(self, _fields: dict[str, Any]) -> tuple[dict[str, Any], Sequence[int]]:
        return {}, ()

    def end(self) -> None:
        pass


def _send_for_real() -> None:
    """Have a true clerk, in a process of its own, say something and run an errand.

    The interpreter caches methods by type, and the understudy is of another: each of a clerk's methods that is looked up for the
    first time after a fork writes to a page of the cache.
    """

    def take_in(line: bare.socket) -> Desk:
        send(line, {"request": {}, "facts": {}, "ahead": "start"}, ())
        reply(line, _Idler().run, {})
        return _Idler()

    clerk = Clerk(_nobody)
    clerk.ready(take_in)
    try:
        clerk.hear()
        if clerk.ahead:
            clerk.call("start")
        clerk.call("write")
    finally:
        clerk.rest()


def _round(roots: Roots) -> None:
    listener = wire.listen(os.path.join(roots.run, "spawner.sock"))
    listener.setblocking(False)
    leash, hold = os.pipe2(os.O_CLOEXEC)
    news, report = os.pipe2(os.O_CLOEXEC)
    client = wire.connect(os.path.join(roots.run, "spawner.sock"))
    assert client is not None
    client.sendall(wire.message(wire.REQUEST, {"op": "start", "id": _ID, "token": _TOKEN}))
    spare = Spare(listener, leash=leash, report=report, token=_TOKEN)
    clerk = _Understudy(roots, spare)
    supervise(roots, clerk)
    spare.settle()
    spare.let_go()
    clerk.leave()
    client.close()
    os.close(hold)
    os.close(news)
