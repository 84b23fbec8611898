"""Images."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from engine.model.auth import Credentials
from engine.model.containers import PruneReport
from engine.model.filters import Filters
from engine.model.images import Image, ImageDetails, ImageLayer, PullProgress, RemovedImage
from engine.model.value import EMPTY


class Images(Protocol):
    """Fetch, look at and remove images."""

    async def list(self, *, all: bool = False, filters: Filters = EMPTY) -> Sequence[Image]:
        """Images, newest first. ``all`` includes intermediate ones."""

    async def inspect(self, image: str) -> ImageDetails:
        """Everything about one."""

    async def history(self, image: str) -> Sequence[ImageLayer]:
        """Its layers, newest first."""

    def pull(self, reference: str, *, platform: str = "", credentials: Credentials | None = None) -> AsyncGenerator[PullProgress, None]:
        """Fetch an image. ``credentials`` of ``None`` are looked up in docker's configuration.

        The last two events are :attr:`~engine.model.images.PullPhase.DIGEST` and ``STATUS``.
        """

    async def tag(self, image: str, reference: str) -> None:
        """Give an image a further name."""

    async def remove(self, image: str, *, force: bool = False, prune: bool = True) -> Sequence[RemovedImage]:
        """Remove a name, and the image with its last one.

        Raises:
            Conflict: containers use it, or an id with several names is given without ``force``.
        """

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        """Remove dangling images; with ``dangling=false`` every image that no container uses."""
