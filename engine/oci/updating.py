"""New limits for a running container: OCI's ``update``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import Conflict, EngineFault
from engine.linux.syscalls import reason
from engine.oci.state import Container


def update(container: Container, resources: Mapping[str, Any]) -> tuple[str, ...]:
    """Write limits (an OCI ``linux.resources``); what this kernel can not do comes back. Device rules stay as they are.

    Raises:
        Conflict: the container has stopped.
        EngineFault: the kernel refuses, or there is no cgroup.
    """
    if container.status(container.state) in ("stopped", "creating"):
        raise Conflict(f"{container.id}: container not running")
    cgroup = container.cgroup()
    if cgroup is None:
        raise EngineFault(f"{container.id}: no cgroup whose limits could be changed")
    try:
        return tuple(cgroup.update(resources))
    except (OSError, ValueError) as error:
        why = f"{reason(error)}: {error.filename}" if isinstance(error, OSError) else str(error)
        raise EngineFault(f"{container.id}: error setting the container's limits: {why}") from None
