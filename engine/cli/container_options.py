"""The flags that ``run`` and ``create`` share, and what they mean."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from engine.cli import limits
from engine.cli.flags import Flag, FlagError, Options
from engine.cli.mounts import parse_mount, parse_volume
from engine.cli.places import networks
from engine.cli.ports import parse_publish
from engine.cli.requests import parse_gpus
from engine.errors import InvalidArgument, NotSupported
from engine.model.containers import ContainerConfig, Device, HostConfig, Mount, RestartPolicy, Ulimit, UpdateConfig
from engine.model.health import Healthcheck
from engine.model.units import parse_duration, parse_size


def _list(name: str, help: str, short: str = "") -> Flag:
    return Flag(name=name, short=short, kind="list", help=help)


def _string(name: str, help: str, short: str = "", default: str = "") -> Flag:
    return Flag(name=name, short=short, kind="string", help=help, default=default)


def _duration(name: str, help: str) -> Flag:
    return Flag(name=name, kind="duration", help=help)


HEALTH: tuple[Flag, ...] = (
    _string("health-cmd", "Command to run to check health"),
    _duration("health-interval", "Time between running the check (ms|s|m|h)"),
    Flag(name="health-retries", kind="int", help="Consecutive failures needed to report unhealthy"),
    _duration("health-start-interval", "Time between running the check during the start period (ms|s|m|h)"),
    _duration("health-start-period", "Start period for the container to initialize before starting health-retries countdown (ms|s|m|h)"),
    _duration("health-timeout", "Maximum time to allow one check to run (ms|s|m|h)"),
    Flag(name="no-healthcheck", help="Disable any container-specified HEALTHCHECK"),
)
"""How the health of containers is asked for."""
_MODES = (("pid", ("host",), "PID"), ("uts", ("host",), "UTS"), ("userns", ("host",), "USER"), ("cgroupns", ("host", "private"), "CGROUP"))
_WINDOWS = ("cpu-count", "cpu-percent", "io-maxbandwidth", "io-maxiops")

FLAGS: tuple[Flag, ...] = (
    _list("add-host", "Add a custom host-to-IP mapping (host:ip)"),
    _list("annotation", "Add an annotation to the container (passed through to the OCI runtime)"),
    _list("attach", "Attach to STDIN, STDOUT or STDERR", "a"),
    Flag(name="blkio-weight", kind="int", help="Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)"),
    _list("blkio-weight-device", "Block IO weight (relative device weight)"),
    _list("cap-add", "Add Linux capabilities"),
    _list("cap-drop", "Drop Linux capabilities"),
    _string("cgroup-parent", "Optional parent cgroup for the container"),
    _string("cgroupns", "Cgroup namespace to use (host|private)"),
    _string("cidfile", "Write the container ID to the file"),
    Flag(name="cpu-count", kind="int", help="CPU count (Windows only)", hidden=True),
    Flag(name="cpu-percent", kind="int", help="CPU percent (Windows only)", hidden=True),
    Flag(name="cpu-period", kind="int", help="Limit CPU CFS (Completely Fair Scheduler) period"),
    Flag(name="cpu-quota", kind="int", help="Limit CPU CFS (Completely Fair Scheduler) quota"),
    Flag(name="cpu-rt-period", kind="int", help="Limit CPU real-time period in microseconds"),
    Flag(name="cpu-rt-runtime", kind="int", help="Limit CPU real-time runtime in microseconds"),
    Flag(name="cpu-shares", short="c", kind="int", help="CPU shares (relative weight)"),
    _string("cpus", "Number of CPUs"),
    _string("cpuset-cpus", "CPUs in which to allow execution (0-3, 0,1)"),
    _string("cpuset-mems", "MEMs in which to allow execution (0-3, 0,1)"),
    _list("device", "Add a host device to the container"),
    _list("device-cgroup-rule", "Add a rule to the cgroup allowed devices list"),
    _list("device-read-bps", "Limit read rate (bytes per second) from a device"),
    _list("device-read-iops", "Limit read rate (IO per second) from a device"),
    _list("device-write-bps", "Limit write rate (bytes per second) to a device"),
    _list("device-write-iops", "Limit write rate (IO per second) to a device"),
    Flag(name="disable-content-trust", help="Skip image verification", default="true"),
    _list("dns", "Set custom DNS servers"),
    _list("dns-option", "Set DNS options"),
    _list("dns-search", "Set custom DNS search domains"),
    _string("domainname", "Container NIS domain name"),
    _string("entrypoint", "Overwrite the default ENTRYPOINT of the image"),
    _list("env", "Set environment variables", "e"),
    _list("env-file", "Read in a file of environment variables"),
    _list("expose", "Expose a port or a range of ports"),
    _string("gpus", "GPU devices to add to the container ('all' to pass all GPUs)"),
    _list("group-add", "Add additional groups to join"),
    *HEALTH,
    _string("hostname", "Container host name", "h"),
    Flag(name="init", help="Run an init inside the container that forwards signals and reaps processes"),
    Flag(name="interactive", short="i", help="Keep STDIN open even if not attached"),
    _string("io-maxbandwidth", "Maximum IO bandwidth limit for the system drive (Windows only)").replace(hidden=True),
    Flag(name="io-maxiops", kind="int", help="Maximum IOps limit for the system drive (Windows only)", hidden=True),
    _string("ip", "IPv4 address (e.g., 172.30.100.104)"),
    _string("ip6", "IPv6 address (e.g., 2001:db8::33)"),
    _string("ipc", "IPC mode to use"),
    _string("isolation", "Container isolation technology"),
    _string("kernel-memory", "Kernel memory limit"),
    _list("label", "Set meta data on a container", "l"),
    _list("label-file", "Read in a line delimited file of labels"),
    _list("link", "Add link to another container"),
    _list("link-local-ip", "Container IPv4/IPv6 link-local addresses"),
    Flag(name="log-driver", kind="string", help="Logging driver for the container", completes="log-driver"),
    _list("log-opt", "Log driver options"),
    _string("mac-address", "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
    _string("memory", "Memory limit", "m"),
    _string("memory-reservation", "Memory soft limit"),
    _string("memory-swap", "Swap limit equal to memory plus swap: '-1' to enable unlimited swap"),
    Flag(name="memory-swappiness", kind="int", default="-1", help="Tune container memory swappiness (0 to 100)"),
    _list("mount", "Attach a filesystem mount to the container"),
    _string("name", "Assign a name to the container"),
    _list("network", "Connect a container to a network"),
    Flag(name="net", kind="list", help="Connect a container to a network", hidden=True),
    _list("network-alias", "Add network-scoped alias for the container"),
    Flag(name="oom-kill-disable", help="Disable OOM Killer"),
    Flag(name="oom-score-adj", kind="int", help="Tune host's OOM preferences (-1000 to 1000)"),
    _string("pid", "PID namespace to use"),
    Flag(name="pids-limit", kind="int", help="Tune container pids limit (set -1 for unlimited)"),
    _string("platform", "Set platform if the image is for several"),
    Flag(name="privileged", help="Give extended privileges to this container"),
    _list("publish", "Publish a container's port(s) to the host", "p"),
    Flag(name="publish-all", short="P", help="Publish all exposed ports to random ports"),
    _string("pull", 'Pull image before running ("always", "missing", "never")', default="missing"),
    Flag(name="quiet", short="q", help="Suppress the pull output"),
    Flag(name="read-only", help="Mount the container's root filesystem as read only"),
    _string("restart", "Restart policy to apply when a container exits", default="no"),
    Flag(name="rm", help="Automatically remove the container and its associated anonymous volumes when it exits"),
    _string("runtime", "Runtime to use for this container"),
    _list("security-opt", "Security Options"),
    _string("shm-size", "Size of /dev/shm"),
    _string("stop-signal", "Signal to stop the container"),
    Flag(name="stop-timeout", kind="int", help="Timeout (in seconds) to stop a container"),
    _list("storage-opt", "Storage driver options for the container"),
    _list("sysctl", "Sysctl options"),
    _list("tmpfs", "Mount a tmpfs directory"),
    Flag(name="tty", short="t", help="Allocate a pseudo-TTY"),
    _list("ulimit", "Ulimit options"),
    _string("user", "Username or UID (format: <name|uid>[:<group|gid>])", "u"),
    _string("userns", "User namespace to use"),
    _string("uts", "UTS namespace to use"),
    _list("volume", "Bind mount a volume", "v"),
    _string("volume-driver", "Optional volume driver for the container"),
    _list("volumes-from", "Mount volumes from the specified container(s)"),
    _string("workdir", "Working directory inside the container", "w"),
)


def container_config(options: Options) -> ContainerConfig:
    """The portable half. The first operand is the image, the rest the command."""
    image, *command = options.args
    entrypoint: tuple[str, ...] | None = None
    if options.has("entrypoint"):
        # "" resets the image's entry point: docker sends [""].
        entrypoint = (options.text("entrypoint"),)
    return ContainerConfig(
        image=image,
        cmd=tuple(command) or None,
        entrypoint=entrypoint,
        env=environment(options),
        user=options.text("user"),
        working_dir=options.text("workdir"),
        hostname=options.text("hostname"),
        domainname=options.text("domainname"),
        labels=labels(options.values("label"), options.values("label-file")),
        tty=options.on("tty"),
        open_stdin=options.on("interactive"),
        exposed_ports=tuple(port for text in options.values("expose") for port in _exposed(text)),
        volumes=tuple(text for text in options.values("volume") if ":" not in text),
        stop_signal=options.text("stop-signal"),
        stop_timeout=options.number("stop-timeout"),
        healthcheck=healthcheck(options),
    )


_UPDATED = frozenset(
    {"cpu-period", "cpu-quota", "cpu-shares", "cpus", "cpuset-cpus", "cpuset-mems", "memory", "memory-reservation", "memory-swap"}
    | {"pids-limit", "restart", "blkio-weight", "cpu-rt-period", "cpu-rt-runtime"}
)
UPDATE_FLAGS: tuple[Flag, ...] = tuple(flag.replace(default="") for flag in FLAGS if flag.name in _UPDATED)
"""The flags of ``update``: without defaults, for what is not given stays as it is."""


def update_config(options: Options) -> UpdateConfig:
    """What ``update`` changes.

    Raises:
        FlagError, InvalidArgument: a value is malformed, in docker's words.
    """
    return UpdateConfig(
        memory=_size(options, "memory"),
        memory_swap=_size(options, "memory-swap"),
        memory_reservation=_size(options, "memory-reservation"),
        nano_cpus=_cpus(options.text("cpus")),
        cpu_shares=options.number("cpu-shares") or 0,
        cpu_period=options.number("cpu-period") or 0,
        cpu_quota=options.number("cpu-quota") or 0,
        cpuset_cpus=options.text("cpuset-cpus"),
        cpuset_mems=options.text("cpuset-mems"),
        cpu_rt_period=options.number("cpu-rt-period") or 0,
        cpu_rt_runtime=options.number("cpu-rt-runtime") or 0,
        blkio_weight=options.number("blkio-weight") or 0,
        pids_limit=options.number("pids-limit"),
        restart_policy=_restart(options.text("restart")) if options.has("restart") else None,
    )


def healthcheck(options: Options) -> Healthcheck | None:
    """What the flags :data:`HEALTH` ask for, ``None`` where none is given. Raises FlagError or InvalidArgument."""
    command, retries = options.text("health-cmd"), options.number("health-retries") or 0
    interval, timeout, period, start = (
        _seconds(options, f"health-{name}") for name in ("interval", "timeout", "start-period", "start-interval")
    )
    given = bool(command or interval or timeout or period or start or retries)
    if options.on("no-healthcheck"):
        if given:
            raise InvalidArgument("--no-healthcheck conflicts with --health-* options")
        return Healthcheck(test=("NONE",))
    if not given:
        return None
    for name, value in (
        ("interval", interval),
        ("timeout", timeout),
        ("retries", retries),
        ("start-period", period),
        ("start-interval", start),
    ):
        if value < 0:
            raise InvalidArgument(f"--health-{name} cannot be negative")
    test = ("CMD-SHELL", command) if command else ()
    return Healthcheck(test=test, interval=interval, timeout=timeout, start_period=period, start_interval=start, retries=retries)


def _seconds(options: Options, name: str) -> float:
    text = options.text(name)
    try:
        return parse_duration(text) if text else 0.0
    except InvalidArgument as error:
        raise FlagError(f'invalid argument "{text}" for "--{name}" flag: {error.message}') from None


def host_config(options: Options) -> HostConfig:
    """The host's half.

    Raises:
        FlagError, InvalidArgument: a value is malformed, in docker's words.
    """
    restart = _restart(options.text("restart"))
    if options.on("rm") and restart.name != "no":
        raise FlagError("conflicting options: cannot specify both --restart and --rm")
    _refuse_foreign(options)
    _check_modes(options)
    network = networks(options)[0]
    return HostConfig(
        network_mode=network.network,
        port_bindings=tuple(port for text in options.values("publish") for port in parse_publish(text)),
        publish_all=options.on("publish-all"),
        mounts=_mounts(options),
        restart_policy=restart,
        auto_remove=options.on("rm"),
        privileged=options.on("privileged"),
        cap_add=options.values("cap-add"),
        cap_drop=options.values("cap-drop"),
        security_opt=tuple(_security(text) for text in options.values("security-opt")),
        read_only_rootfs=options.on("read-only"),
        init=options.on("init"),
        dns=options.values("dns"),
        dns_search=options.values("dns-search"),
        dns_options=options.values("dns-option"),
        extra_hosts=options.values("add-host"),
        links=options.values("link"),
        group_add=options.values("group-add"),
        pid_mode=options.text("pid"),
        ipc_mode=options.text("ipc"),
        uts_mode=options.text("uts"),
        cgroupns_mode=options.text("cgroupns"),
        shm_size=_size(options, "shm-size"),
        tmpfs={path: rest for path, _, rest in (text.partition(":") for text in options.values("tmpfs"))},
        sysctls=pairs(options.values("sysctl")),
        ulimits=tuple(map(ulimit, options.values("ulimit"))),
        devices=tuple(map(_device, options.values("device"))),
        device_cgroup_rules=tuple(map(limits.cgroup_rule, options.values("device-cgroup-rule"))),
        volumes_from=options.values("volumes-from"),
        annotations=pairs(options.values("annotation")),
        cgroup_parent=options.text("cgroup-parent"),
        userns_mode=options.text("userns"),
        log_driver=options.text("log-driver"),
        log_options=pairs(options.values("log-opt")),
        runtime=options.text("runtime"),
        volume_driver=options.text("volume-driver"),
        memory=_size(options, "memory"),
        memory_swap=_size(options, "memory-swap"),
        memory_reservation=_size(options, "memory-reservation"),
        nano_cpus=_cpus(options.text("cpus")),
        cpu_shares=options.number("cpu-shares") or 0,
        cpu_period=options.number("cpu-period") or 0,
        cpu_quota=options.number("cpu-quota") or 0,
        cpuset_cpus=options.text("cpuset-cpus"),
        cpuset_mems=options.text("cpuset-mems"),
        pids_limit=options.number("pids-limit") or 0,
        oom_score_adj=options.number("oom-score-adj") or 0,
        cpu_rt_period=options.number("cpu-rt-period") or 0,
        cpu_rt_runtime=options.number("cpu-rt-runtime") or 0,
        oom_kill_disable=options.on("oom-kill-disable"),
        memory_swappiness=limits.swappiness(options.number("memory-swappiness")),
        blkio_weight=options.number("blkio-weight") or 0,
        blkio_weight_device=tuple(map(limits.weight_device, options.values("blkio-weight-device"))),
        device_read_bps=tuple(limits.throttle_bytes(text, "device-read-bps") for text in options.values("device-read-bps")),
        device_write_bps=tuple(limits.throttle_bytes(text, "device-write-bps") for text in options.values("device-write-bps")),
        device_read_iops=tuple(limits.throttle_operations(text, "device-read-iops") for text in options.values("device-read-iops")),
        device_write_iops=tuple(limits.throttle_operations(text, "device-write-iops") for text in options.values("device-write-iops")),
        network_aliases=network.aliases,
        ipv4_address=network.requested_ip,
        ipv6_address=network.requested_ipv6,
        mac_address=network.options.mac_address,
        endpoint=network.options.replace(mac_address=""),
        device_requests=tuple(map(parse_gpus, options.values("gpus"))),
        storage_options=pairs(options.values("storage-opt")),
        isolation=options.text("isolation"),
        kernel_memory=_size(options, "kernel-memory"),
    )


def _refuse_foreign(options: Options) -> None:
    """Flags for what only other systems have."""
    for name in _WINDOWS:
        if options.has(name):
            raise FlagError(
                f'"--{name}" is only supported on a Docker daemon running on windows, but the Docker daemon is running on linux'
            )
    if not options.on("disable-content-trust"):
        raise NotSupported("content trust is not supported", hint="pull the image by its digest: NAME@sha256:…")


def _check_modes(options: Options) -> None:
    """Namespaces by the words that docker knows for them; that of IPC is left to the engine, as docker does. Raises FlagError."""
    for name, words, shown in _MODES:
        mode = options.text(name)
        joined = name == "pid" and mode.startswith("container:") and mode != "container:"
        if mode not in ("", *words) and not joined:
            raise FlagError(f"--{name}: invalid {shown} mode")


def environment(options: Options) -> tuple[str, ...]:
    """``--env-file`` lines, then ``--env``; a bare name takes our own value, or is left out."""
    found: list[str] = []
    for path in options.values("env-file"):
        found.extend(_known(line) for line in _lines(path))
    found.extend(_known(text) for text in options.values("env"))
    return tuple(text for text in found if text)


def _known(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not name:
        raise FlagError(f'invalid argument "{text}" for "-e, --env" flag: invalid environment variable: {text}')
    if equals:
        return text
    return f"{name}={os.environ[name]}" if name in os.environ else ""


def _lines(path: str) -> Iterable[str]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise InvalidArgument(f"open {path}: {(error.strerror or '').lower()}") from None
    except UnicodeDecodeError:
        raise InvalidArgument(f"env file {path} contains invalid utf8 bytes") from None
    return [line.lstrip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def labels(given: Sequence[str], files: Sequence[str] = ()) -> dict[str, str]:
    """Labels from ``key=value`` texts and files of them. Raises FlagError."""
    texts = [*(line for path in files for line in _lines(path)), *given]
    for text in texts:
        name = text.partition("=")[0]
        if not name:
            raise FlagError(f'invalid argument "{text}" for "--label" flag: invalid label \'{text}\': empty name')
        if len(name.split()) != 1 or name != name.strip():
            raise FlagError(f'invalid argument "{text}" for "--label" flag: label \'{name}\' contains whitespaces')
    return pairs(texts)


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """``KEY=VALUE`` each."""
    return {key: value for key, _, value in (text.partition("=") for text in texts)}


def _size(options: Options, name: str) -> int:
    text = options.text(name)
    try:
        return parse_size(text) if text else 0
    except InvalidArgument as error:
        raise FlagError(f'invalid argument "{text}" for "--{name}" flag: {error}') from None


def _cpus(text: str) -> int:
    if not text:
        return 0
    try:
        return round(float(text) * 1e9)
    except (ValueError, OverflowError):
        raise FlagError(f'invalid argument "{text}" for "--cpus" flag: failed to parse {text} as a rational number') from None


def _restart(text: str) -> RestartPolicy:
    name, colon, count = text.partition(":")
    if name not in ("no", "always", "unless-stopped", "on-failure", ""):
        raise InvalidArgument(
            f"invalid restart policy: unknown policy '{name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'"
        )
    if colon and (name != "on-failure" or not count.isdigit()):
        why = "maximum retry count must be an integer" if name == "on-failure" else "maximum retry count can only be used with 'on-failure'"
        raise InvalidArgument(f"invalid restart policy format: {why}")
    return RestartPolicy(name=name or "no", max_retries=int(count or 0))


def _security(text: str) -> str:
    """``seccomp=FILE`` is read here: the API carries the profile itself."""
    key, _, value = text.replace(":", "=", 1).partition("=") if "=" not in text else text.partition("=")
    if key != "seccomp" or value in ("unconfined", "builtin"):
        return text
    try:
        with open(value, encoding="utf-8") as file:
            return f"seccomp={file.read()}"
    except OSError as error:
        raise InvalidArgument(f"opening seccomp profile ({value}) failed: {(error.strerror or '').lower()}") from None


def ulimit(text: str) -> Ulimit:
    """``NAME=SOFT[:HARD]``. Raises FlagError."""
    name, _, values = text.partition("=")
    soft, _, hard = values.partition(":")
    try:
        return Ulimit(name=name, soft=int(soft), hard=int(hard or soft))
    except ValueError:
        raise FlagError(f'invalid argument "{text}" for "--ulimit" flag: invalid ulimit argument: {text}') from None


def _device(text: str) -> Device:
    parts = text.split(":")
    source = parts[0]
    target, permissions = source, "rwm"
    if len(parts) == 2 and parts[1] and set(parts[1]) <= set("rwm"):
        permissions = parts[1]
    elif len(parts) in (2, 3):
        target, permissions = parts[1] or source, parts[2] if len(parts) == 3 else "rwm"
    elif len(parts) > 3:
        raise FlagError(f"invalid device specification: {text}")
    return Device(path_on_host=source, path_in_container=target, permissions=permissions)


def _exposed(text: str) -> list[str]:
    ports, _, protocol = text.partition("/")
    first, _, last = ports.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        raise FlagError(f"invalid range format for --expose: {text}")
    return [f"{port}/{protocol or 'tcp'}" for port in range(int(first), int(last or first) + 1)]


def _mounts(options: Options) -> tuple[Mount, ...]:
    found = [parse_volume(text) for text in options.values("volume") if ":" in text]
    return (*found, *(parse_mount(text) for text in options.values("mount")))
