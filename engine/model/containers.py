"""Containers: what is asked for at create, and what the engine says of one.

Field names are Docker's in snake case (Engine API 1.51, ``ContainerConfig`` and ``HostConfig``), so that the Docker
codec is a plain renaming. Times are seconds since the epoch as ``float``, 0.0 when it never happened; sizes are bytes;
durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from engine.model.health import Healthcheck, HealthReport
from engine.model.value import EMPTY, Value

NO_LOG = "none"
"""The logging driver of a container that keeps nothing."""


class ContainerStatus(StrEnum):
    """Docker's container states (``State.Status``)."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


class PortBinding(Value):
    """A published port. ``host_port`` 0 lets the kernel choose; ``host_ip`` "" is every address.

    With ``host_last`` the first free one of ``host_port`` to ``host_last`` is taken.
    """

    container_port: int
    protocol: str = "tcp"
    host_ip: str = ""
    host_port: int = 0
    host_last: int = 0

    @property
    def asked(self) -> str:
        """The host's port, or the range of them, as docker spells it; ``""`` where the kernel chooses."""
        return f"{self.host_port}-{self.host_last}" if self.host_last > self.host_port else str(self.host_port or "")


class Mount(Value):
    """A mount of a container.

    Attributes:
        kind: ``bind``, ``volume``, ``tmpfs`` or ``image``, whose files are read only.
        source: host path, volume name (``""`` for an anonymous volume), ``""`` for tmpfs, or an image as it was asked for.
        target: absolute path in the container.
        options: further options as docker spells them (``rprivate``, ``nocopy``, ``size=64m``, …). What is mounted below a bind is left
            out with ``norecursive``, stays writable with ``writable``, and must become read only with ``forcereadonly``.
        subpath: of a volume or an image the directory or file in it that is mounted, ``""`` for the whole.
        driver, driver_options, labels: for a volume that is made with the container.
        create_source: a missing bind source is made as a directory (``-v``) instead of refused (``--mount``).
        path: where the content lies on the host (filled by inspect); ``""`` where only the container sees it in one piece.
        image_id: of an image, the one that ``source`` meant when the container was made.
    """

    kind: str
    source: str = ""
    target: str
    read_only: bool = False
    options: tuple[str, ...] = ()
    create_source: bool = False
    path: str = ""
    subpath: str = ""
    driver: str = ""
    driver_options: Mapping[str, str] = EMPTY
    labels: Mapping[str, str] = EMPTY
    image_id: str = ""


class RestartPolicy(Value):
    """``name`` is ``no``, ``always``, ``unless-stopped`` or ``on-failure``; ``max_retries`` 0 is unlimited."""

    name: str = "no"
    max_retries: int = 0


class Device(Value):
    """A host device given to the container, with cgroup permissions out of ``rwm``."""

    path_on_host: str
    path_in_container: str
    permissions: str = "rwm"


class DeviceRequest(Value):
    """Devices that a driver of the host chooses (``--gpus``). ``count`` -1 is all; of ``capabilities`` one inner set has to hold."""

    driver: str = ""
    count: int = 0
    ids: tuple[str, ...] = ()
    capabilities: tuple[tuple[str, ...], ...] = ()
    options: Mapping[str, str] = EMPTY


class WeightDevice(Value):
    """A block device's path on the host and the container's weight for it, 10 to 1000."""

    path: str
    weight: int


class ThrottleDevice(Value):
    """A block device's path on the host and a rate: bytes or operations a second."""

    path: str
    rate: int


class Ulimit(Value):
    """An rlimit by its docker name (``nofile``, ``nproc``, …); -1 is unlimited."""

    name: str
    soft: int
    hard: int


class EndpointOptions(Value):
    """What else a container may ask of a network besides names and an address.

    Attributes:
        mac_address: ``""`` for any.
        link_local: further addresses of its interface, as ``169.254.34.68`` or ``fe80::7``.
        gateway_priority: of its networks the one with the highest is its default route.
        driver: options for the network's driver.
    """

    mac_address: str = ""
    link_local: tuple[str, ...] = ()
    gateway_priority: int = 0
    driver: Mapping[str, str] = EMPTY


PLAIN = EndpointOptions()
"""Nothing is asked for."""


class ContainerConfig(Value):
    """What runs, independent of the host. ``None`` in ``cmd``, ``entrypoint`` and ``healthcheck`` means: the image's.

    ``shell`` is what executes the line of a ``CMD-SHELL`` health check; empty is ``/bin/sh -c``.
    """

    image: str
    cmd: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    env: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    hostname: str = ""
    domainname: str = ""
    labels: Mapping[str, str] = EMPTY
    tty: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: str = ""
    stop_timeout: int | None = None
    healthcheck: Healthcheck | None = None
    shell: tuple[str, ...] = ()


class HostConfig(Value):
    """How it runs on this host. Zero, "" and ``None`` mean docker's default.

    Attributes:
        volumes_from: containers whose mounts it gets, ``NAME[:ro|rw]``; its own mounts on the same path win.
        device_cgroup_rules: ``[acb] MAJOR:MINOR [rwm]`` with ``*`` for any number.
        memory_swappiness: 0 to 100; ``None`` is the host's.
        cpu_rt_period, cpu_rt_runtime: microseconds of the real-time scheduler.
        annotations: for the runtime's configuration.
        cgroup_parent: path below which its control group is; ``""`` is the engine's own.
        userns_mode: ``""`` or ``host``.
        links: names that it alone has for other containers, ``TARGET[:ALIAS]``.
        log_driver, log_options: such as ``json-file`` and ``max-size``.
        runtime, volume_driver: names that the host knows.
        isolation: ``default``; other systems know more.
        network_aliases, ipv4_address, ipv6_address, mac_address, endpoint: for the network of ``network_mode``.
    """

    network_mode: str = "default"
    port_bindings: tuple[PortBinding, ...] = ()
    publish_all: bool = False
    mounts: tuple[Mount, ...] = ()
    restart_policy: RestartPolicy = RestartPolicy()
    auto_remove: bool = False
    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    read_only_rootfs: bool = False
    init: bool = False
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    group_add: tuple[str, ...] = ()
    pid_mode: str = ""
    ipc_mode: str = ""
    uts_mode: str = ""
    cgroupns_mode: str = ""
    shm_size: int = 0
    tmpfs: Mapping[str, str] = EMPTY
    sysctls: Mapping[str, str] = EMPTY
    ulimits: tuple[Ulimit, ...] = ()
    devices: tuple[Device, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()
    volumes_from: tuple[str, ...] = ()
    annotations: Mapping[str, str] = EMPTY
    cgroup_parent: str = ""
    userns_mode: str = ""
    log_driver: str = ""
    log_options: Mapping[str, str] = EMPTY
    runtime: str = ""
    volume_driver: str = ""
    memory: int = 0
    memory_swap: int = 0
    memory_reservation: int = 0
    nano_cpus: int = 0
    cpu_shares: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    cpu_rt_period: int = 0
    cpu_rt_runtime: int = 0
    pids_limit: int = 0
    oom_score_adj: int = 0
    oom_kill_disable: bool = False
    memory_swappiness: int | None = None
    blkio_weight: int = 0
    blkio_weight_device: tuple[WeightDevice, ...] = ()
    device_read_bps: tuple[ThrottleDevice, ...] = ()
    device_write_bps: tuple[ThrottleDevice, ...] = ()
    device_read_iops: tuple[ThrottleDevice, ...] = ()
    device_write_iops: tuple[ThrottleDevice, ...] = ()
    network_aliases: tuple[str, ...] = ()
    ipv4_address: str = ""
    ipv6_address: str = ""
    mac_address: str = ""
    endpoint: EndpointOptions = EndpointOptions()
    device_requests: tuple[DeviceRequest, ...] = ()
    storage_options: Mapping[str, str] = EMPTY
    isolation: str = ""
    kernel_memory: int = 0


class UpdateConfig(Value):
    """Limits to change. Zero, "" and ``None`` leave one as it is; ``pids_limit`` 0 and -1 take the limit away."""

    memory: int = 0
    memory_swap: int = 0
    memory_reservation: int = 0
    nano_cpus: int = 0
    cpu_shares: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    cpu_rt_period: int = 0
    cpu_rt_runtime: int = 0
    blkio_weight: int = 0
    pids_limit: int | None = None
    restart_policy: RestartPolicy | None = None


class ContainerState(Value):
    """What a container is doing. ``exit_code`` counts only when it is not running."""

    status: ContainerStatus
    pid: int = 0
    exit_code: int = 0
    oom_killed: bool = False
    error: str = ""
    started_at: float = 0.0
    finished_at: float = 0.0
    restart_count: int = 0
    health: str = ""

    @property
    def running(self) -> bool:
        """There is a live process: running, paused, or about to be restarted after one."""
        return self.status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED)


class Endpoint(Value):
    """A container's place in one network.

    ``requested_ip`` and ``requested_ipv6`` are the addresses that were asked for, ``""`` for any. The ``ipv6`` ones are
    ``""`` and 0 in a network without IPv6.
    """

    network: str
    network_id: str = ""
    ip_address: str = ""
    prefix_length: int = 0
    gateway: str = ""
    global_ipv6_address: str = ""
    global_ipv6_prefix_length: int = 0
    ipv6_gateway: str = ""
    mac_address: str = ""
    aliases: tuple[str, ...] = ()
    requested_ip: str = ""
    requested_ipv6: str = ""
    options: EndpointOptions = EndpointOptions()

    @property
    def addresses(self) -> tuple[str, ...]:
        """What the container has in the network, IPv4 first; nothing while it does not run."""
        return tuple(address for address in (self.ip_address, self.global_ipv6_address) if address)


class Container(Value):
    """A row of the container list. ``host`` is set where several engines are listed as one."""

    id: str
    name: str
    image: str
    image_id: str = ""
    command: str = ""
    created_at: float = 0.0
    state: ContainerState
    ports: tuple[PortBinding, ...] = ()
    labels: Mapping[str, str] = EMPTY
    mounts: tuple[Mount, ...] = ()
    networks: tuple[Endpoint, ...] = ()
    size_rw: int | None = None
    size_rootfs: int | None = None
    annotations: Mapping[str, str] = EMPTY
    host: str = ""

    @property
    def short_id(self) -> str:
        """The first 12 hex digits, as docker shows ids."""
        return self.id[:12]

    @property
    def image_ids(self) -> frozenset[str]:
        """The image that it was made from, and those that it mounts, as far as the host tells their ids."""
        return frozenset(filter(None, (self.image_id, *(mount.image_id for mount in self.mounts))))


class ContainerDetails(Value):
    """Everything inspect tells.

    Attributes:
        path, args: the argv that runs, entrypoint and cmd already merged.
        config: the configuration after merging with the image's.
        health: what the last probes found, ``None`` without a health check.
        app_armor_profile: that its processes run under; ``process_label`` and ``mount_label``: SELinux contexts of its processes and files.
        raw: the document that ``inspect`` prints, in Docker's shape, as JSON text.
    """

    container: Container
    config: ContainerConfig
    host_config: HostConfig
    path: str = ""
    args: tuple[str, ...] = ()
    log_path: str = ""
    driver: str = ""
    platform: str = "linux"
    health: HealthReport | None = None
    app_armor_profile: str = ""
    process_label: str = ""
    mount_label: str = ""
    raw: str = "{}"


class CreatedContainer(Value):
    """The answer to create."""

    id: str
    warnings: tuple[str, ...] = ()


class ContainerExit(Value):
    """The answer to wait. ``error`` is why it could not be waited for to the end, or ``""``."""

    exit_code: int
    error: str = ""


class ProcessTable(Value):
    """``top``: column titles and a row of texts for each process."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class ExecConfig(Value):
    """A further process in a running container."""

    cmd: tuple[str, ...]
    tty: bool = False
    stdin: bool = False
    env: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    privileged: bool = False
    detach: bool = False
    height: int = 0
    width: int = 0


class PruneReport(Value):
    """What a prune removed, and the bytes that came free."""

    removed: tuple[str, ...] = ()
    space_reclaimed: int = 0
