"""Services of a swarm, what is to be changed of one, and the stacks that labels make of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.model.containers import Mount, Ulimit
from engine.model.health import Healthcheck
from engine.model.swarm import ServicePort, SwarmFile, natural
from engine.model.value import EMPTY, Value

STACK_LABEL = "com.docker.stack.namespace"
"""What ``docker stack deploy`` writes on everything that belongs to a stack."""

JOBS = ("replicated job", "global job")
"""Modes of services whose tasks run to their end."""


class Service(Value):
    """A service.

    Attributes:
        mode: ``replicated``, ``global``, ``replicated job`` or ``global job``.
        replicas: how many are wanted of a replicated one (of a job: completions), ``None`` otherwise.
        running, desired, completed: counts of its tasks.
        image: as it was written into the specification, with the digest that a manager added.
        update_state: of the last update: ``updating``, ``completed``, ``paused``, ``rollback_started``, …; ``""`` without one.
        can_roll_back: there is an earlier specification.
    """

    id: str
    name: str
    mode: str = "replicated"
    replicas: int | None = None
    running: int = 0
    desired: int = 0
    completed: int = 0
    max_per_node: int = 0
    image: str = ""
    args: tuple[str, ...] = ()
    tty: bool = False
    ports: tuple[ServicePort, ...] = ()
    labels: Mapping[str, str] = EMPTY
    update_state: str = ""
    update_message: str = ""
    monitor: float = 5.0
    can_roll_back: bool = False
    created_at: float = 0.0
    updated_at: float = 0.0
    raw: str = "{}"

    @property
    def stack(self) -> str:
        """The stack that it belongs to, ``""`` for none."""
        return self.labels.get(STACK_LABEL, "")

    @property
    def count(self) -> str:
        """Docker's ``REPLICAS``: ``2/3``, of a job with what is completed (docker/cli, service/formatter.go)."""
        if self.mode in JOBS:
            total = (self.replicas or 0) if self.mode == "replicated job" else self.desired + self.completed
            return f"{self.running}/{self.desired} ({self.completed}/{total} completed)"
        limit = f" (max {self.max_per_node} per node)" if self.max_per_node and self.mode == "replicated" else ""
        return f"{self.running}/{self.desired}{limit}"


class Grant(Value):
    """A config or a secret that a service's containers get as a file. Without ``target`` its name is the file's."""

    source: str
    target: str = ""
    uid: str = "0"
    gid: str = "0"
    mode: int = 0o444


class RolloutConfig(Value):
    """How an update or a rollback goes over the tasks; ``None`` and ``""`` leave the engine's default. Durations are seconds."""

    parallelism: int | None = None
    delay: float | None = None
    monitor: float | None = None
    failure_action: str = ""
    max_failure_ratio: float | None = None
    order: str = ""


class ServiceChange(Value):
    """What of a service is to be changed, or what a new one is to have. ``None``, ``""`` and empty leave it as it is.

    Attributes:
        image: the new image; ``args``: the command's arguments.
        replicas: of a replicated service or job only.
        force: start every task anew though nothing changes.
        memory, reserve_memory: bytes; ``nano_cpus``, ``reserve_nano_cpus``: billionths of a CPU.
        networks, constraints: to add; ``remove_…`` to take away: mounts by the target path, ports by all
            but the published port where that is 0.
        stop_grace, restart_delay, restart_window: seconds.
        hosts: ``ADDRESS NAME``, as in ``/etc/hosts``.
        spread: labels over whose values tasks are spread evenly.
        healthcheck: how containers are asked; what it leaves empty stays, and a test of ``NONE`` asks no more.
        credential_spec: for containers of Windows, ``config://``, ``file://`` or ``registry://`` and a name; ``""`` takes it away.
        generic_resources: kinds and how many of each a task reserves.
        oom_score_adj: since API 1.46.
        send_auth: the manager gets our credentials for the image's registry, to give them to the nodes.
        resolve_image: the registry is asked for the image's digest, so that every node runs the same one.
        platforms: architecture and system of each platform that the image is for; ``None`` leaves them as they are.
    """

    image: str = ""
    args: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    replicas: int | None = None
    max_per_node: int | None = None
    force: bool = False
    env: tuple[str, ...] = ()
    remove_env: tuple[str, ...] = ()
    labels: Mapping[str, str] = EMPTY
    remove_labels: tuple[str, ...] = ()
    container_labels: Mapping[str, str] = EMPTY
    remove_container_labels: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    remove_ports: tuple[ServicePort, ...] = ()
    mounts: tuple[Mount, ...] = ()
    remove_mounts: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    remove_networks: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    remove_constraints: tuple[str, ...] = ()
    secrets: tuple[Grant, ...] = ()
    remove_secrets: tuple[str, ...] = ()
    configs: tuple[Grant, ...] = ()
    remove_configs: tuple[str, ...] = ()
    nano_cpus: int | None = None
    memory: int | None = None
    pids: int | None = None
    reserve_nano_cpus: int | None = None
    reserve_memory: int | None = None
    user: str | None = None
    workdir: str | None = None
    hostname: str | None = None
    tty: bool | None = None
    init: bool | None = None
    read_only: bool | None = None
    stop_signal: str | None = None
    stop_grace: float | None = None
    restart_condition: str = ""
    restart_delay: float | None = None
    restart_attempts: int | None = None
    restart_window: float | None = None
    endpoint_mode: str = ""
    log_driver: str = ""
    log_options: Mapping[str, str] = EMPTY
    update: RolloutConfig = RolloutConfig()
    rollback: RolloutConfig = RolloutConfig()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    remove_dns: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    remove_dns_options: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    remove_dns_search: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    remove_groups: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    remove_hosts: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = EMPTY
    remove_sysctls: tuple[str, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    remove_ulimits: tuple[str, ...] = ()
    spread: tuple[str, ...] = ()
    remove_spread: tuple[str, ...] = ()
    max_concurrent: int | None = None
    healthcheck: Healthcheck | None = None
    credential_spec: str | None = None
    generic_resources: Mapping[str, int] = EMPTY
    remove_generic_resources: tuple[str, ...] = ()
    isolation: str | None = None
    oom_score_adj: int | None = None
    send_auth: bool = False
    resolve_image: bool = True
    platforms: tuple[tuple[str, str], ...] | None = None


class ServiceSpec(Value):
    """A service to make."""

    name: str
    mode: str = "replicated"
    settings: ServiceChange


class Stack(Value):
    """What ``docker stack deploy`` made: everything that carries its label."""

    name: str
    services: tuple[Service, ...] = ()

    @property
    def running(self) -> int:
        """Tasks that run."""
        return sum(one.running for one in self.services)

    @property
    def desired(self) -> int:
        """Tasks that should run."""
        return sum(one.desired for one in self.services)


def stacks_of(services: Iterable[Service]) -> list[Stack]:
    """The stacks that services belong to, by name."""
    found: dict[str, list[Service]] = {}
    for service in services:
        if service.stack:
            found.setdefault(service.stack, []).append(service)
    return [Stack(name=name, services=tuple(sorted(found[name], key=by_name))) for name in sorted(found, key=natural)]


def by_name(thing: Service | SwarmFile) -> tuple[tuple[int, int, str], ...]:
    """The key that sorts by name as docker does."""
    return natural(thing.name)


def ports_text(ports: Iterable[ServicePort]) -> str:
    """Docker's ``PORTS``: ``*:80-81->80-81/tcp``, ports of the routing mesh only, neighbours as ranges.

    Source: docker/cli, ``cli/command/service/formatter.go``.
    """
    shown: list[str] = []
    start = end = target_start = target_end = 0
    protocol = ""

    def told() -> None:
        if start:
            published = f"{start}-{end}" if end > start else f"{start}"
            target = f"{target_start}-{target_end}" if target_end > target_start else f"{target_start}"
            shown.append(f"*:{published}->{target}/{protocol}")

    for port in sorted(ports, key=lambda one: (one.protocol, one.published)):
        if port.mode != "ingress":
            continue
        ranged = target_end != target_start
        # The differences are unsigned in docker: one that is negative is a gap too.
        gap = not 0 <= port.published - end <= 1 or not 0 <= port.target - target_end <= 1
        if port.protocol != protocol or gap or (ranged and port.target <= target_end):
            told()
            start = end = port.published
            target_start = target_end = port.target
            protocol = port.protocol
        else:
            end, target_end = port.published, port.target
    told()
    return ", ".join(shown)


def short_image(image: str) -> str:
    """An image as lists show it: familiar, without the digest where there is a tag."""
    name, _, digest = image.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository = name
        if digest:
            return image  # nothing but the digest tells which
    for prefix in ("docker.io/library/", "docker.io/"):
        if repository.startswith(prefix):
            return name.removeprefix(prefix)
    return name


class CreatedService(Value):
    """What ``create`` answers."""

    id: str
    warnings: tuple[str, ...] = ()
