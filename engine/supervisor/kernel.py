"""A container's control group and network, seen from its OCI configuration: freeze, look for OOM kills, take apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.errors import EngineFault, LongshoreError
from engine.linux import cgroups, userns
from engine.linux.cgroups import Cgroup
from engine.network.manager import NetworkManager
from engine.store.containers import ContainerRecord

Spec = dict[str, Any]


def cgroup_of(spec: Spec) -> Cgroup | None:
    """The control group a configuration names; ``None`` without one, or on a machine without any."""
    try:
        return cgroups.cgroup_of(spec)
    except (KeyError, ValueError):
        return None


def freeze(spec: Spec, container_id: str) -> None:
    """Stop every process of a container from running. Raises EngineFault."""
    group = cgroup_of(spec)
    if group is None:
        hint = "an ordinary user's containers can be paused where cgroup v2 is delegated to the user" if userns.contained() else ""
        raise EngineFault(f"cannot pause container {container_id[:12]}: there is no cgroup for it", hint=hint)
    try:
        group.freeze()
    except OSError as error:
        group.thaw()
        raise EngineFault(f"cannot pause container {container_id[:12]}: {error}") from error


def thaw(spec: Spec, container_id: str) -> None:
    """Let them run again. Raises EngineFault."""
    group = cgroup_of(spec)
    try:
        if group is not None:
            group.thaw()
    except OSError as error:
        raise EngineFault(f"cannot unpause container {container_id[:12]}: {error}") from error


def oom_kills(spec: Spec) -> int:
    """How many of its processes the kernel killed for want of memory; to be asked before it is taken apart."""
    group = cgroup_of(spec)
    try:
        return group.oom_kills() if group is not None else 0
    except OSError:
        return 0


def watch_oom(spec: Spec) -> tuple[int, int]:
    """See :meth:`Cgroup.watch_oom`; -1 and nothing where it is not to be had."""
    group = cgroup_of(spec)
    try:
        return group.watch_oom() if group is not None else (-1, 0)
    except OSError:
        return -1, 0


def dismantle(networks: NetworkManager, record: ContainerRecord, spec: Spec, *, tidy: bool = True) -> None:
    """Kill what is left of a container outside its PID namespace, and remove its control group and network.

    Idempotent. What fails here is tried again by the recovery sweep. Without ``tidy`` interfaces are left for :meth:`NetworkManager.tidy`.
    """
    group = cgroup_of(spec)
    steps: list[Callable[[], object]] = [lambda: networks.detach(record, tidy=tidy)]
    if group is not None and group.exists():
        if group.pids():
            steps.append(group.kill)
        steps.append(group.remove)
    for step in steps:
        try:
            step()
        except (OSError, LongshoreError):
            continue
