"""The engine behind a Docker Engine API."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from engine.backends.docker.api import Api
from engine.dockerapi import filters as filter_codec
from engine.dockerapi import system as codec
from engine.dockerapi import times
from engine.dockerapi.document import Lines
from engine.model.auth import Credentials
from engine.model.events import Event, EventQuery
from engine.model.system import DiskUsage, EngineInfo, EngineVersion


class DockerSystem:
    """See :class:`engine.interface.System`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def ping(self) -> None:
        await self._api.get("/_ping")

    async def login(self, registry: str, credentials: Credentials) -> Credentials:
        body = codec.encode_login(registry, credentials)
        return codec.decode_login(await self._api.post("/auth", body=body), credentials)

    async def info(self) -> EngineInfo:
        return codec.decode_info(await self._api.get("/info"))

    async def version(self) -> EngineVersion:
        return codec.decode_version(await self._api.get("/version"))

    async def disk_usage(self) -> DiskUsage:
        return codec.decode_usage(await self._api.get("/system/df", timeout=None))

    async def events(self, query: EventQuery) -> AsyncGenerator[Event, None]:
        parameters = {
            "since": None if query.since is None else times.query(query.since),
            "until": None if query.until is None else times.query(query.until),
            "filters": filter_codec.encode(query.filters) if query.filters else "",
        }
        lines = Lines()
        async with (
            self._api.stream("GET", "/events", parameters) as response,
            contextlib.aclosing(self._api.chunks(response)) as chunks,
        ):
            async for chunk in chunks:
                for item in lines.feed(chunk):
                    if event := codec.decode_event(item):
                        yield event
