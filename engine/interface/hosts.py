"""The hosts that are known, and the way to them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Protocol

from engine.interface.engine import Engine
from engine.model.hosts import Host, HostState


class Fleet(Engine, Protocol):
    """Several engines as one: every name and id ends in ``@HOST``."""

    @property
    def members(self) -> Mapping[str, Engine]:
        """Each host alone, with the same names. They are closed with the fleet."""


def members_of(engine: Engine) -> Mapping[str, Engine]:
    """The hosts of a fleet, none of a single engine."""
    members = getattr(engine, "members", None)
    return members if isinstance(members, Mapping) else {}


class Hosts(Protocol):
    """What :func:`engine.connect.hosts` gives."""

    def list(self) -> Sequence[Host]:
        """The embedded engine, then hosts that were added, docker's contexts, and sockets found on this machine.

        Raises:
            CorruptData: the file of added hosts can not be read.
        """

    def open(self, name: str) -> Engine:
        """The engine of a host. Nothing is asked of it yet; an event loop has a thread call this.

        Raises:
            NotFound: no such host.
            InvalidArgument: its address can not be read.
        """

    def open_all(self) -> Fleet:
        """The engines of all hosts as one; a host that can not be opened is left out. As :meth:`open`."""

    def states(self, names: Sequence[str] = (), *, timeout: float = 10.0) -> AsyncGenerator[HostState, None]:
        """Ask hosts, all at the same time, and tell each answer as it comes. ``timeout`` (seconds) is for each."""

    def add(self, host: Host) -> None:
        """Remember a host.

        Raises:
            InvalidArgument: name or address are malformed, or the address has a password in it.
            Conflict: the name is taken.
        """

    def remove(self, name: str) -> None:
        """Forget a host that was added.

        Raises:
            NotFound: no such host.
            Conflict: it was not added, but found.
        """

    def use(self, name: str) -> None:
        """Talk to this host from now on when none is named.

        Raises:
            NotFound: no such host.
        """
