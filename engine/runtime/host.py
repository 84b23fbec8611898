"""What building a configuration needs to know of the machine, gathered apart so that the building itself is pure."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence

from engine.errors import InvalidArgument
from engine.linux import apparmor, capabilities, labels, namespaces, selinux, userns
from engine.linux.cgroups import detect
from engine.model.containers import Device, HostConfig
from engine.model.value import Value

_INITS = ("docker-init", "tini-static", "tini", "catatonit")
_INIT_DIRECTORIES = ("/usr/libexec/podman", "/usr/libexec/docker", "/usr/lib/docker", "/usr/local/bin", "/usr/bin", "/bin", "/sbin")


class DeviceNode(Value):
    """A device node to make in a container, and what its processes may do with it. ``kind`` is ``c`` or ``b``."""

    path: str
    kind: str
    major: int
    minor: int
    mode: int = 0o666
    uid: int = 0
    gid: int = 0
    permissions: str = "rwm"


class HostFacts(Value):
    """The machine.

    Attributes:
        capabilities: bit mask of what we could give to a container.
        cgroup_version: 0 (none), 1 or 2.
        cpus: online CPUs.
        memory: bytes.
        thermal: files to mask for each CPU.
        time_namespace: the kernel has time namespaces.
        init: path of a static init program for ``--init``, or ``""``.
        devices: the host's device nodes, for privileged containers.
        last_group: the highest group there is in our user namespace.
        apparmor: AppArmor is on; with ``profiles`` our own profile can be loaded.
        contexts: what the SELinux policy has for containers.
    """

    capabilities: int = capabilities.DEFAULT
    cgroup_version: int = 1
    cpus: int = 1
    memory: int = 0
    thermal: tuple[str, ...] = ()
    time_namespace: bool = False
    init: str = ""
    devices: tuple[DeviceNode, ...] = ()
    last_group: int = (1 << 32) - 2
    apparmor: bool = False
    profiles: bool = False
    contexts: selinux.Contexts = selinux.Contexts()


def host_facts(*, devices: bool = False) -> HostFacts:
    """Look at the machine; with ``devices`` also at every node in ``/dev``."""
    return HostFacts(
        capabilities=capabilities.available(),
        cgroup_version=detect().version,
        cpus=os.cpu_count() or 1,
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        thermal=tuple(_thermal()),
        time_namespace=namespaces.supported("time"),
        init=_init(),
        devices=tuple(_walk("/dev", "/dev", "rwm")) if devices else (),
        last_group=userns.last_group(),
        apparmor=labels.apparmor(),
        profiles=apparmor.can_load(),
        contexts=selinux.contexts(),
    )


def _thermal() -> Iterator[str]:
    base = "/sys/devices/system/cpu"
    for number in range(os.cpu_count() or 1):
        path = f"{base}/cpu{number}/thermal_throttle"
        if os.path.isdir(path):
            yield path


def _init() -> str:
    for name in _INITS:
        for directory in _INIT_DIRECTORIES:
            if os.access(f"{directory}/{name}", os.X_OK):
                return f"{directory}/{name}"
    return ""


def resolve_devices(devices: Sequence[Device]) -> tuple[DeviceNode, ...]:
    """The nodes that ``--device`` asks for: one, or all below a directory; links on the host are followed.

    Raises:
        InvalidArgument: no such device, or permissions other than ``rwm``.
    """
    nodes: list[DeviceNode] = []
    for device in devices:
        if not device.permissions or set(device.permissions) - set("rwm"):
            raise InvalidArgument(f"invalid device mode: {device.permissions}")
        source = os.path.realpath(device.path_on_host)
        target = device.path_in_container or device.path_on_host
        found = list(_walk(source, target, device.permissions)) if os.path.isdir(source) else [_node(source, target, device.permissions)]
        if not found or None in found:
            raise InvalidArgument(
                f'error gathering device information while adding custom device "{device.path_on_host}": not a device node'
            )
        nodes += [node for node in found if node is not None]
    return tuple(nodes)


def resolve_disks(host: HostConfig) -> dict[str, tuple[int, int]]:
    """Major and minor of every block device that a limit names.

    Raises:
        InvalidArgument: there is no such device, or it is no block device.
    """
    limited = (host.blkio_weight_device, host.device_read_bps, host.device_write_bps, host.device_read_iops, host.device_write_iops)
    found = {}
    for path in {device.path for devices in limited for device in devices}:
        try:
            info = os.stat(path)
        except OSError as error:
            raise InvalidArgument(f"stat {path}: {(error.strerror or '').lower()}") from None
        if not stat.S_ISBLK(info.st_mode):
            raise InvalidArgument(f"{path} is not a block device, whose I/O could be limited")
        found[path] = os.major(info.st_rdev), os.minor(info.st_rdev)
    return found


def _node(source: str, target: str, permissions: str) -> DeviceNode | None:
    try:
        info = os.lstat(source)
    except OSError:
        return None
    kind = "c" if stat.S_ISCHR(info.st_mode) else "b" if stat.S_ISBLK(info.st_mode) else ""
    if not kind:
        return None
    return DeviceNode(
        path=target,
        kind=kind,
        major=os.major(info.st_rdev),
        minor=os.minor(info.st_rdev),
        mode=stat.S_IMODE(info.st_mode),
        uid=info.st_uid,
        gid=info.st_gid,
        permissions=permissions,
    )


def _walk(source: str, target: str, permissions: str) -> Iterator[DeviceNode]:
    """Device nodes below a directory, without what the container has of its own (terminals, shared memory, queues)."""
    for directory, names, files in os.walk(source):
        if directory == "/dev":
            names[:] = [name for name in names if name not in ("pts", "shm", "mqueue", "fd")]
            files = [name for name in files if name not in ("console", "ptmx")]
        for name in files:
            node = _node(f"{directory}/{name}", target + directory[len(source) :] + "/" + name, permissions)
            if node is not None:
                yield node
