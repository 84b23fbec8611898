"""AppArmor and SELinux for containers: what ``--security-opt apparmor=…`` and ``label=…`` ask for, and our own AppArmor profile.

As docker has it (moby ``daemon/daemon_unix.go``, ``daemon/apparmor_default.go``, and ``label.InitLabels`` of opencontainers/selinux):
where AppArmor is on and a profile can be loaded, a container that is not privileged runs under :data:`DEFAULT_PROFILE`. Where SELinux is on
and the policy knows containers, it runs in their context with two categories of its own, and ``:z`` and ``:Z`` put its files' context on
what is mounted. Docker does the latter only if dockerd is told to, podman always: so do we.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.errors import InvalidArgument, StartFailed
from engine.linux import apparmor, labels, selinux
from engine.linux.selinux import Contexts
from engine.model.containers import HostConfig, Mount
from engine.runtime.rootfs import OVERLAY_LOWER

DEFAULT_PROFILE = "longshore-default"
_PRIVILEGED_LEVEL = "s0:c1022,c1023"
_SHARED_LEVEL = "s0"
_TOPS = (
    "bin",
    "boot",
    "dev",
    "etc",
    "home",
    "lib",
    "lib64",
    "media",
    "opt",
    "proc",
    "root",
    "run",
    "sbin",
    "srv",
    "sys",
    "tmp",
    "usr",
    "var",
)
_NEVER_LABELLED = frozenset(("/", *(f"/{name}" for name in _TOPS), "/var/lib", "/var/log"))
"""Directories of the host whose own context keeps the host working (opencontainers/selinux ``badPrefix`` has most of them)."""

_PROFILE = """
profile NAME flags=(attach_disconnected, mediate_deleted) {
  network,
  deny network alg,
  capability,
  file,
  umount,

  # The host and we may send signals; within, everybody may, and look at each other.
  signal (receive) peer=unconfined,
  signal (receive) peer=OURS,
  signal (send, receive) peer=NAME,
  ptrace (trace, read, tracedby, readby) peer=NAME,

  # Of /proc its processes, and of its settings those of the namespaces.
  deny /proc/* w,
  deny /proc/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/** w,
  deny /proc/sys/[^k]** w,
  deny /proc/sys/kernel/{?,??,[^s][^h][^m]**} w,
  deny /proc/sysrq-trigger rwklx,
  deny /proc/kcore rwklx,

  deny mount,

  # Of /sys the control groups.
  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}
"""


def profile_text() -> str:
    """The default profile, for ``apparmor_parser``; it names the profile that we run under ourselves, for our signals."""
    return _PROFILE.replace("NAME", DEFAULT_PROFILE).replace("OURS", _own_profile())


def _own_profile() -> str:
    try:
        with open("/proc/self/attr/apparmor/current", encoding="utf-8") as file:
            return file.read().strip("\0\n").rpartition(" (")[0] or apparmor.UNCONFINED
    except OSError:
        return apparmor.UNCONFINED


def options_of(security_opt: Sequence[str], name: str) -> list[str]:
    """The values of an option of ``--security-opt``, written ``NAME=VALUE`` or ``NAME:VALUE``."""
    plain = [option if "=" in option or ":" not in option else option.replace(":", "=", 1) for option in security_opt]
    return [option.partition("=")[2] for option in plain if option.partition("=")[0] == name]


def profile(host: HostConfig, *, default: bool) -> str:
    """The AppArmor profile of a container on a machine with AppArmor; ``""`` without a wish where the ``default`` can not be loaded."""
    asked = (options_of(host.security_opt, "apparmor") or [""])[-1]
    usual = apparmor.UNCONFINED if host.privileged else DEFAULT_PROFILE
    wanted = asked or (usual if default else "")
    # Whoever may load no profiles may be under one that forbids to leave it, as an ordinary user of Ubuntu is in a user namespace.
    return "" if wanted == apparmor.UNCONFINED and not default else wanted


def contexts(host: HostConfig, usual: Contexts, level: str, joined: str = "") -> Contexts:
    """The contexts of a container's processes and files.

    Args:
        usual: what the policy has, nothing where SELinux is not to be had.
        level: the container's own.
        joined: process context of the container whose processes or shared memory it shares.

    Raises:
        InvalidArgument: an option that there is not; with docker's words.
    """
    if not usual.process:
        return Contexts()
    asked = options_of(host.security_opt, "label")
    if not asked and joined:
        asked = [f"{name}:{value}" for name, value in selinux.split(joined).items()]
    elif not asked and (host.privileged or "host" in (host.pid_mode, host.ipc_mode)):
        asked = ["disable"]
    process = selinux.split(usual.process) | {"level": level}
    file = selinux.split(usual.file) | {"level": level}
    for option in asked:
        if option == "disable":
            return Contexts(process="", file=selinux.join(file | {"level": _PRIVILEGED_LEVEL}))
        name, colon, value = option.partition(":")
        if not colon or name not in (*selinux.FIELDS, "filetype"):
            known = "'disable, user, role, level, type, filetype'"
            raise InvalidArgument(f"invalid --security-opt: bad label option {option!r}, valid options {known}")
        if name == "filetype":
            file["type"] = value
        else:
            process[name] = value
        if name in ("level", "user"):
            file[name] = value
    return Contexts(process=selinux.join(process), file=selinux.join(file))


def at_start(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without what this machine does no longer have: it may have been booted otherwise since create."""
    process, linux = dict(spec["process"]), dict(spec["linux"])
    if not labels.apparmor():
        process.pop("apparmorProfile", None)
    if not labels.selinux():
        process.pop("selinuxLabel", None)
        linux.pop("mountLabel", None)
    return {**spec, "process": process, "linux": linux}


def ensure(spec: Mapping[str, Any]) -> None:
    """Load the default profile where ``spec`` names it and the kernel has it not, or no more. Raises StartFailed."""
    if spec["process"].get("apparmorProfile") != DEFAULT_PROFILE or apparmor.loaded(DEFAULT_PROFILE):
        return
    try:
        apparmor.load(profile_text())
    except OSError as error:
        raise StartFailed(
            f"AppArmor is enabled on the system but the {DEFAULT_PROFILE} profile could not be loaded: {error.strerror or error}",
            hint="install the package apparmor, or run with --security-opt apparmor=unconfined",
        ) from None


def label_mounts(spec: Mapping[str, Any], mounted: Iterable[Mount]) -> None:
    """Put the context of the container's files on what ``:z`` and ``:Z`` mark and on volumes, as each start of docker's does.

    A volume is shared, unless ``:Z`` says otherwise. A volume, and a root that is no overlay, is done if its top has the context.

    Raises:
        StartFailed: it would harm the host, or the file system refuses.
    """
    own = spec["linux"].get("mountLabel") or ""
    if not own:
        return
    root = spec["root"]["path"]
    if OVERLAY_LOWER not in (spec.get("annotations") or {}) and selinux.of(root) != own:
        _label(root, own)
    shared = selinux.join(selinux.split(own) | {"level": _SHARED_LEVEL})
    for mount in mounted:
        marks = {"z", "Z"} & set(mount.options)
        volume = mount.kind == "volume"
        if not mount.path or not (marks or volume):
            continue
        context = own if "Z" in marks else shared
        if volume and not marks and selinux.of(mount.path) == context:
            continue
        _label(mount.path, context)


def _label(path: str, context: str) -> None:
    real = os.path.realpath(path)
    if real in _NEVER_LABELLED:
        raise StartFailed(f"SELinux relabeling of {path} is not allowed")
    try:
        selinux.label_tree(real, context)
    except OSError as error:
        raise StartFailed(f"SELinux relabeling of {path} failed: {error.strerror or error}") from None


def label_files(spec: Mapping[str, Any], directory: str) -> None:
    """Put the context on the generated files that are bound out of ``directory``. Raises StartFailed."""
    own = spec["linux"].get("mountLabel") or ""
    for entry in spec["mounts"] if own else ():
        source = entry.get("source") or ""
        if entry["type"] == "bind" and os.path.dirname(source) == directory:
            _label(source, own)
