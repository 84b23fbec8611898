"""The OCI configuration that the backend wrote at create."""

from __future__ import annotations

from typing import Any

from engine.errors import EngineFault
from engine.store import codec
from engine.store.roots import Roots


def load_spec(roots: Roots, container_id: str) -> dict[str, Any]:
    """A container's OCI configuration.

    Raises:
        EngineFault: it is missing or damaged.
    """
    path = f"{roots.container_dir(container_id)}/config.json"
    try:
        with open(path, encoding="utf-8") as stream:
            spec = codec.loads(stream.read())
    except (OSError, ValueError, StopIteration) as error:
        raise EngineFault(f"cannot read {path}: {error}") from error
    if not isinstance(spec, dict):
        raise EngineFault(f"{path} holds no OCI configuration")
    return spec


def spec_for_cleaning(roots: Roots, container_id: str) -> dict[str, Any]:
    """:func:`load_spec` for those who take a container apart: without a readable one, what every container has in the kernel."""
    try:
        return load_spec(roots, container_id)
    except EngineFault:
        from engine.runtime.spec import CGROUP_PARENT

        return {"linux": {"cgroupsPath": f"{CGROUP_PARENT}/{container_id}"}}
