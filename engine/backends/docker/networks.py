"""Networks of a Docker Engine API."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from engine.backends.docker.api import Api
from engine.dockerapi import filters as filter_codec
from engine.dockerapi import networks as codec
from engine.errors import InvalidArgument
from engine.model.containers import PLAIN, EndpointOptions, PruneReport
from engine.model.filters import Filters
from engine.model.networks import Network, NetworkSpec
from engine.model.value import EMPTY


class DockerNetworks:
    """See :class:`engine.interface.Networks`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[Network]:
        return codec.decode_list(await self._api.get("/networks", {"filters": filter_codec.encode(filters)}))

    async def inspect(self, network: str, *, verbose: bool = False, scope: str = "") -> Network:
        asked = {**({"verbose": "true"} if verbose else {}), **({"scope": scope} if scope else {})}
        return codec.decode_details(await self._api.get(_path(network), asked))

    async def create(self, spec: NetworkSpec) -> str:
        return codec.decode_created(await self._api.post("/networks/create", body=codec.encode_create(spec)))

    async def remove(self, network: str) -> None:
        await self._api.delete(_path(network))

    async def connect(
        self,
        network: str,
        container: str,
        *,
        ip: str = "",
        ip6: str = "",
        aliases: Sequence[str] = (),
        options: EndpointOptions = PLAIN,
    ) -> None:
        await self._api.post(f"{_path(network)}/connect", body=codec.encode_connect(container, ip, ip6, aliases, options))

    async def disconnect(self, network: str, container: str, *, force: bool = False) -> None:
        await self._api.post(f"{_path(network)}/disconnect", body=codec.encode_disconnect(container, force=force))

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        return codec.decode_prune(await self._api.post("/networks/prune", {"filters": filter_codec.encode(filters)}))


def _path(network: str) -> str:
    if not network or network in (".", ".."):
        raise InvalidArgument(f"invalid network name or ID: {network!r}")
    return f"/networks/{quote(network, safe='')}"
