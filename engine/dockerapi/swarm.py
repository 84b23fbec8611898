"""Swarms as the API describes them: the cluster, nodes, tasks, configs and secrets. Services are in :mod:`engine.dockerapi.services`."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from typing import Any

from engine.dockerapi import times
from engine.dockerapi.create import dumps
from engine.dockerapi.document import Document, load
from engine.errors import InvalidArgument
from engine.model.swarm import (
    Cluster,
    ClusterChange,
    InitConfig,
    JoinConfig,
    Node,
    NodeChange,
    ServicePort,
    SwarmFile,
    SwarmFileSpec,
    Task,
)

SECOND = 1_000_000_000


def decode_cluster(body: bytes) -> Cluster:
    """``GET /swarm``."""
    answer = load(body)
    item = Document(answer)
    tokens = item.document("JoinTokens")
    return Cluster(
        id=item.text("ID"),
        worker_token=tokens.text("Worker"),
        manager_token=tokens.text("Manager"),
        autolock=item.document("Spec").document("EncryptionConfig").flag("AutoLockManagers"),
        tls=_tls(item.document("TLSInfo")),
        trust_root=item.document("TLSInfo").text("TrustRoot"),
        rotating=item.flag("RootRotationInProgress"),
        created_at=times.seconds(item.text("CreatedAt")),
        updated_at=times.seconds(item.text("UpdatedAt")),
        raw=json.dumps(answer, ensure_ascii=False),
    )


def encode_init(config: InitConfig) -> bytes:
    """The body of ``POST /swarm/init``."""
    spec: dict[str, Any] = {}
    if config.settings is not None:
        _merge_cluster(spec, config.settings)
    return dumps(
        {
            "ListenAddr": config.listen,
            "AdvertiseAddr": config.advertise,
            "DataPathAddr": config.data_path,
            "DataPathPort": config.data_path_port,
            "DefaultAddrPool": list(config.pools) or None,
            "SubnetSize": config.pool_prefix,
            "ForceNewCluster": config.force,
            "Availability": config.availability,
            "AutoLockManagers": bool(config.settings and config.settings.autolock),
            "Spec": spec,
        }
    )


def encode_join(config: JoinConfig) -> bytes:
    """The body of ``POST /swarm/join``."""
    return dumps(
        {
            "ListenAddr": config.listen,
            "AdvertiseAddr": config.advertise,
            "DataPathAddr": config.data_path,
            "RemoteAddrs": [config.remote],
            "JoinToken": config.token,
            "Availability": config.availability,
        }
    )


def version_of(raw: str) -> str:
    """The version that an update has to name, so that nobody's change is lost unseen."""
    return Document(json.loads(raw)).document("Version").text("Index")


def spec_of(raw: str) -> dict[str, Any]:
    """The specification in a document, to be changed and sent back whole: the API knows no part updates."""
    spec = json.loads(raw).get("Spec")
    return spec if isinstance(spec, dict) else {}


def encode_cluster(raw: str, change: ClusterChange) -> bytes:
    """The body of ``POST /swarm/update``."""
    spec = spec_of(raw)
    _merge_cluster(spec, change)
    return dumps(spec)


def _merge_cluster(spec: dict[str, Any], change: ClusterChange) -> None:
    for section, field, value in (
        ("EncryptionConfig", "AutoLockManagers", change.autolock),
        ("Orchestration", "TaskHistoryRetentionLimit", change.task_history),
        ("Dispatcher", "HeartbeatPeriod", _nanoseconds(change.heartbeat)),
        ("CAConfig", "NodeCertExpiry", _nanoseconds(change.certificate_expiry)),
        ("Raft", "KeepOldSnapshots", change.max_snapshots),
        ("Raft", "SnapshotInterval", change.snapshot_interval),
    ):
        if value is not None:
            section_of(spec, section)[field] = value
    if change.external is not None:
        section_of(spec, "CAConfig")["ExternalCAs"] = [
            {
                "Protocol": one.protocol,
                "URL": one.url,
                "Options": dict(one.options),
                "CACert": change.root_certificate if change.rotate_root else one.certificate,
            }
            for one in change.external
        ]
    if change.rotate_root:
        authority = section_of(spec, "CAConfig")
        authority |= {"SigningCACert": change.root_certificate, "SigningCAKey": change.root_key}
        if not (change.root_certificate or change.root_key):
            authority["ForceRotate"] = int(authority.get("ForceRotate") or 0) + 1


def _nanoseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * SECOND)


def section_of(spec: dict[str, Any], *names: str) -> dict[str, Any]:
    """A nested object of a specification, made where it is missing."""
    for name in names:
        inner = spec.get(name)
        if not isinstance(inner, dict):
            inner = spec[name] = {}
        spec = inner
    return spec


def decode_nodes(body: bytes) -> Sequence[Node]:
    """``GET /nodes``."""
    return [_node(item) for item in _items(body)]


def decode_node(body: bytes) -> Node:
    """``GET /nodes/{id}``."""
    return _node(load(body))


def _node(answer: object) -> Node:
    item = Document(answer)
    spec, about, status = item.document("Spec"), item.document("Description"), item.document("Status")
    manager, resources = item.document("ManagerStatus"), about.document("Resources")
    return Node(
        id=item.text("ID"),
        hostname=about.text("Hostname"),
        name=spec.text("Name"),
        role=spec.text("Role") or "worker",
        availability=spec.text("Availability") or "active",
        state=status.text("State") or "unknown",
        message=status.text("Message"),
        address=status.text("Addr"),
        leader=manager.flag("Leader"),
        reachability=manager.text("Reachability"),
        manager_address=manager.text("Addr"),
        engine_version=about.document("Engine").text("EngineVersion"),
        os=about.document("Platform").text("OS"),
        architecture=about.document("Platform").text("Architecture"),
        nano_cpus=resources.integer("NanoCPUs"),
        memory=resources.integer("MemoryBytes"),
        labels=spec.pairs("Labels"),
        tls=_tls(about.document("TLSInfo")),
        created_at=times.seconds(item.text("CreatedAt")),
        updated_at=times.seconds(item.text("UpdatedAt")),
        raw=json.dumps(answer, ensure_ascii=False),
    )


def encode_node(raw: str, change: NodeChange) -> bytes:
    """The body of ``POST /nodes/{id}/update``.

    Raises:
        InvalidArgument: a label is to be removed that is not there (docker's words).
    """
    spec = spec_of(raw)
    if change.role:
        spec["Role"] = change.role
    if change.availability:
        spec["Availability"] = change.availability
    labels = section_of(spec, "Labels")
    labels.update(change.add_labels)
    for key in change.remove_labels:
        if key not in labels:
            raise InvalidArgument(f"key {key} doesn't exist in node's labels")
        del labels[key]
    return dumps(spec)


def decode_tasks(body: bytes) -> Sequence[Task]:
    """``GET /tasks``."""
    return [_task(item) for item in _items(body)]


def decode_task(body: bytes) -> Task:
    """``GET /tasks/{id}``."""
    return _task(load(body))


def _task(answer: object) -> Task:
    item = Document(answer)
    container, status = item.document("Spec").document("ContainerSpec"), item.document("Status")
    held = status.document("ContainerStatus")
    return Task(
        id=item.text("ID"),
        service_id=item.text("ServiceID"),
        node_id=item.text("NodeID"),
        slot=item.integer("Slot"),
        image=container.text("Image"),
        desired_state=item.text("DesiredState"),
        state=status.text("State"),
        message=status.text("Message"),
        error=status.text("Err"),
        container_id=held.text("ContainerID"),
        exit_code=held.integer("ExitCode"),
        tty=container.flag("TTY"),
        labels={**container.pairs("Labels"), **item.pairs("Labels")},
        ports=decode_ports(status.document("PortStatus").documents("Ports")),
        created_at=times.seconds(item.text("CreatedAt")),
        changed_at=times.seconds(status.text("Timestamp")),
        raw=json.dumps(answer, ensure_ascii=False),
    )


def decode_ports(items: Iterable[Document]) -> tuple[ServicePort, ...]:
    """Published ports."""
    return tuple(
        ServicePort(
            target=item.integer("TargetPort"),
            published=item.integer("PublishedPort"),
            protocol=item.text("Protocol") or "tcp",
            mode=item.text("PublishMode") or "ingress",
        )
        for item in items
    )


def decode_files(body: bytes) -> Sequence[SwarmFile]:
    """``GET /configs`` and ``GET /secrets``."""
    return [_file(item) for item in _items(body)]


def decode_file(body: bytes) -> SwarmFile:
    """``GET /configs/{id}`` and ``GET /secrets/{id}``."""
    return _file(load(body))


def _file(answer: object) -> SwarmFile:
    item = Document(answer)
    spec = item.document("Spec")
    try:
        data = base64.b64decode(spec.text("Data"))
    except (binascii.Error, ValueError):
        data = b""
    return SwarmFile(
        id=item.text("ID"),
        name=spec.text("Name"),
        labels=spec.pairs("Labels"),
        driver=spec.document("Driver").text("Name"),
        data=data,
        created_at=times.seconds(item.text("CreatedAt")),
        updated_at=times.seconds(item.text("UpdatedAt")),
        raw=json.dumps(answer, ensure_ascii=False),
    )


def encode_file(spec: SwarmFileSpec) -> bytes:
    """The body of ``POST /configs/create`` and ``POST /secrets/create``."""
    body: dict[str, Any] = {"Name": spec.name, "Labels": dict(spec.labels)}
    if spec.data:
        body["Data"] = base64.b64encode(spec.data).decode()
    if spec.driver:
        body["Driver"] = {"Name": spec.driver}
    if spec.template_driver:
        body["Templating"] = {"Name": spec.template_driver}
    return dumps(body)


def decode_id(body: bytes) -> str:
    """The id of what was made; ``POST /swarm/init`` answers with a node's, as a bare string."""
    answer = load(body)
    return answer if isinstance(answer, str) else Document(answer).text("ID")


def decode_unlock_key(body: bytes) -> str:
    """``GET /swarm/unlockkey``; ``""`` when there is none."""
    return Document(load(body)).text("UnlockKey")


def _items(body: bytes) -> list[Any]:
    answer = load(body)
    return answer if isinstance(answer, list) else []


def _tls(item: Document) -> str:
    """One text for a trust root, to be compared; ``""`` when nothing is known of it."""
    parts = (item.text("TrustRoot"), item.text("CertIssuerSubject"), item.text("CertIssuerPublicKey"))
    return "\n".join(parts) if any(parts) else ""
