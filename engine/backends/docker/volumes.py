"""Volumes of a Docker Engine API."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from engine.backends.docker.api import Api
from engine.dockerapi import filters as filter_codec
from engine.dockerapi import volumes as codec
from engine.errors import Conflict, InvalidArgument, NotFound
from engine.model.containers import PruneReport
from engine.model.filters import Filters, check, labels_match
from engine.model.value import EMPTY
from engine.model.volumes import Volume, VolumeSpec

_PRUNE_ALL_VERSION = (1, 42)


class DockerVolumes:
    """See :class:`engine.interface.Volumes`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[Volume]:
        return codec.decode_list(await self._api.get("/volumes", {"filters": filter_codec.encode(filters)}))

    async def inspect(self, volume: str) -> Volume:
        return codec.decode_details(await self._api.get(_path(volume)))

    async def create(self, spec: VolumeSpec) -> Volume:
        return codec.decode_details(await self._api.post("/volumes/create", body=codec.encode_create(spec)))

    async def remove(self, volume: str, *, force: bool = False) -> None:
        try:
            await self._api.delete(_path(volume), {"force": force})
        except NotFound:
            if not force:
                raise

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        if await self._api.version() >= _PRUNE_ALL_VERSION:
            return codec.decode_prune(await self._api.post("/volumes/prune", {"filters": filter_codec.encode(filters)}))
        every = filters.get("all", ("false",))[-1].lower() in ("1", "true")
        rest = {key: value for key, value in filters.items() if key != "all"}
        if every:
            return codec.decode_prune(await self._api.post("/volumes/prune", {"filters": filter_codec.encode(rest)}))
        return await self._prune_anonymous(rest)

    async def _prune_anonymous(self, filters: Filters) -> PruneReport:
        """Engines before API 1.42 prune named volumes too, so that the anonymous ones are picked here."""
        check(filters, ("label", "label!"))
        sizes = {volume.name: volume.size for volume in codec.decode_usage(await self._api.get("/system/df"))}
        removed, space = [], 0
        for volume in await self.list(filters={"dangling": ("true",)}):
            if not volume.anonymous or not labels_match(filters, volume.labels):
                continue
            try:
                await self.remove(volume.name)
            except (Conflict, NotFound):
                continue  # somebody took it, or was faster
            removed.append(volume.name)
            space += max(sizes.get(volume.name, 0), 0)
        return PruneReport(removed=tuple(removed), space_reclaimed=space)


def _path(volume: str) -> str:
    if not volume or volume in (".", ".."):
        raise InvalidArgument(f"invalid volume name: {volume!r}")
    return f"/volumes/{quote(volume, safe='')}"
