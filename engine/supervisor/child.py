"""A process of the container as its supervisor has it: a pidfd, and streams on the loop. The main process, or an exec's."""

from __future__ import annotations

import os
import signal
from typing import Any

from engine.spawner import wire
from engine.supervisor.loop import Loop
from engine.supervisor.stdio import set_size
from engine.supervisor.streams import Audience, Input, Output, Sink


class Child:
    """A process that a clerk has made for us.

    ``answer`` and ``descriptors`` are what :mod:`engine.supervisor.errands` gives for ``start`` and ``exec``.
    """

    def __init__(self, loop: Loop, answer: dict[str, Any], descriptors: list[int], *, audience: Audience, sink: Sink) -> None:
        self._loop = loop
        self.pid = int(answer["pid"])
        names = dict(zip(answer["names"], descriptors, strict=False))
        self.pidfd = names["pidfd"]
        self.sockets: list[int] = []
        """Those of its name server."""
        self._ports: list[int] = []
        self.hold(descriptors[len(names) :], sockets=int(answer.get("sockets", 0)))
        self._console = names.get("console", -1)
        self.oom = names.get("oom", -1)
        """What says that memory ran out, -1 where nothing does; it is the holder's to watch, and closed with the process."""
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
        for descriptor in (self._console, self.oom):
            if descriptor >= 0:
                self._loop.forget(descriptor)
                os.close(descriptor)
        self._console = self.oom = -1

    def hold(self, descriptors: list[int], *, sockets: int) -> None:
        """Keep descriptors open for it: first ``sockets`` of its name server, then those that hold its ports."""
        self.sockets += descriptors[:sockets]
        self._ports += descriptors[sockets:]

    def release_ports(self) -> None:
        """They are not published any more."""
        _close_all(self._ports)

    def release(self) -> None:
        """Let go what was held for it."""
        _close_all(self.sockets)
        _close_all(self._ports)


def _close_all(descriptors: list[int]) -> None:
    while descriptors:
        os.close(descriptors.pop())
