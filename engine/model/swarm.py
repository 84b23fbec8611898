"""A swarm as a manager sees it: the cluster, its nodes, tasks, configs and secrets. Services are in :mod:`engine.model.services`.

Names and states are those of the Docker Engine API (``/swarm``, ``/nodes``, ``/services``, ``/tasks``, ``/configs``, ``/secrets``).
Times are seconds since the epoch. ``raw`` is the engine's own document, which ``inspect`` prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from engine.model.units import whole
from engine.model.value import EMPTY, Value

_MANY = 10**18
FINAL = ("complete", "shutdown", "failed", "rejected", "remove", "orphaned")
"""States of a task that never runs again (swarmkit, ``api/types.proto``)."""


class Cluster(Value):
    """The swarm itself.

    Attributes:
        worker_token, manager_token: let machines join, and are secrets.
        tls: stands for the root certificate, ``trust_root``, which is PEM; another one is on its way while ``rotating``.
    """

    id: str
    worker_token: str = ""
    manager_token: str = ""
    autolock: bool = False
    tls: str = ""
    trust_root: str = ""
    rotating: bool = False
    created_at: float = 0.0
    updated_at: float = 0.0
    raw: str = "{}"


class InitConfig(Value):
    """How a swarm is made of this machine. ``advertise`` and ``data_path`` are addresses or interfaces, ``""`` for the engine's choice."""

    listen: str = "0.0.0.0:2377"
    advertise: str = ""
    data_path: str = ""
    data_path_port: int = 0
    pools: tuple[str, ...] = ()
    pool_prefix: int = 24
    availability: str = ""
    force: bool = False
    settings: ClusterChange | None = None


class JoinConfig(Value):
    """How this machine joins a swarm: a manager's ``host:port``, and the token that tells as what."""

    remote: str
    token: str
    listen: str = "0.0.0.0:2377"
    advertise: str = ""
    data_path: str = ""
    availability: str = ""


class ExternalAuthority(Value):
    """Who signs certificates of nodes elsewhere. ``certificate`` is the authority's own, as PEM text; ``""`` is the swarm's root."""

    protocol: str
    url: str
    certificate: str = ""
    options: Mapping[str, str] = EMPTY


class ClusterChange(Value):
    """Settings of a swarm to change; ``None`` leaves one as it is. Durations are seconds.

    Attributes:
        external: who signs elsewhere, in place of all who did.
        rotate_root: another root certificate: ``root_certificate`` with ``root_key``, PEM texts, or a new one where both are ``""``.
    """

    autolock: bool | None = None
    task_history: int | None = None
    heartbeat: float | None = None
    certificate_expiry: float | None = None
    max_snapshots: int | None = None
    snapshot_interval: int | None = None
    rotate_worker_token: bool = False
    rotate_manager_token: bool = False
    rotate_unlock_key: bool = False
    rotate_root: bool = False
    root_certificate: str = ""
    root_key: str = ""
    external: tuple[ExternalAuthority, ...] | None = None


class Node(Value):
    """A machine of the swarm.

    Attributes:
        role: ``worker`` or ``manager``; ``availability``: ``active``, ``pause`` or ``drain``.
        state: ``ready``, ``down``, ``unknown`` or ``disconnected``; ``message`` says why.
        reachability: of a manager: ``reachable``, ``unreachable``, ``unknown``; ``""`` of a worker.
        nano_cpus, memory: what it has, in billionths of a CPU and bytes.
        tls: stands for the root certificate that it trusts.
    """

    id: str
    hostname: str
    name: str = ""
    role: str = "worker"
    availability: str = "active"
    state: str = "unknown"
    message: str = ""
    address: str = ""
    leader: bool = False
    reachability: str = ""
    manager_address: str = ""
    engine_version: str = ""
    os: str = ""
    architecture: str = ""
    nano_cpus: int = 0
    memory: int = 0
    labels: Mapping[str, str] = EMPTY
    tls: str = ""
    created_at: float = 0.0
    updated_at: float = 0.0
    raw: str = "{}"

    @property
    def title(self) -> str:
        """What a person calls it: the name that it was given, else the machine's."""
        return self.name or self.hostname or self.id

    @property
    def manager_status(self) -> str:
        """``leader``, the reachability of any other manager, ``""`` of a worker."""
        return "leader" if self.leader else self.reachability


class NodeChange(Value):
    """What of a node is to be changed; ``""`` leaves it as it is."""

    role: str = ""
    availability: str = ""
    add_labels: Mapping[str, str] = EMPTY
    remove_labels: tuple[str, ...] = ()


class ServicePort(Value):
    """A published port; ``mode`` is ``ingress`` (on every node) or ``host`` (where a task runs)."""

    target: int
    published: int = 0
    protocol: str = "tcp"
    mode: str = "ingress"


class Task(Value):
    """One task: a place of a service on a node, with the container that fills it.

    Attributes:
        slot: its number in a replicated service, 0 in a global one.
        desired_state, state: such as ``running``, ``shutdown``, ``pending``; see :data:`FINAL`.
        changed_at: since when it is in that state.
        error: why it failed; ``message``: what it does.
        ports: published on its own node alone (mode ``host``).
    """

    id: str
    service_id: str = ""
    node_id: str = ""
    slot: int = 0
    image: str = ""
    desired_state: str = ""
    state: str = ""
    message: str = ""
    error: str = ""
    container_id: str = ""
    exit_code: int = 0
    tty: bool = False
    labels: Mapping[str, str] = EMPTY
    ports: tuple[ServicePort, ...] = ()
    created_at: float = 0.0
    changed_at: float = 0.0
    raw: str = "{}"

    @property
    def final(self) -> bool:
        """It never runs again."""
        return self.state in FINAL


class SwarmFile(Value):
    """A config or a secret. ``data`` is a config's alone: a secret's content never leaves the managers."""

    id: str
    name: str
    labels: Mapping[str, str] = EMPTY
    driver: str = ""
    data: bytes = b""
    created_at: float = 0.0
    updated_at: float = 0.0
    raw: str = "{}"


class SwarmFileSpec(Value):
    """A config or a secret to make; ``driver`` gets a secret's content from elsewhere, ``template_driver`` expands it."""

    name: str
    data: bytes = b""
    labels: Mapping[str, str] = EMPTY
    driver: str = ""
    template_driver: str = ""


def task_names(tasks: Iterable[Task], services: Mapping[str, str], nodes: Mapping[str, str] = EMPTY) -> dict[str, str]:
    """What each task is called, by its id: service and slot, in a global service the node (docker/cli, task/print.go).

    Args:
        services, nodes: names by id; what is missing is called by its id. Docker names a global service's task by the node's id.
    """
    return {
        task.id: f"{services.get(task.service_id, task.service_id)}.{task.slot or nodes.get(task.node_id, task.node_id)}" for task in tasks
    }


def sorted_tasks(tasks: Iterable[Task], names: Mapping[str, str]) -> list[Task]:
    """Tasks by name, of the same place the newest first."""
    return sorted(tasks, key=lambda one: (natural(names[one.id]), -one.created_at))


@lru_cache(maxsize=16384)
def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """The key of an order in which ``web.2`` comes before ``web.10``."""
    parts: list[tuple[int, int, str]] = []
    digits = word = ""
    for char in text:
        if char.isascii() and char.isdigit():
            if word:
                parts.append((1, 0, word))
                word = ""
            digits += char
        else:
            if digits:
                parts.append((0, whole(digits, _MANY), digits))
                digits = ""
            word += char
    if digits or word:
        parts.append((0, whole(digits, _MANY), digits) if digits else (1, 0, word))
    return tuple(parts)
