"""The engine's interface: role protocols that front ends know and backends implement.

Everything is ``async``, so that a TUI can wait without blocking. The embedded backend's coroutines do their work
in whatever the caller chose to offload with (see :mod:`engine.backends.embedded.offload`); inside a command
line verb they never suspend, so that no event loop has to be imported (asyncio costs 100 ms of start-up).

Streams are async generators: closing one (``aclose``) cancels the operation. Every method raises only
:class:`engine.errors.LongshoreError`. Wherever a container, image, network or volume is named, a name, an id, or a
unique prefix of an id will do; :class:`~engine.errors.NotFound` otherwise.
"""

from engine.interface.containers import (
    ContainerExec,
    ContainerFiles,
    ContainerLifecycle,
    ContainerQueries,
    Containers,
    ContainerStreams,
)
from engine.interface.engine import Engine
from engine.interface.hosts import Fleet, Hosts, members_of
from engine.interface.images import Images
from engine.interface.networks import Networks
from engine.interface.sessions import Session
from engine.interface.swarm import Swarm, SwarmFiles, SwarmNodes, SwarmServices, SwarmTasks
from engine.interface.system import System
from engine.interface.volumes import Volumes

__all__ = [
    "ContainerExec",
    "ContainerFiles",
    "ContainerLifecycle",
    "ContainerQueries",
    "ContainerStreams",
    "Containers",
    "Engine",
    "Fleet",
    "Hosts",
    "Images",
    "Networks",
    "Session",
    "Swarm",
    "SwarmFiles",
    "SwarmNodes",
    "SwarmServices",
    "SwarmTasks",
    "System",
    "Volumes",
    "members_of",
]
