"""What this runtime can do, in the form of runtime-spec ``features.md``."""

from __future__ import annotations

from typing import Any

from engine.linux import capabilities, labels, mounts, namespaces
from engine.linux.cgroups import detect
from engine.model.version import VERSION
from engine.runtime import seccomp
from engine.runtime.defaults import OCI_VERSION

HOOKS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


def features() -> dict[str, Any]:
    """The document."""
    version = detect().version
    return {
        "ociVersionMin": "1.0.0",
        "ociVersionMax": OCI_VERSION,
        "hooks": list(HOOKS),
        "mountOptions": mounts.known_options(),
        "linux": {
            "namespaces": sorted(kind for kind in namespaces.FLAGS if namespaces.supported(kind)),
            "capabilities": list(capabilities.names((1 << capabilities.last() + 1) - 1)),
            "cgroup": {"v1": version == 1, "v2": version == 2, "systemd": False, "systemdUser": False, "rdma": False},
            "seccomp": {
                "enabled": True,
                "actions": seccomp.actions(),
                "operators": seccomp.operators(),
                "archs": seccomp.architectures(),
            },
            "apparmor": {"enabled": labels.apparmor()},
            "selinux": {"enabled": labels.selinux()},
            "intelRdt": {"enabled": False},
            "mountExtensions": {"idmap": {"enabled": False}},
        },
        "annotations": {"dev.longshore.version": VERSION},
    }
