"""An OCI runtime configuration with docker's defaults, from a container's configuration. Pure: it looks at nothing.

Beyond OCI there are annotations for what our runtime does itself: the overlay (one lower directory a line, topmost first)
and the default seccomp profile; ``process.user.username`` and ``.groups`` carry ``--user`` and ``--group-add`` as they were
given, for they can only be looked up in the mounted image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.errors import InvalidArgument, NotExecutable, NotSupported
from engine.linux import capabilities
from engine.linux.cgroup_files import OURS
from engine.model.containers import ContainerConfig, ExecConfig, HostConfig, Mount
from engine.model.value import EMPTY, Value
from engine.runtime import confinement, defaults, resources, seccomp, spec_mounts, sysctl
from engine.runtime.host import DeviceNode, HostFacts
from engine.runtime.rootfs import OVERLAY_LOWER, OVERLAY_UPPER, OVERLAY_VOLATILE, OVERLAY_WORK, RESERVED

CGROUP_PARENT = f"/{OURS}"
_INIT = "/sbin/docker-init"


class SpecInputs(Value):
    """Everything that a configuration is made from.

    Attributes:
        id: 64 hex digits.
        config: merged with the image's.
        argv: entrypoint and cmd.
        rootfs: absolute path where the root file system gets mounted.
        lowers: layer directories, topmost first; empty when ``rootfs`` itself is the content.
        upper, work: overlay directories.
        mounts: with ``path`` filled.
        layers: directories, topmost first, of the images in ``mounts`` that have no ``path``, by image id.
        files: container path to host path of generated files (``/etc/hosts``, ``/etc/resolv.conf``, ``/etc/hostname``).
        devices: what ``--device`` gives.
        disks: major and minor of the block devices whose I/O is limited, by path.
        level: the container's own SELinux level; ``joined`` is the process context of the container whose processes it shares.
    """

    id: str
    config: ContainerConfig
    host: HostConfig
    argv: tuple[str, ...]
    rootfs: str
    lowers: tuple[str, ...] = ()
    upper: str = ""
    work: str = ""
    mounts: tuple[Mount, ...] = ()
    layers: Mapping[str, tuple[str, ...]] = EMPTY
    files: tuple[tuple[str, str], ...] = ()
    devices: tuple[DeviceNode, ...] = ()
    disks: Mapping[str, tuple[int, int]] = EMPTY
    facts: HostFacts = HostFacts()
    level: str = ""
    joined: str = ""


class SecurityOptions(Value):
    """``--security-opt``. ``seccomp`` is ``default``, ``unconfined`` or a profile as JSON text."""

    no_new_privileges: bool = False
    seccomp: str = "default"
    system_paths: bool = True
    writable_cgroups: bool = False


def security_options(options: Sequence[str], *, privileged: bool = False) -> SecurityOptions:
    """Parse ``--security-opt`` values. Raises InvalidArgument for one that is not known."""
    found = SecurityOptions(seccomp="unconfined" if privileged else "default")
    for option in options:
        plain = option if "=" in option or ":" not in option else option.replace(":", "=", 1)
        name, _, value = plain.partition("=")
        if name == "no-new-privileges":
            found = found.replace(no_new_privileges=_boolean(option, value))
        elif name == "writable-cgroups":
            found = found.replace(writable_cgroups=_boolean(option, value))
        elif name == "seccomp":
            found = found.replace(seccomp="default" if value in ("builtin", "default") else value)
        elif name == "systempaths" and value == "unconfined":
            found = found.replace(system_paths=False)
        elif name not in ("apparmor", "label"):
            raise InvalidArgument(f"invalid --security-opt 1: {option!r}")
    return found


def _boolean(option: str, value: str) -> bool:
    if value.lower() not in ("", "true", "1", "false", "0"):
        raise InvalidArgument(f"invalid --security-opt: {option!r}")
    return value.lower() not in ("false", "0")


def bounding_set(add: Sequence[str], drop: Sequence[str], *, privileged: bool, available: int) -> int:
    """The container's capabilities as a bit mask (moby ``oci/caps``).

    Raises:
        InvalidArgument: a name is unknown, or this kernel or our own process does not have it.
    """
    if privileged:
        return available

    def mask(names: Sequence[str], what: str) -> int:
        value = 0
        for name in names:
            plain = capabilities.normalise(name)
            if not plain:
                raise InvalidArgument(f'invalid {what}: unknown capability: "{name.upper()}"')
            value |= capabilities.mask([plain])
        return value

    add_all, drop_all = _has_all(add), _has_all(drop)
    added, dropped = mask(_others(add), "CapAdd"), mask(_others(drop), "CapDrop")
    if added & ~available:
        missing = ", ".join(capabilities.names(added & ~available))
        raise InvalidArgument(
            f'invalid CapAdd: capability not supported by your kernel or not available in the current environment: "{missing}"'
        )
    if add_all:
        return available & ~dropped
    return added if drop_all else (capabilities.DEFAULT & available & ~dropped) | added


def _has_all(names: Sequence[str]) -> bool:
    return any(name.upper() == "ALL" for name in names)


def _others(names: Sequence[str]) -> list[str]:
    return [name for name in names if name.upper() != "ALL"]


def environment(hostname: str, *, tty: bool, env: Sequence[str], base: Sequence[str] | None = None) -> list[str]:
    """Docker's order: PATH, HOSTNAME, TERM, then ours; a later value takes the earlier one's place, a bare name removes it."""
    start = [defaults.ENV_PATH, *([f"HOSTNAME={hostname}"] if hostname else [])] if base is None else list(base)
    table = {entry.partition("=")[0]: entry for entry in [*start, *(["TERM=xterm"] if tty else [])]}
    for entry in env:
        name, equals, _ = entry.partition("=")
        if not name or "\0" in entry:
            raise InvalidArgument(f"invalid environment variable: {entry}")
        if equals:
            table[name] = entry
        else:
            table.pop(name, None)
    return list(table.values())


def build_spec(inputs: SpecInputs) -> dict[str, Any]:
    """The configuration.

    Raises:
        InvalidArgument: the wishes contradict themselves or docker's rules.
        NotSupported: ``--init`` without an init program on this machine.
    """
    config, host = inputs.config, inputs.host
    resources.validate(host, inputs.facts)
    security = security_options(host.security_opt, privileged=host.privileged)
    kinds = _namespaces(host, inputs.facts)
    private = {entry["type"] for entry in kinds if "path" not in entry}
    hostname = _hostname(inputs)
    mounts = spec_mounts.mounts(inputs.mounts, inputs.files, host, security.writable_cgroups, inputs.layers)
    argv = list(inputs.argv)
    if host.init and "pid" in private:
        if not inputs.facts.init:
            raise NotSupported("--init: no init program is installed", hint="install tini or catatonit")
        mounts.append({"destination": _INIT, "type": "bind", "source": inputs.facts.init, "options": ["bind", "ro"]})
        argv = [_INIT, "--", *argv]
    hide = security.system_paths and not host.privileged
    nodes = [*inputs.devices, *(inputs.facts.devices if host.privileged else ())]
    spec: dict[str, Any] = {
        "ociVersion": defaults.OCI_VERSION,
        "process": _process(inputs, argv, hostname, security),
        "root": {"path": inputs.rootfs, "readonly": host.read_only_rootfs},
        "hostname": hostname if "uts" in private else "",
        "domainname": config.domainname if "uts" in private else "",
        "mounts": mounts,
        # Those with our prefix are orders to the runtime, which only we give.
        "annotations": {key: value for key, value in host.annotations.items() if not key.startswith(RESERVED)},
        "linux": {
            "namespaces": kinds,
            "cgroupsPath": f"{_cgroup_parent(host)}/{inputs.id}",
            "resources": resources.resources(host, inputs.devices, inputs.disks),
            "devices": _devices(nodes),
            "sysctl": _sysctls(host, private, inputs.facts.last_group),
            "rootfsPropagation": spec_mounts.propagation(inputs.mounts),
            "maskedPaths": [*defaults.MASKED_PATHS, *inputs.facts.thermal] if hide else [],
            "readonlyPaths": [*defaults.READONLY_PATHS] if hide else [],
        },
    }
    _confine(spec, inputs)
    if inputs.lowers:
        spec["annotations"] |= {OVERLAY_LOWER: "\n".join(inputs.lowers), OVERLAY_UPPER: inputs.upper, OVERLAY_WORK: inputs.work}
        if host.auto_remove:
            spec["annotations"][OVERLAY_VOLATILE] = "true"
    if security.seccomp == "default":
        spec["annotations"][seccomp.ANNOTATION] = "default"
    elif security.seccomp != "unconfined":
        spec["linux"]["seccomp"] = seccomp.parse_profile(security.seccomp)
    return spec


def _confine(spec: dict[str, Any], inputs: SpecInputs) -> None:
    """Enter the AppArmor profile and the SELinux contexts, where there are any."""
    facts = inputs.facts
    contexts = confinement.contexts(inputs.host, facts.contexts, inputs.level, inputs.joined)
    wanted = {
        "apparmorProfile": confinement.profile(inputs.host, default=facts.profiles) if facts.apparmor else "",
        "selinuxLabel": contexts.process,
    }
    spec["process"] |= {name: value for name, value in wanted.items() if value}
    if contexts.file:
        spec["linux"]["mountLabel"] = contexts.file


def _cgroup_parent(host: HostConfig) -> str:
    parent = host.cgroup_parent.strip("/")
    return f"/{parent}" if parent else CGROUP_PARENT


def _process(inputs: SpecInputs, argv: list[str], hostname: str, security: SecurityOptions) -> dict[str, Any]:
    config, host = inputs.config, inputs.host
    if not argv:
        raise InvalidArgument("no command specified")
    if config.working_dir and not config.working_dir.startswith("/"):
        raise InvalidArgument(f"the working directory '{config.working_dir}' is invalid, it needs to be an absolute path")
    bounding = bounding_set(host.cap_add, host.cap_drop, privileged=host.privileged, available=inputs.facts.capabilities)
    return {
        "terminal": config.tty,
        "user": {"uid": 0, "gid": 0, "username": config.user, "groups": list(host.group_add)},
        "args": argv,
        "env": environment(hostname, tty=config.tty, env=config.env),
        "cwd": config.working_dir or "/",
        "capabilities": _capabilities(bounding),
        "rlimits": resources.rlimits(host.ulimits),
        "noNewPrivileges": security.no_new_privileges,
        "oomScoreAdj": host.oom_score_adj,
    }


def _capabilities(bounding: int) -> dict[str, list[str]]:
    """Nothing inheritable, nothing ambient (CVE-2022-24769)."""
    listed = list(capabilities.names(bounding))
    return {"bounding": listed, "effective": listed, "permitted": listed}


def _hostname(inputs: SpecInputs) -> str:
    name = inputs.config.hostname or inputs.id[:12]
    if len(name.encode()) > 64:
        raise InvalidArgument(f"invalid hostname {name!r}: longer than 64 bytes")
    if inputs.host.uts_mode == "host" and inputs.config.hostname:
        raise InvalidArgument("conflicting options: hostname and the UTS mode")
    return name


def _namespaces(host: HostConfig, facts: HostFacts) -> list[dict[str, str]]:
    """Which namespaces are new, and which are another container's (``path`` is ``container:<id>`` until :func:`resolve_joins`)."""
    modes = {
        "network": host.network_mode,
        "uts": host.uts_mode,
        "pid": host.pid_mode,
        "ipc": host.ipc_mode,
        "cgroup": host.cgroupns_mode or ("private" if facts.cgroup_version == 2 else "host"),
    }
    kinds: list[dict[str, str]] = [{"type": "mount"}]
    for kind, mode in modes.items():
        if mode.startswith("container:"):
            kinds.append({"type": kind, "path": mode})
        elif mode != "host":
            kinds.append({"type": kind})
    if facts.time_namespace:
        kinds.append({"type": "time"})
    return kinds


def resolve_joins(spec: Mapping[str, Any], pid_of: Callable[[str], int]) -> dict[str, Any]:
    """The configuration with ``container:<id>`` namespaces replaced by those of the running process that ``pid_of`` names."""
    linux = dict(spec["linux"])
    linux["namespaces"] = [dict(entry) for entry in linux["namespaces"]]
    files = {"network": "net", "uts": "uts", "pid": "pid", "ipc": "ipc", "cgroup": "cgroup"}
    for entry in linux["namespaces"]:
        if entry.get("path", "").startswith("container:"):
            pid = pid_of(entry["path"].removeprefix("container:"))
            entry["path"] = f"/proc/{pid}/ns/{files[entry['type']]}"
    mounted = [dict(entry) for entry in spec["mounts"]]
    for entry in mounted:
        if entry["type"] == "join":
            entry["source"] = f"/proc/{pid_of(entry['source'].removeprefix('container:'))}/ns/mnt"
    return {**spec, "linux": linux, "mounts": mounted}


def _sysctls(host: HostConfig, private: set[str], last_group: int) -> dict[str, str]:
    base = dict(defaults.SYSCTLS) if "network" in private else {}
    if "net.ipv4.ping_group_range" in base:  # the kernel wants groups that exist in the user namespace
        base["net.ipv4.ping_group_range"] = f"0 {min(last_group, 2147483647)}"
    return {**base, **sysctl.validate(host.sysctls, private)}


def _devices(nodes: Sequence[DeviceNode]) -> list[dict[str, Any]]:
    """Docker's nodes and the given ones; a given node takes the place of a default one."""
    given = {node.path: _device(node.kind, node) for node in nodes}
    usual = {
        path: {"path": path, "type": "c", "major": major, "minor": minor, "fileMode": 0o666, "uid": 0, "gid": 0, "default": True}
        for path, major, minor in defaults.DEVICES
    }
    return list({**usual, **given}.values())


def _device(kind: str, node: DeviceNode) -> dict[str, Any]:
    return {
        "path": node.path,
        "type": kind,
        "major": node.major,
        "minor": node.minor,
        "fileMode": node.mode,
        "uid": node.uid,
        "gid": node.gid,
    }


def exec_process(spec: Mapping[str, Any], config: ExecConfig, facts: HostFacts) -> dict[str, Any]:
    """The ``process`` of an exec: the container's own, with what ``config`` changes.

    Raises:
        InvalidArgument: no command, or a broken environment.
        NotExecutable: a relative working directory; runc's words, and its exit code 126.
    """
    if not config.cmd:
        raise InvalidArgument("no exec command specified")
    if config.working_dir and not config.working_dir.startswith("/"):
        raise NotExecutable("OCI runtime exec failed: exec failed: Cwd must be an absolute path")
    own = spec["process"]
    process = dict(own)
    process["terminal"] = config.tty
    process["args"] = list(config.cmd)
    process["env"] = environment("", tty=config.tty, env=config.env, base=own["env"])
    process["cwd"] = config.working_dir or own["cwd"]
    if config.user:
        process["user"] = {"uid": 0, "gid": 0, "username": config.user, "groups": own["user"].get("groups") or []}
    if config.privileged:
        process["capabilities"] = _capabilities(facts.capabilities)
    if config.height and config.width:
        process["consoleSize"] = {"height": config.height, "width": config.width}
    return process
