"""Volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.model.containers import PruneReport
from engine.model.filters import Filters
from engine.model.value import EMPTY
from engine.model.volumes import Volume, VolumeSpec


class Volumes(Protocol):
    """Make, look at and remove volumes."""

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[Volume]:
        """All volumes, by name. Size and users are not counted."""

    async def inspect(self, volume: str) -> Volume:
        """One volume."""

    async def create(self, spec: VolumeSpec) -> Volume:
        """Make one; an existing one of that name is given back."""

    async def remove(self, volume: str, *, force: bool = False) -> None:
        """Remove one; ``force`` forgives a missing one. Raises Conflict when a container uses it."""

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        """Remove unused anonymous volumes; with ``all=true`` named ones too."""
