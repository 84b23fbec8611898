"""Swarms: several machines that run services together.

Only a manager of a swarm answers; another engine raises :class:`~engine.errors.Unavailable` with docker's sentence, which says
what to do.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from engine.model.filters import Filters
from engine.model.passing import PassedAnswer, PassedRequest
from engine.model.services import CreatedService, Service, ServiceChange, ServiceSpec
from engine.model.streams import LogQuery, TaskLine
from engine.model.swarm import (
    Cluster,
    ClusterChange,
    InitConfig,
    JoinConfig,
    Node,
    NodeChange,
    SwarmFile,
    SwarmFileSpec,
    Task,
)
from engine.model.value import EMPTY


class SwarmNodes(Protocol):
    """The machines."""

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[Node]:
        """All of them."""

    async def inspect(self, node: str) -> Node:
        """One, by its id, a prefix of it, its name, or its host name if that is unique; ``self`` is the one that answers."""

    async def update(self, node: str, change: NodeChange) -> None:
        """Change role, availability or labels.

        Raises:
            InvalidArgument: the last manager would go, or a label to remove is not there.
        """

    async def remove(self, node: str, *, force: bool = False) -> None:
        """Take a machine that has left out of the list; ``force`` does so while it is still there.

        Raises:
            InvalidArgument: it is not down, or a manager.
        """


class SwarmServices(Protocol):
    """The services."""

    async def list(self, *, filters: Filters = EMPTY, status: bool = True) -> Sequence[Service]:
        """All of them; counts of their tasks with ``status``."""

    async def inspect(self, service: str, *, defaults: bool = False) -> Service:
        """One, by its id, a prefix of it, or its name. Tasks are not counted; with ``defaults`` its document has those too."""

    async def create(self, spec: ServiceSpec) -> CreatedService:
        """Make one.

        Raises:
            Conflict: the name is in use.
            InvalidArgument: the specification contradicts itself.
            NotFound: no such network, secret or config.
        """

    async def update(self, service: str, change: ServiceChange) -> Sequence[str]:
        """Change one; the manager's remarks come back. Tasks follow by and by."""

    async def rollback(self, service: str) -> Sequence[str]:
        """Back to the specification before the last update. Raises InvalidArgument or EngineFault when there is none."""

    async def remove(self, service: str) -> None:
        """Remove one with its tasks."""

    def logs(self, target: str, query: LogQuery) -> AsyncGenerator[Sequence[TaskLine], None]:
        """Batches of log lines of all tasks of a service, or of one task by its id.

        With ``tail``, ``since`` or ``until`` in the order of time, otherwise and when followed as the nodes send them. ``tail``
        counts for each task, as docker counts; with ``until`` over all of them.
        """


class SwarmTasks(Protocol):
    """The tasks."""

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[Task]:
        """All of them, those of the past that are still remembered too."""

    async def inspect(self, task: str) -> Task:
        """One, by its id or a prefix of it."""


class SwarmFiles(Protocol):
    """Configs, or secrets."""

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[SwarmFile]:
        """All of them."""

    async def inspect(self, name: str) -> SwarmFile:
        """One, by its id, a prefix of it, or its name."""

    async def create(self, spec: SwarmFileSpec) -> str:
        """Make one; its id comes back. Raises Conflict when the name is in use."""

    async def remove(self, name: str) -> None:
        """Remove one. Raises InvalidArgument when a service uses it."""


class Swarm(Protocol):
    """The cluster, and what is in it."""

    @property
    def nodes(self) -> SwarmNodes: ...
    @property
    def services(self) -> SwarmServices: ...
    @property
    def tasks(self) -> SwarmTasks: ...
    @property
    def configs(self) -> SwarmFiles: ...
    @property
    def secrets(self) -> SwarmFiles: ...

    async def inspect(self) -> Cluster:
        """The cluster, with its join tokens."""

    async def init(self, config: InitConfig) -> str:
        """Make a swarm with this engine as its manager; the node's id comes back.

        Raises:
            Unavailable: it is in a swarm already.
            InvalidArgument: no address can be chosen, or one is malformed.
        """

    async def join(self, config: JoinConfig) -> None:
        """Join a swarm. Raises Unavailable or EngineFault when nobody answers or the token is wrong."""

    async def leave(self, *, force: bool = False) -> None:
        """Leave the swarm. Raises Unavailable when the last manager would go, unless ``force``."""

    async def update(self, change: ClusterChange) -> None:
        """Change settings of the cluster, or make new tokens."""

    async def unlock_key(self) -> str:
        """The key that a locked manager needs after a restart, ``""`` for none."""

    async def unlock(self, key: str) -> None:
        """Unlock a manager."""

    async def pass_on(self, request: PassedRequest) -> PassedAnswer:
        """Pass a client's request on unread: what stands between a client and a manager needs to understand nothing of it.

        Raises:
            LongshoreError: what the engine answered in place of a success, with its own words.
        """
