"""Services as the API describes them, and changes of their specifications.

The API knows no part updates: whoever changes a service sends its whole specification back. So a change is merged into
the document that came, and fields that we have never heard of stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from engine.dockerapi import times
from engine.dockerapi.create import dumps, image_options
from engine.dockerapi.document import Document, load, load_document
from engine.dockerapi.service_container import merge_container, merge_credentials, merge_generic, merge_list, merge_placement, set_pairs
from engine.dockerapi.swarm import SECOND, decode_ports, section_of, spec_of
from engine.errors import InvalidArgument
from engine.model.containers import Mount
from engine.model.services import Grant, RolloutConfig, Service, ServiceChange, ServiceSpec
from engine.model.swarm import ServicePort

# What swarmkit takes where a specification has no such section at all; in a section that is there, a missing field is zero,
# and an update with a parallelism of zero goes over all tasks at once (swarmkit, ``api/defaults/service.go``).
_ROLLOUT = {"Parallelism": 1, "FailureAction": "pause", "Monitor": 5 * SECOND, "MaxFailureRatio": 0, "Order": "stop-first"}
_RESTART = {"Condition": "any", "Delay": 5 * SECOND}
_MODES = (("Global", "global"), ("Replicated", "replicated"), ("ReplicatedJob", "replicated job"), ("GlobalJob", "global job"))


def decode_services(body: bytes) -> Sequence[Service]:
    """``GET /services``."""
    answer = load(body)
    return [_service(item) for item in answer] if isinstance(answer, list) else []


def decode_service(body: bytes) -> Service:
    """``GET /services/{id}``."""
    return _service(load(body))


def _service(answer: object) -> Service:
    item = Document(answer)
    spec, status, update = item.document("Spec"), item.document("ServiceStatus"), item.document("UpdateStatus")
    task, mode = spec.document("TaskTemplate"), spec.document("Mode")
    container = task.document("ContainerSpec")
    kind = next((name for key, name in _MODES if key in mode), "replicated")
    wanted = {"replicated": ("Replicated", "Replicas"), "replicated job": ("ReplicatedJob", "TotalCompletions")}.get(kind)
    return Service(
        id=item.text("ID"),
        name=spec.text("Name"),
        mode=kind,
        replicas=mode.document(wanted[0]).integer(wanted[1], 1) if wanted else None,
        running=status.integer("RunningTasks"),
        desired=status.integer("DesiredTasks"),
        completed=status.integer("CompletedTasks"),
        max_per_node=task.document("Placement").integer("MaxReplicas"),
        image=container.text("Image"),
        args=container.texts("Args"),
        tty=container.flag("TTY"),
        ports=decode_ports(item.document("Endpoint").documents("Ports")),
        labels=spec.pairs("Labels"),
        update_state=update.text("State"),
        update_message=update.text("Message"),
        monitor=spec.document("UpdateConfig").integer("Monitor", 5 * SECOND) / SECOND,
        can_roll_back="PreviousSpec" in item,
        created_at=times.seconds(item.text("CreatedAt")),
        updated_at=times.seconds(item.text("UpdatedAt")),
        raw=json.dumps(answer, ensure_ascii=False),
    )


def decode_warnings(body: bytes) -> Sequence[str]:
    """``POST /services/{id}/update``: what the manager remarks."""
    answer = load_document(body)
    return (*answer.texts("Warnings"), *answer.texts("Warning"))


def decode_distribution(body: bytes) -> tuple[str, tuple[tuple[str, str], ...]]:
    """``GET /distribution/{name}/json``: the digest, and architecture and system of each platform."""
    answer = load_document(body)
    platforms = tuple((item.text("architecture"), item.text("os")) for item in answer.documents("Platforms"))
    return answer.document("Descriptor").text("digest"), platforms


def encode_create(spec: ServiceSpec, ids: Mapping[str, str]) -> bytes:
    """The body of ``POST /services/create``. ``ids`` as for :func:`encode_update`.

    Raises:
        InvalidArgument: mode and settings contradict each other (docker's words).
    """
    change = spec.settings
    job = spec.mode.endswith("-job")
    if spec.mode in ("global", "global-job") and change.replicas is not None:
        raise InvalidArgument("replicas can only be used with replicated or replicated-job mode")
    if spec.mode in ("global", "global-job") and change.max_per_node:
        raise InvalidArgument("replicas-max-per-node can only be used with replicated or replicated-job mode")
    if job and (change.update != RolloutConfig() or change.rollback != RolloutConfig()):
        raise InvalidArgument("update and rollback configuration is not supported for jobs")
    match spec.mode:
        case "replicated":
            mode: dict[str, Any] = {"Replicated": {}}
        case "global":
            mode = {"Global": {}}
        case "replicated-job":
            count = 1 if change.replicas is None else change.replicas
            mode = {"ReplicatedJob": {"MaxConcurrent": count, "TotalCompletions": count}}
        case "global-job":
            mode = {"GlobalJob": {}}
        case _:
            raise InvalidArgument(f"unknown mode: {spec.mode}, only replicated and global supported")
    body: dict[str, Any] = {"Name": spec.name, "Labels": {}, "TaskTemplate": {"ContainerSpec": {}}, "Mode": mode}
    merge(body, change, ids)
    return dumps(body)


def encode_update(raw: str, change: ServiceChange, ids: Mapping[str, str]) -> bytes:
    """The body of ``POST /services/{id}/update``.

    Args:
        raw: the service's document.
        ids: of the networks, secrets and configs that the change names.
    """
    spec = spec_of(raw)
    merge(spec, change, ids)
    return dumps(spec)


def image_of(raw: str) -> str:
    """The image in a service's document."""
    return Document(spec_of(raw)).document("TaskTemplate").document("ContainerSpec").text("Image")


def merge(spec: dict[str, Any], change: ServiceChange, ids: Mapping[str, str]) -> None:
    """Change a specification.

    Raises:
        InvalidArgument: the service's mode does not allow it (docker's words).
    """
    task = section_of(spec, "TaskTemplate")
    container = section_of(task, "ContainerSpec")
    _scale(spec, change)
    if change.force:
        task["ForceUpdate"] = int(task.get("ForceUpdate") or 0) + 1
    _merge_container(container, change, ids)
    merge_container(container, change)
    set_pairs(spec, "Labels", change.labels, change.remove_labels)
    placement = section_of(task, "Placement")
    merge_list(placement, "Constraints", change.constraints, change.remove_constraints, key=str)
    merge_placement(placement, change)
    if change.max_per_node is not None:
        placement["MaxReplicas"] = change.max_per_node
    if change.platforms is not None:
        placement["Platforms"] = [{"Architecture": architecture, "OS": system} for architecture, system in change.platforms]
    merge_generic(task, change)
    merge_credentials(container, change, ids)
    _merge_networks(spec, task, change, ids)
    _merge_ports(spec, change)
    for section, field, value in (
        ("Limits", "NanoCPUs", change.nano_cpus),
        ("Limits", "MemoryBytes", change.memory),
        ("Limits", "Pids", change.pids),
        ("Reservations", "NanoCPUs", change.reserve_nano_cpus),
        ("Reservations", "MemoryBytes", change.reserve_memory),
    ):
        if value is not None:
            section_of(task, "Resources", section)[field] = value
    policy: tuple[tuple[str, str | int | None], ...] = (
        ("Condition", change.restart_condition or None),
        ("Delay", _duration(change.restart_delay)),
        ("MaxAttempts", change.restart_attempts),
        ("Window", _duration(change.restart_window)),
    )
    for field, wish in policy:
        if wish is not None:
            task.setdefault("RestartPolicy", dict(_RESTART))[field] = wish
    if change.log_driver or change.log_options:
        task["LogDriver"] = {"Name": change.log_driver, "Options": dict(change.log_options)}
    _merge_rollout(spec, "UpdateConfig", change.update)
    _merge_rollout(spec, "RollbackConfig", change.rollback)


def _scale(spec: dict[str, Any], change: ServiceChange) -> None:
    mode = section_of(spec, "Mode")
    if change.max_concurrent is not None:
        if not isinstance(mode.get("ReplicatedJob"), dict):
            raise InvalidArgument("max-concurrent can only be used with replicated-job mode")
        mode["ReplicatedJob"]["MaxConcurrent"] = change.max_concurrent
    if change.replicas is None:
        return
    if isinstance(mode.get("Replicated"), dict):
        mode["Replicated"]["Replicas"] = change.replicas
    elif isinstance(mode.get("ReplicatedJob"), dict):
        mode["ReplicatedJob"]["TotalCompletions"] = change.replicas
    else:
        raise InvalidArgument("scale can only be used with replicated or replicated-job mode")


def _merge_container(container: dict[str, Any], change: ServiceChange, ids: Mapping[str, str]) -> None:
    for field, value in (
        ("Image", change.image or None),
        ("Args", None if change.args is None else list(change.args)),
        ("Command", None if change.entrypoint is None else list(change.entrypoint)),
        ("User", change.user),
        ("Dir", change.workdir),
        ("Hostname", change.hostname),
        ("TTY", change.tty),
        ("Init", change.init),
        ("ReadOnly", change.read_only),
        ("StopSignal", change.stop_signal),
        ("StopGracePeriod", _duration(change.stop_grace)),
        ("Isolation", change.isolation),
        ("OomScoreAdj", change.oom_score_adj),
    ):
        if value is not None:
            container[field] = value
    merge_list(container, "Env", change.env, change.remove_env, key=lambda text: text.partition("=")[0])
    set_pairs(container, "Labels", change.container_labels, change.remove_container_labels)
    mounts = [_mount(mount) for mount in change.mounts]
    merge_list(container, "Mounts", mounts, change.remove_mounts, key=lambda mount: str(mount.get("Target")))
    for field, kind, added, removed in (
        ("Secrets", "Secret", change.secrets, change.remove_secrets),
        ("Configs", "Config", change.configs, change.remove_configs),
    ):
        grants = [_grant(kind, grant, ids) for grant in added]
        merge_list(container, field, grants, removed, key=lambda one, name=f"{kind}Name": str(one.get(name)))  # type: ignore[misc]  # mypy can not infer a lambda with a default


def _grant(kind: str, grant: Grant, ids: Mapping[str, str]) -> dict[str, Any]:
    file = {"Name": grant.target or grant.source, "UID": grant.uid, "GID": grant.gid, "Mode": grant.mode}
    return {"File": file, f"{kind}ID": ids[grant.source], f"{kind}Name": grant.source}


def _mount(mount: Mount) -> dict[str, Any]:
    found: dict[str, Any] = {"Type": mount.kind, "Source": mount.source, "Target": mount.target, "ReadOnly": mount.read_only}
    if mount.kind == "bind" and mount.options:
        found["BindOptions"] = {"Propagation": mount.options[0]}
    if mount.kind == "volume" and "nocopy" in mount.options:
        found["VolumeOptions"] = {"NoCopy": True}
    if options := image_options(mount):
        found["ImageOptions"] = options
    return found


def _merge_networks(spec: dict[str, Any], task: dict[str, Any], change: ServiceChange, ids: Mapping[str, str]) -> None:
    if not change.networks and not change.remove_networks:
        return
    if not task.get("Networks") and spec.get("Networks"):
        task["Networks"] = spec["Networks"]  # where services of engines before 1.25 have them
    spec.pop("Networks", None)
    added = [{"Target": ids[name]} for name in change.networks]
    removed = [ids[name] for name in change.remove_networks]
    merge_list(task, "Networks", added, removed, key=lambda one: str(one.get("Target")))


def _merge_ports(spec: dict[str, Any], change: ServiceChange) -> None:
    if change.endpoint_mode:
        section_of(spec, "EndpointSpec")["Mode"] = change.endpoint_mode
    if not change.ports and not change.remove_ports:
        return
    endpoint = section_of(spec, "EndpointSpec")
    kept = [port for port in endpoint.get("Ports") or () if not any(_removes(wanted, port) for wanted in change.remove_ports)]
    added = [_port(port) for port in change.ports]
    ports = [port for port in kept if not any(_same_port(port, other) for other in added)] + added
    endpoint["Ports"] = sorted(ports, key=lambda port: int(port.get("PublishedPort") or 0))  # docker's order, which makes no difference


def _port(port: ServicePort) -> dict[str, Any]:
    found = {"Protocol": port.protocol, "TargetPort": port.target, "PublishMode": port.mode}
    return {**found, "PublishedPort": port.published} if port.published else found


def _removes(wanted: ServicePort, port: Mapping[str, Any]) -> bool:
    kind = (port.get("TargetPort"), port.get("Protocol") or "tcp", port.get("PublishMode") or "ingress")
    return kind == (wanted.target, wanted.protocol, wanted.mode) and wanted.published in (0, port.get("PublishedPort"))


def _same_port(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in ("Protocol", "TargetPort", "PublishedPort"))


def _merge_rollout(spec: dict[str, Any], section: str, config: RolloutConfig) -> None:
    for field, value in (
        ("Parallelism", config.parallelism),
        ("Delay", _duration(config.delay)),
        ("Monitor", _duration(config.monitor)),
        ("FailureAction", config.failure_action or None),
        ("MaxFailureRatio", config.max_failure_ratio),
        ("Order", config.order or None),
    ):
        if value is not None:
            spec.setdefault(section, dict(_ROLLOUT))[field] = value


def _duration(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * SECOND)
