"""The configuration that a new bundle starts from: docker's defaults, a shell in ``rootfs``."""

from __future__ import annotations

from typing import Any

from engine.linux import capabilities
from engine.runtime import defaults


def template() -> dict[str, Any]:
    """The document."""
    listed = list(capabilities.names(capabilities.DEFAULT))
    return {
        "ociVersion": defaults.OCI_VERSION,
        "process": {
            "terminal": True,
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "env": [defaults.ENV_PATH, "TERM=xterm"],
            "cwd": "/",
            "capabilities": {"bounding": listed, "effective": listed, "permitted": listed},
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "longshore",
        "mounts": [
            {"destination": destination, "type": kind, "source": source, "options": list(options)}
            for destination, kind, source, options in defaults.MOUNTS
        ],
        "linux": {
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
            "maskedPaths": list(defaults.MASKED_PATHS),
            "readonlyPaths": list(defaults.READONLY_PATHS),
        },
    }
