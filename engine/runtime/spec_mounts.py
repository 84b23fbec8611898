"""The mounts of a configuration: docker's defaults, the generated files, then the person's, shallow ones first."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import InvalidArgument
from engine.model.containers import HostConfig, Mount
from engine.model.value import EMPTY
from engine.runtime import defaults

Entry = dict[str, Any]

LAYERS = "layers"
"""Of a bind whose source is an image: the directories of its layers, topmost first, which are mounted as an overlay."""

_PROPAGATION = frozenset({"private", "rprivate", "slave", "rslave", "shared", "rshared"})
_IGNORED = frozenset({"writable", "forcereadonly", "z", "Z", "nocopy", "rw", "ro", "volume-nocopy", "copy"})
_IGNORED |= {"consistent", "cached", "delegated"}


def mounts(
    given: Sequence[Mount],
    files: Sequence[tuple[str, str]],
    host: HostConfig,
    writable_cgroups: bool,
    layers: Mapping[str, tuple[str, ...]] = EMPTY,
) -> list[Entry]:
    """Every mount in order; ``layers`` are directories, topmost first, of images that are mounted as overlays, by image id.

    Raises:
        InvalidArgument: two mounts on one path, a mount on ``/``, or a relative path.
    """
    own = [_image(mount, layers[mount.image_id]) if mount.image_id in layers and not mount.path else _entry(mount) for mount in given]
    own += [_tmpfs(target, options) for target, options in host.tmpfs.items()]
    taken: set[str] = set()
    for entry in own:
        clean = entry["destination"]
        if clean in taken:
            raise InvalidArgument(f"Duplicate mount point: {clean}")
        if clean == "/":
            raise InvalidArgument("invalid mount: destination can't be '/'")
        taken.add(clean)
    generated = [_bind(source, target, ["rbind", "rprivate"]) for target, source in files if target not in taken]
    ordered = sorted([*generated, *own], key=lambda entry: entry["destination"].count("/"))
    return [*_defaults(taken, host, writable_cgroups), *ordered]


def _defaults(taken: set[str], host: HostConfig, writable_cgroups: bool) -> list[Entry]:
    entries = []
    for destination, kind, source, options in defaults.MOUNTS:
        if destination in taken or (destination.startswith("/dev/") and "/dev" in taken):
            continue
        listed = list(options)
        if destination == "/dev/shm":
            if host.ipc_mode == "none":
                continue
            listed.append(f"size={host.shm_size or defaults.SHM_SIZE}")
        if destination == "/dev/shm" and host.ipc_mode == "host":
            entries.append(_bind(destination, destination, ["rbind"]))
            continue
        if destination == "/dev/shm" and host.ipc_mode.startswith("container:"):
            entries.append({"destination": destination, "type": "join", "source": host.ipc_mode, "options": []})
            continue
        if destination in ("/sys", "/sys/fs/cgroup") and (host.privileged or (writable_cgroups and kind == "cgroup")):
            listed = [option for option in listed if option != "ro"]
        if host.read_only_rootfs and destination not in defaults.WRITABLE_WITH_READONLY_ROOT and "ro" not in listed:
            listed.append("ro")
        entries.append({"destination": destination, "type": kind, "source": source, "options": listed})
    return entries


def _clean(target: str) -> str:
    if not target.startswith("/"):
        raise InvalidArgument(f"invalid mount path: '{target}' mount path must be absolute")
    return posixpath.normpath("/" + target.lstrip("/"))


def _bind(source: str, target: str, options: list[str]) -> Entry:
    return {"destination": target, "type": "bind", "source": source, "options": options}


def _entry(mount: Mount) -> Entry:
    target = _clean(mount.target)
    if mount.kind == "tmpfs":
        options = [option for option in mount.options if option not in _IGNORED]
        return _tmpfs(target, ",".join([*options, *(["ro"] if mount.read_only else [])]))
    source = mount.path or mount.source
    if not source.startswith("/"):
        raise InvalidArgument(f"invalid mount {target}: its source {source!r} is not resolved")
    spread = [option for option in mount.options if option in _PROPAGATION]
    others = [option for option in mount.options if option not in _PROPAGATION and option not in _IGNORED]
    unknown = [option for option in others if "=" in option or option not in ("noexec", "nosuid", "nodev", "rbind", "bind", "norecursive")]
    if unknown:
        raise InvalidArgument(f"invalid mount option {unknown[0]!r} for {target}")
    how = "bind" if "bind" in others or "norecursive" in others else "rbind"
    extra = [option for option in others if option.startswith("no") and option != "norecursive"]
    read_only = mount.read_only or "ro" in mount.options
    entry = _bind(source, target, [how, spread[-1] if spread else "rprivate", *extra, *(["ro"] if read_only else [])])
    if mount.subpath:
        entry["subpath"] = mount.subpath
    if "writable" in mount.options:
        entry["shallow"] = True  # what is mounted below stays as it is
    return entry


def _image(mount: Mount, layers: tuple[str, ...]) -> Entry:
    """An image that nothing but the container's own mount of its ``layers`` puts together."""
    entry = _bind(mount.source, _clean(mount.target), ["bind", "rprivate", "ro"]) | {LAYERS: list(layers)}
    return entry | ({"subpath": mount.subpath} if mount.subpath else {})


def _tmpfs(target: str, options: str) -> Entry:
    """``--tmpfs``: noexec, nosuid and nodev unless the options say otherwise."""
    listed = ["noexec", "nosuid", "nodev", *(option for option in options.split(",") if option)]
    return {"destination": _clean(target), "type": "tmpfs", "source": "tmpfs", "options": listed}


def propagation(given: Sequence[Mount]) -> str:
    """What ``rootfsPropagation`` the mounts need: a slave or shared mount must not be cut off from the host."""
    options = {option.removeprefix("r") for mount in given for option in mount.options if option in _PROPAGATION}
    return "shared" if "shared" in options else "slave" if "slave" in options else "rprivate"
