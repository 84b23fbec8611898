"""A bundle's ``config.json``: read, checked, and filled in with what the runtime takes for granted (runtime-spec ``config.md``)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from engine.errors import InvalidArgument, NotSupported
from engine.linux import capabilities, labels, namespaces
from engine.linux.cgroup_files import OURS
from engine.runtime import defaults, init, rootfs

CONFIG = "config.json"
CGROUP_PARENT = f"/{OURS}"
_NOT_YET = {
    "process": ("scheduler", "ioPriority", "execCPUAffinity"),
    "linux": ("intelRdt", "personality", "netDevices", "memoryPolicy"),
}


def load(bundle: str, container_id: str) -> dict[str, Any]:
    """The configuration of the bundle in directory ``bundle``, in the form that :mod:`engine.runtime` takes.

    Raises:
        InvalidArgument: there is none, or it breaks the specification.
        NotSupported: it asks for something that this runtime does not do.
    """
    import json

    path = os.path.join(bundle, CONFIG)
    try:
        with open(path, "rb") as file:
            spec = json.loads(file.read())
    except FileNotFoundError:
        raise InvalidArgument(f"JSON specification file {path} not found") from None
    except (OSError, ValueError) as error:
        raise InvalidArgument(f"reading {path}: {error}") from None
    if not isinstance(spec, dict):
        raise InvalidArgument(f"reading {path}: not an object")
    try:
        return _complete(spec, bundle, container_id)
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidArgument(f"{path} breaks the runtime specification: {type(error).__name__}: {error}") from None


def _complete(spec: dict[str, Any], bundle: str, container_id: str) -> dict[str, Any]:
    if not isinstance(spec.get("ociVersion"), str):
        raise InvalidArgument("config.json: ociVersion must be a string")
    linux = dict(spec.get("linux") or {})
    for section, keys in _NOT_YET.items():
        for key in keys:
            if (spec.get(section) or {}).get(key):
                raise NotSupported(f"config.json: {section}.{key} is not supported")
    if linux.get("mountLabel") and not labels.selinux():
        raise NotSupported(f"linux.mountLabel is {linux['mountLabel']!r}, but SELinux is not enabled on this machine")
    kinds = _namespaces(linux)
    if spec.get("hostname") and "uts" not in kinds:
        raise InvalidArgument("unable to set hostname without a private UTS namespace")
    linux["cgroupsPath"] = cgroup_path(linux.get("cgroupsPath") or "", container_id)
    linux["devices"] = _devices(linux)
    resources = dict(linux.get("resources") or {})
    if resources.get("rdma"):
        raise NotSupported("config.json: linux.resources.rdma is not supported")
    # As runc: nothing but what is listed, and then the usual nodes, which no bundle can take away.
    deny, *usual = defaults.device_rules()
    resources["devices"] = [deny, *(resources.get("devices") or ()), *usual]
    linux["resources"] = resources
    # Annotations of ours would be orders to the runtime: a bundle has none to give.
    notes = {key: value for key, value in (spec.get("annotations") or {}).items() if not key.startswith(rootfs.RESERVED)}
    return {
        **spec,
        "annotations": notes,
        "root": {**spec["root"], "path": _root(spec["root"]["path"], bundle)},
        "process": complete_process(spec["process"]),
        "mounts": [_mount(entry, bundle) for entry in spec.get("mounts") or ()],
        "linux": linux,
    }


def _namespaces(linux: dict[str, Any]) -> set[str]:
    """Check ``linux.namespaces`` and give back the types."""
    linux["namespaces"] = list(linux.get("namespaces") or ())
    kinds: set[str] = set()
    for entry in linux["namespaces"]:
        kind, path = entry["type"], entry.get("path")
        if kind not in namespaces.FLAGS:
            raise InvalidArgument(f"namespace {kind!r} does not exist")
        if kind in kinds:
            raise InvalidArgument(f"malformed spec file: duplicated ns {kind!r}")
        if path and not path.startswith("/"):
            raise InvalidArgument(f"the path of the {kind} namespace is not absolute: {path}")
        kinds.add(kind)
    if "mount" not in kinds:
        raise NotSupported("a container without a mount namespace of its own would change the host's mounts")
    mapped = bool(linux.get("uidMappings")), bool(linux.get("gidMappings"))
    if any(mapped) and "user" not in kinds:
        raise InvalidArgument("id mappings are specified, but no user namespace")
    if not all(mapped) and any(entry["type"] == "user" and not entry.get("path") for entry in linux["namespaces"]):
        raise InvalidArgument("a new user namespace needs uidMappings and gidMappings")
    return kinds


def cgroup_path(given: str, container_id: str) -> str:
    """Where the container's control group is: below the hierarchies' mount points when absolute, else below a group of ours."""
    if given.count(":") == 2 and not given.startswith("/"):
        raise NotSupported(f"cgroup path {given}: systemd cgroups are not supported", hint="use the cgroupfs manager")
    return given if given.startswith("/") else f"{CGROUP_PARENT}/{given or container_id}"


def _root(path: str, bundle: str) -> str:
    full = os.path.realpath(os.path.join(bundle, path))
    if not os.path.isdir(full):
        raise InvalidArgument(f"rootfs {full} is no directory")
    return full


def _mount(entry: Mapping[str, Any], bundle: str) -> dict[str, Any]:
    options = list(entry.get("options") or ())
    kind = entry.get("type") or "none"
    source = entry.get("source") or ""
    if "bind" in options or "rbind" in options or kind in ("bind", "rbind"):
        kind = "bind"
        source = os.path.join(bundle, source)
    elif kind == "none":
        raise InvalidArgument(f"mount {entry['destination']}: no type, and no bind option")
    destination = "/" + entry["destination"].lstrip("/")
    return {
        **entry,
        rootfs.SHALLOW: True,
        "type": kind,
        "source": source,
        "options": options,
        "destination": destination,
    }


def _devices(linux: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The usual nodes, and the bundle's in place of equal ones."""
    usual = {
        path: {"path": path, "type": "c", "major": major, "minor": minor, "fileMode": 0o666, "uid": 0, "gid": 0, "default": True}
        for path, major, minor in defaults.DEVICES
    }
    given = {device["path"]: {**device, "fileMode": device.get("fileMode", 0o666)} for device in linux.get("devices") or ()}
    return list({**usual, **given}.values())


def complete_process(process: Mapping[str, Any]) -> dict[str, Any]:
    """A ``process`` object, checked; also that of an exec.

    Raises:
        InvalidArgument: it breaks the specification.
    """
    if not process.get("args"):
        raise InvalidArgument("process.args must not be empty")
    if not (process.get("cwd") or "").startswith("/"):
        raise InvalidArgument(f"process.cwd {process.get('cwd')!r} must be an absolute path")
    if process.get("apparmorProfile") and not labels.apparmor():
        raise NotSupported(f"process.apparmorProfile is {process['apparmorProfile']!r}, but AppArmor is not enabled on this machine")
    if process.get("selinuxLabel") and not labels.selinux():
        raise NotSupported(f"process.selinuxLabel is {process['selinuxLabel']!r}, but SELinux is not enabled on this machine")
    types: set[str] = set()
    for limit in process.get("rlimits") or ():
        if limit["type"] not in init.RLIMITS:
            raise InvalidArgument(f"rlimits: {limit['type']!r} is no resource limit")
        if limit["type"] in types:
            raise InvalidArgument(f"rlimits: duplicated {limit['type']}")
        types.add(limit["type"])
    user = {key: value for key, value in (process.get("user") or {}).items() if key != "username"}
    known = capabilities.available()
    sets = {}
    for name, listed in (process.get("capabilities") or {}).items():
        # Those that nobody knows, or that we do not have ourselves, are left out (runtime-spec: a warning, not an error).
        sets[name] = list(capabilities.names(capabilities.mask(filter(capabilities.normalise, listed or ())) & known))
    return {**process, "user": user, "capabilities": sets}
