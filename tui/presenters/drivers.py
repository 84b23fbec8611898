"""The drivers that the connected host offers, for the forms that ask for one."""

from __future__ import annotations

from engine.model.system import EngineInfo
from tui.words import tr

_PREDEFINED = ("host", "null")
"""Drivers of the predefined networks, of which there is one each."""


def of_volumes(info: EngineInfo | None) -> tuple[str, ...]:
    """What a new volume can be kept by."""
    return info.volume_drivers if info else ()


def of_networks(info: EngineInfo | None) -> tuple[str, ...]:
    """What a new network can be made by."""
    return tuple(name for name in info.network_drivers if name not in _PREDEFINED) if info else ()


def of_logs(info: EngineInfo | None) -> tuple[str, ...]:
    """What a new container's output can be kept by."""
    return info.log_drivers if info else ()


def example(default: str, known: tuple[str, ...]) -> str:
    """What an empty field shows: what it stands for, and what else there is."""
    others = [name for name in known if name != default]
    return tr("{default}; or {names}", default=default, names=", ".join(others)) if others else default
