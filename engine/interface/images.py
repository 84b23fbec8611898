"""Images."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from typing import Protocol

from engine.model.auth import Credentials
from engine.model.containers import PruneReport
from engine.model.filters import Filters
from engine.model.images import (
    Image,
    ImageContents,
    ImageDetails,
    ImageLayer,
    ImageManifest,
    LoadedImage,
    PullProgress,
    PushProgress,
    RegistryImage,
    RemovedImage,
    SearchResult,
)
from engine.model.value import EMPTY


class Images(Protocol):
    """Fetch, look at and remove images."""

    async def list(self, *, all: bool = False, filters: Filters = EMPTY) -> Sequence[Image]:
        """Images, newest first. ``all`` includes intermediate ones."""

    async def inspect(self, image: str, *, platform: str = "") -> ImageDetails:
        """Everything about one; of an image of several platforms that for ``platform`` (``os/architecture[/variant]``).

        Raises:
            NotFound: it is not here, or not for ``platform``.
            NotSupported: the engine can not choose platforms.
        """

    async def manifests(self, image: str) -> Sequence[ImageManifest]:
        """What its names lead to, of an image of several platforms each of them, here or not; attestations too.

        Raises:
            NotFound: it is not here.
            NotSupported: the engine does not tell.
        """

    async def history(self, image: str, *, platform: str = "") -> Sequence[ImageLayer]:
        """Its layers, newest first. ``platform`` as for :meth:`inspect`."""

    async def contents(self, image: str, *, moved: Callable[[int], object] | None = None) -> ImageContents:
        """What each layer holds, and what of it later ones hide. The whole image is read for it.

        Args:
            moved: told from time to time how many bytes have been read, in the caller's thread.

        Raises:
            CorruptData: its archive is malformed, or has more files than can be kept in mind.
        """

    def pull(
        self,
        reference: str,
        *,
        platform: str = "",
        all_platforms: bool = False,
        all_tags: bool = False,
        credentials: Credentials | None = None,
    ) -> AsyncGenerator[PullProgress, None]:
        """Fetch an image. ``credentials`` of ``None`` are looked up in docker's configuration.

        With ``all_platforms`` those of its other platforms are kept beside it, as they came, for :meth:`push` and :meth:`save`
        (NotSupported where the engine can not). With ``all_tags`` every tag of a repository is fetched, one after another.
        The last two events are :attr:`~engine.model.images.PullPhase.DIGEST` and ``STATUS``.
        """

    def push(
        self,
        reference: str,
        *,
        all_tags: bool = False,
        platform: str = "",
        all_platforms: bool = False,
        credentials: Credentials | None = None,
    ) -> AsyncGenerator[PushProgress, None]:
        """Bring an image to the registry that its name says, or with ``all_tags`` every image of the repository.

        Of an image that is here with several platforms the one that runs here goes, or the one for ``platform``
        (``os/architecture[/variant]``), or with ``all_platforms`` the index and all that it leads to.
        ``credentials`` of ``None`` are looked up in docker's configuration. The last event of each tag is
        :attr:`~engine.model.images.PushPhase.DIGEST`.

        Raises:
            InvalidArgument: no such name can be pushed.
            NotFound: no image here has that name, or it is not here for that platform, or not for all.
            NotSupported: the engine can not choose platforms.
            Unauthorized, Forbidden, Unavailable: the registry refuses, or does not answer.
        """

    async def distribution(self, reference: str, *, credentials: Credentials | None = None) -> RegistryImage:
        """What the registry has under a name, which need not be here. ``credentials`` of ``None`` are looked up in docker's configuration.

        Raises:
            NotFound, Unauthorized, Forbidden, Unavailable: the registry has none, refuses, or does not answer.
        """

    async def search(self, term: str, *, limit: int = 25, filters: Filters = EMPTY) -> Sequence[SearchResult]:
        """Images of a registry's index (Docker Hub's where ``term`` names no registry) for a word.

        Raises:
            InvalidArgument: ``limit`` is not in 1 to 100, a filter is unknown, or there is no word.
            NotFound: the registry has no search.
            Unauthorized, Unavailable: the registry refuses, or does not answer.
        """

    async def tag(self, image: str, reference: str) -> None:
        """Give an image a further name."""

    async def remove(self, image: str, *, force: bool = False, prune: bool = True, platforms: Sequence[str] = ()) -> Sequence[RemovedImage]:
        """Remove a name, and the image with its last one.

        With ``platforms`` only an image that is here for each of them; our own engine keeps an image's platforms together, and removes
        none alone.

        Raises:
            NotFound: it is not here, or not for one of ``platforms``.
            Conflict: containers use it, an id with several names is given without ``force``, or it is here for other platforms too.
            NotSupported: the engine can not choose platforms.
        """

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        """Remove dangling images; with ``dangling=false`` every image that no container uses."""

    def save(self, images: Sequence[str], *, platform: str = "", all_platforms: bool = False) -> AsyncGenerator[bytes, None]:
        """An uncompressed archive of images, as ``docker save`` writes it and ``docker load`` and OCI tools read it.

        A name without tag stands for all tags of its repository. ``platform`` and ``all_platforms`` as for :meth:`push`.

        Raises:
            NotFound: one of them is not here; nothing was given out by then.
            NotSupported: the engine can not choose platforms.
        """

    async def load(self, archive: AsyncIterable[bytes], *, platform: str = "") -> Sequence[LoadedImage]:
        """Take images from the bytes of a docker or OCI archive, which may be compressed; with all platforms that it holds of them.

        With ``platform`` only what is for that, and nothing else of the same images.

        Raises:
            InvalidArgument: it is no archive of images.
            NotFound: none of them is for ``platform``.
            NotSupported: the engine can not choose platforms.
            CorruptData: something in it does not match its digest, or is malformed.
        """

    async def import_(
        self, archive: AsyncIterable[bytes], *, reference: str = "", changes: Sequence[str] = (), message: str = "", platform: str = ""
    ) -> str:
        """Make an image of one layer out of the bytes of a root file system's archive, which may be compressed; its id.

        Args:
            reference: its name, ``""`` for none; taken from another image that has it.
            changes: Dockerfile instructions for its config, such as ``CMD ["sh"]``.
            message: the comment in its history.
            platform: ``os/architecture[/variant]``, ``""`` for the engine's.

        Raises:
            InvalidArgument: name, platform or one of the changes are malformed.
            CorruptData: it is no archive.
        """
