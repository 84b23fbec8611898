"""A process of the container as its supervisor has it: a pidfd, and streams on the loop. The main process, or an exec's."""

from __future__ import annotations

import os
import signal
import socket
from typing import Any

from engine.linux import processes
from engine.spawner import wire
from engine.supervisor.loop import Loop
from engine.supervisor.stdio import set_size
from engine.supervisor.streams import Audience, Input, Output, Sink


class Child:
    """A process that a clerk has made for us.

    ``answer`` and ``descriptors`` are what :mod:`engine.supervisor.errands` gives for ``start`` and ``exec``.
    """

    __slots__ = ("_console", "_loop", "_outputs", "firewall", "input", "oom", "pid", "pidfd", "ports", "sockets")

    def __init__(self, loop: Loop, answer: dict[str, Any], descriptors: list[int], *, audience: Audience, sink: Sink) -> None:
        self._loop = loop
        self.pid = int(answer["pid"])
        if answer["between"]:
            _reap_between(answer["between"])
        names = dict(zip(answer["names"], descriptors, strict=False))
        self.pidfd = names["pidfd"]
        self.sockets: list[int] = []
        """Those of its name server."""
        self.ports: list[int] = []
        """Those that hold its published ports."""
        self.hold(descriptors[len(names) :], sockets=int(answer.get("sockets", 0)))
        self._console = names.get("console", -1)
        self.oom = names.get("oom", -1)
        """What says that memory ran out, -1 where nothing does; it is the holder's to watch, and closed with the process."""
        self.firewall = names.get("firewall", -1)
        """What tells of changes of the firewall, -1 where nothing does; whoever takes it sets it to -1, and closes it."""
        self._outputs: list[Output] = []
        self.input: Input | None = None
        if self._console >= 0:
            self.input = Input(loop, os.dup(self._console))
            self._outputs.append(Output(loop, os.dup(self._console), wire.STDOUT, audience=audience, sink=sink))
        else:
            self._outputs.append(Output(loop, names["stdout"], wire.STDOUT, audience=audience, sink=sink))
            self._outputs.append(Output(loop, names["stderr"], wire.STDERR, audience=audience, sink=sink))
            if "stdin" in names:
                self.input = Input(loop, names["stdin"])

    def ending(self) -> bool:
        """Whether it has ended or is about to: what it shares with others (namespaces, its children in a PID namespace) may have gone."""
        return processes.exiting(self.pid)

    def resize(self, width: int, height: int) -> None:
        """Set the terminal's size in cells, if there is a terminal."""
        if self._console >= 0:
            set_size(self._console, width, height)

    def signal(self, number: int) -> None:
        """Send it a signal; one that has ended is fine."""
        try:
            signal.pidfd_send_signal(self.pidfd, number)
        except ProcessLookupError:
            pass

    def reap(self) -> int:
        """Wait for it, read what is left of its output, and close all that is not held for it: its exit code, 128 + n after signal n."""
        result = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED)
        assert result is not None
        self.abandon()
        return result.si_status if result.si_code == os.CLD_EXITED else 128 + result.si_status

    def abandon(self) -> None:
        """Read what there is, and close everything but what is held for it."""
        self._loop.forget(self.pidfd)
        os.close(self.pidfd)
        for output in self._outputs:
            output.finish()
        if self.input is not None:
            self.input.close()
        for descriptor in (self._console, self.oom, self.firewall):
            if descriptor >= 0:
                self._loop.forget(descriptor)
                os.close(descriptor)
        self._console = self.oom = self.firewall = -1

    def hold(self, descriptors: list[int], *, sockets: int) -> None:
        """Keep descriptors open for it: first ``sockets`` of its name server, then those that hold its ports."""
        self.sockets += descriptors[:sockets]
        self.ports += descriptors[sockets:]

    def carriers(self) -> list[int]:
        """Those of the sockets that hold its ports on which clients arrive in root's engine: IPv6 ones that listen, or get datagrams."""
        return [descriptor for descriptor in self.ports if _carries(descriptor)]

    def release_ports(self) -> None:
        """They are not published any more."""
        _close_all(self.ports)

    def release(self) -> None:
        """Let go what was held for it."""
        _close_all(self.sockets)
        _close_all(self.ports)


def _reap_between(pid: int) -> None:
    """The process that went ahead into the container's PID namespace; it ended as soon as ours was made."""
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass  # collected with the strangers of a failed start


def _carries(descriptor: int) -> bool:
    one = socket.socket(fileno=descriptor)
    try:
        listens = one.type == socket.SOCK_DGRAM or bool(one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        return one.family == socket.AF_INET6 and listens
    finally:
        one.detach()


def _close_all(descriptors: list[int]) -> None:
    while descriptors:
        os.close(descriptors.pop())
