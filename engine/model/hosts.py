"""Hosts: engines that a person can choose between, and what became of asking one."""

from __future__ import annotations

from enum import StrEnum

from engine.errors import InvalidArgument
from engine.model.value import Value

EMBEDDED = "embedded"
ALL = "all"
DOCKER = "docker"
RESERVED = (EMBEDDED, ALL, DOCKER, "default")
"""Names with a meaning of their own: our own engine, all hosts at once, and what docker's command line would talk to."""

_MARKS = "-_.+"


class Origin(StrEnum):
    """How a host came to be known."""

    BUILT_IN = "built in"
    ADDED = "added"
    CONTEXT = "context"
    FOUND = "found"


class Host(Value):
    """An engine's name and where it is.

    Attributes:
        url: ``embedded:``, ``unix://…``, ``tcp://…`` or ``ssh://…``.
        current: it is the one that is talked to when none is named.
        ca, certificate, key: files for TLS; only their paths are ever kept.
        verify: the engine's certificate has to be signed by an authority that is known.
        problem: why it can not even be asked, such as a context without an address.
    """

    name: str
    url: str
    origin: Origin = Origin.ADDED
    current: bool = False
    ca: str = ""
    certificate: str = ""
    key: str = ""
    verify: bool = True
    problem: str = ""


class HostState(Value):
    """What a host answered.

    Attributes:
        latency: seconds until the answer to a ping on a connection that stood already; -1.0 without an answer.
        problem, hint: why it does not answer, and what to do.
    """

    host: Host
    engine: str = ""
    version: str = ""
    api_version: str = ""
    platform: str = ""
    latency: float = -1.0
    problem: str = ""
    hint: str = ""

    @property
    def up(self) -> bool:
        """It answered."""
        return not self.problem


def check_name(name: str) -> str:
    """A name for a new host: as docker's context names are, so that ``NAME@HOST`` can be taken apart.

    Raises:
        InvalidArgument: it is no such name, or has a meaning already.
    """
    if not (name[:1].isalnum() and name.isascii() and all(char.isalnum() or char in _MARKS for char in name)):
        raise InvalidArgument(
            f'host name "{name}" is invalid', hint="names begin with a letter or digit, and go on with letters, digits, and any of -_.+"
        )
    if name in RESERVED:
        raise InvalidArgument(f'"{name}" is a reserved host name', hint="choose another name")
    return name
