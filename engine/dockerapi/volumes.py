"""Volumes as the API describes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from engine.dockerapi import times
from engine.dockerapi.create import dumps
from engine.dockerapi.document import Document, load
from engine.errors import NotSupported
from engine.model.containers import PruneReport
from engine.model.volumes import Volume, VolumeSpec

_ANONYMOUS = "com.docker.volume.anonymous"
_HEX = frozenset("0123456789abcdef")


def decode_list(body: bytes) -> Sequence[Volume]:
    """``GET /volumes``."""
    answer = load(body)
    items = answer.get("Volumes") if isinstance(answer, dict) else None
    return sorted((decode(item) for item in items) if isinstance(items, list) else (), key=lambda volume: volume.name)


def decode_details(body: bytes) -> Volume:
    """``GET /volumes/{name}`` and ``POST /volumes/create``."""
    return decode(load(body))


def decode_prune(body: bytes) -> PruneReport:
    """``POST /volumes/prune``: the names."""
    item = Document(load(body))
    return PruneReport(removed=item.texts("VolumesDeleted"), space_reclaimed=item.integer("SpaceReclaimed"))


def decode_usage(body: bytes) -> Sequence[Volume]:
    """The volumes of ``GET /system/df``, sizes counted."""
    return decode_list(body)


def encode_create(spec: VolumeSpec) -> bytes:
    """The body of ``POST /volumes/create``."""
    body: dict[str, Any] = {"Driver": spec.driver}
    if spec.name:
        body["Name"] = spec.name
    if spec.options:
        body["DriverOpts"] = dict(spec.options)
    if spec.labels:
        body["Labels"] = dict(spec.labels)
    return dumps(body)


def decode(answer: object) -> Volume:
    """One volume. Engines before 23 do not label anonymous volumes; their names are 64 hex digits."""
    item = Document(answer)
    name = item.text("Name")
    labels = item.pairs("Labels")
    usage = item.document("UsageData")
    return Volume(
        name=name,
        driver=item.text("Driver") or "local",
        scope=item.text("Scope") or "local",
        mountpoint=item.text("Mountpoint"),
        created_at=times.seconds(item.text("CreatedAt")),
        options=item.pairs("Options"),
        labels={key: value for key, value in labels.items() if key != _ANONYMOUS},
        anonymous=_ANONYMOUS in labels or item.flag("Anonymous") or (len(name) == 64 and _HEX.issuperset(name)),
        size=usage.integer("Size", -1),
        users=usage.integer("RefCount", -1),
        raw=json.dumps(answer, ensure_ascii=False),
    )


def decode_create(body: Document) -> VolumeSpec:
    """``POST /volumes/create``.

    Raises:
        NotSupported: it asks for a volume of a Swarm cluster.
    """
    if "ClusterVolumeSpec" in body:
        raise NotSupported("cluster volumes need Swarm mode, which this engine does not have")
    return VolumeSpec(
        name=body.text("Name"), driver=body.text("Driver") or "local", options=body.pairs("DriverOpts"), labels=body.pairs("Labels")
    )


def encode_list(volumes: Iterable[Volume]) -> dict[str, Any]:
    """``GET /volumes``."""
    return {"Volumes": [json.loads(volume.raw) for volume in volumes], "Warnings": None}


def encode_prune(report: PruneReport) -> dict[str, Any]:
    """``POST /volumes/prune``."""
    return {"VolumesDeleted": list(report.removed) or None, "SpaceReclaimed": report.space_reclaimed}
