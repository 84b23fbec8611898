"""Volumes."""

from __future__ import annotations

from collections.abc import Mapping

from engine.model.value import EMPTY, Value


class VolumeSpec(Value):
    """What is asked for at create. An empty name makes an anonymous volume with a name of 64 hex digits."""

    name: str = ""
    driver: str = "local"
    options: Mapping[str, str] = EMPTY
    labels: Mapping[str, str] = EMPTY


class Volume(Value):
    """A volume. ``size`` and ``users`` are -1 when they were not counted; ``host`` is set where several engines are listed as one."""

    name: str
    driver: str = "local"
    scope: str = "local"
    mountpoint: str = ""
    created_at: float = 0.0
    options: Mapping[str, str] = EMPTY
    labels: Mapping[str, str] = EMPTY
    anonymous: bool = False
    size: int = -1
    users: int = -1
    host: str = ""
    raw: str = "{}"
