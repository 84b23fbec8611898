"""Swarms of a Docker Engine API, through one of their managers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from urllib.parse import quote

from engine.backends.docker import service_logs
from engine.backends.docker.api import Api
from engine.backends.docker.images import stored_credentials
from engine.dockerapi import filters as filter_codec
from engine.dockerapi import networks as network_codec
from engine.dockerapi import services as service_codec
from engine.dockerapi import swarm as codec
from engine.dockerapi.create import dumps
from engine.dockerapi.images import encode_auth
from engine.errors import EngineFault, InvalidArgument, LongshoreError, NotFound
from engine.interface.swarm import SwarmFiles, SwarmNodes, SwarmServices, SwarmTasks
from engine.model import reference as references
from engine.model.filters import Filters
from engine.model.passing import PassedAnswer, PassedRequest
from engine.model.services import CreatedService, Service, ServiceChange, ServiceSpec
from engine.model.streams import LogQuery, TaskLine
from engine.model.swarm import (
    Cluster,
    ClusterChange,
    InitConfig,
    JoinConfig,
    Node,
    NodeChange,
    SwarmFile,
    SwarmFileSpec,
    Task,
)
from engine.model.value import EMPTY

_STATUS_VERSION = (1, 41)
"""From here on managers count a service's tasks themselves."""
_DISTRIBUTION_VERSION = (1, 30)
"""From here on clients ask for an image's digest; before, managers did."""
_OOM_VERSION = (1, 46)
_UNRESOLVED = (
    "image {image} could not be accessed on a registry to record\nits digest. Each node will access {image} independently,\n"
    "possibly leading to different nodes running different\nversions of the image.\n"
)
_ROUNDS = 5
"""Attempts at a change while somebody else changes the same object: its version moves between reading and writing."""


class DockerSwarm:
    """See :class:`engine.interface.swarm.Swarm`."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._nodes = DockerNodes(api)
        self._services = DockerServices(api)
        self._tasks = DockerTasks(api)
        self._configs = DockerFiles(api, "config")
        self._secrets = DockerFiles(api, "secret")

    @property
    def nodes(self) -> SwarmNodes:
        return self._nodes

    @property
    def services(self) -> SwarmServices:
        return self._services

    @property
    def tasks(self) -> SwarmTasks:
        return self._tasks

    @property
    def configs(self) -> SwarmFiles:
        return self._configs

    @property
    def secrets(self) -> SwarmFiles:
        return self._secrets

    async def inspect(self) -> Cluster:
        return codec.decode_cluster(await self._api.get("/swarm"))

    async def init(self, config: InitConfig) -> str:
        return codec.decode_id(await self._api.post("/swarm/init", body=codec.encode_init(config)))

    async def join(self, config: JoinConfig) -> None:
        await self._api.post("/swarm/join", body=codec.encode_join(config))

    async def leave(self, *, force: bool = False) -> None:
        await self._api.post("/swarm/leave", {"force": force})

    async def update(self, change: ClusterChange) -> None:
        raw = (await self.inspect()).raw
        parameters: dict[str, str | bool] = {
            "version": codec.version_of(raw),
            "rotateWorkerToken": change.rotate_worker_token,
            "rotateManagerToken": change.rotate_manager_token,
            "rotateManagerUnlockKey": change.rotate_unlock_key,
        }
        await self._api.post("/swarm/update", parameters, body=codec.encode_cluster(raw, change))

    async def unlock_key(self) -> str:
        return codec.decode_unlock_key(await self._api.get("/swarm/unlockkey"))

    async def unlock(self, key: str) -> None:
        await self._api.post("/swarm/unlock", body=dumps({"UnlockKey": key}))

    async def pass_on(self, request: PassedRequest) -> PassedAnswer:
        held = contextlib.AsyncExitStack()
        parameters = {key: tuple(values) for key, values in request.query.items()}
        response = await held.enter_async_context(
            self._api.stream(
                request.method,
                quote(request.path),
                parameters,
                body=request.body or None,
                headers=request.headers,
                version=request.version,
            )
        )
        kind = response.headers.get("content-type", "")
        return PassedAnswer(response.status_code, kind, self._api.chunks(response), held.aclose)


class DockerNodes:
    """See :class:`engine.interface.swarm.SwarmNodes`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[Node]:
        return codec.decode_nodes(await self._api.get("/nodes", {"filters": filter_codec.encode(filters)}))

    async def inspect(self, node: str) -> Node:
        return codec.decode_node(await self._api.get(_path("nodes", node)))

    async def update(self, node: str, change: NodeChange) -> None:
        for left in reversed(range(_ROUNDS)):
            found = await self.inspect(node)
            body = codec.encode_node(found.raw, change)
            try:
                await self._api.post(f"{_path('nodes', found.id)}/update", {"version": codec.version_of(found.raw)}, body=body)
                return
            except (EngineFault, InvalidArgument) as error:
                await _again(error, left)

    async def remove(self, node: str, *, force: bool = False) -> None:
        await self._api.delete(_path("nodes", node), {"force": force})


class DockerServices:
    """See :class:`engine.interface.swarm.SwarmServices`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, *, filters: Filters = EMPTY, status: bool = True) -> Sequence[Service]:
        counted = status and await self._api.version() >= _STATUS_VERSION
        found = service_codec.decode_services(
            await self._api.get("/services", {"filters": filter_codec.encode(filters), "status": counted or None})
        )
        return await self._counted(found) if status and not counted and found else found

    async def _counted(self, services: Sequence[Service]) -> Sequence[Service]:
        """What older managers leave to their clients (docker/cli, ``AppendServiceStatus``)."""
        tasks, nodes = await asyncio.gather(DockerTasks(self._api).list(), DockerNodes(self._api).list())
        active = {node.id for node in nodes if node.state != "down"}
        wanted = {"running": 0, "desired": 0}
        counts = {service.id: dict(wanted) for service in services}
        for task in tasks:
            if task.service_id in counts:
                counts[task.service_id]["desired"] += task.desired_state != "shutdown"
                counts[task.service_id]["running"] += task.state == "running" and task.node_id in active
        return [
            service.replace(
                running=counts[service.id]["running"],
                desired=counts[service.id]["desired"] if service.replicas is None else service.replicas,
            )
            for service in services
        ]

    async def inspect(self, service: str, *, defaults: bool = False) -> Service:
        return service_codec.decode_service(await self._api.get(_path("services", service), {"insertDefaults": defaults or None}))

    async def create(self, spec: ServiceSpec) -> CreatedService:
        change, warnings = await self._pinned(spec.settings)
        body = service_codec.encode_create(spec.replace(settings=change), await self._ids(change))
        answer = await self._api.post("/services/create", body=body, headers=self._auth(change))
        return CreatedService(id=codec.decode_id(answer), warnings=(*warnings, *service_codec.decode_warnings(answer)))

    async def update(self, service: str, change: ServiceChange) -> Sequence[str]:
        change, warnings = await self._pinned(change)
        ids = await self._ids(change)
        for left in reversed(range(_ROUNDS)):
            found = await self.inspect(service)
            body = service_codec.encode_update(found.raw, change, ids)
            parameters = {"version": codec.version_of(found.raw), "registryAuthFrom": "spec"}
            headers = self._auth(change, service_codec.image_of(found.raw))
            try:
                answer = await self._api.post(f"{_path('services', found.id)}/update", parameters, body=body, headers=headers)
                return (*warnings, *service_codec.decode_warnings(answer))
            except (EngineFault, InvalidArgument) as error:
                await _again(error, left)
        return ()

    async def rollback(self, service: str) -> Sequence[str]:
        found = await self.inspect(service)
        parameters = {"version": codec.version_of(found.raw), "rollback": "previous"}
        body = service_codec.encode_update(found.raw, ServiceChange(), {})
        return service_codec.decode_warnings(await self._api.post(f"{_path('services', found.id)}/update", parameters, body=body))

    async def remove(self, service: str) -> None:
        await self._api.delete(_path("services", service))

    async def logs(self, target: str, query: LogQuery) -> AsyncGenerator[Sequence[TaskLine], None]:
        if not (query.stdout or query.stderr):
            raise InvalidArgument("you must choose at least one stream")
        try:
            noun, tty = "services", (await self.inspect(target)).tty
        except NotFound:
            try:
                task = await DockerTasks(self._api).inspect(target)
            except NotFound:
                raise NotFound(f"no such task or service: {target}") from None
            noun, target, tty = "tasks", task.id, task.tty
        async for batch in service_logs.read(self._api, _path(noun, target), query, tty=tty):
            yield batch

    def _auth(self, change: ServiceChange, image: str = "") -> Mapping[str, str]:
        """Our credentials for the registry of the change's image, else of ``image``, where they are to be sent."""
        named = change.image or image
        if not (change.send_auth and named):
            return EMPTY
        return {"X-Registry-Auth": encode_auth(stored_credentials(references.parse(named).domain))}

    async def _pinned(self, change: ServiceChange) -> tuple[ServiceChange, Sequence[str]]:
        """The change with its image's digest, and docker's warning where the registry does not tell it."""
        if not change.image or not change.resolve_image or "@" in change.image or await self._api.version() < _DISTRIBUTION_VERSION:
            return change, ()
        try:
            answer = await self._api.get(f"/distribution/{quote(change.image, safe='/:')}/json", headers=self._auth(change))
        except LongshoreError:
            return change, (_UNRESOLVED.format(image=change.image),)
        digest, platforms = service_codec.decode_distribution(answer)
        return change.replace(image=f"{change.image}@{digest}" if digest else change.image, platforms=platforms), ()

    async def _ids(self, change: ServiceChange) -> Mapping[str, str]:
        """Of what the change names, which the API knows by ids only. Raises NotSupported for what the engine is too old for."""
        if change.oom_score_adj is not None:
            await self._api.need(_OOM_VERSION, '"--oom-score-adj"')
        found: dict[str, str] = {}
        for name in {*change.networks, *change.remove_networks}:
            path = f"/networks/{quote(name, safe='')}"
            found[name] = network_codec.decode_details(await self._api.get(path, {"scope": "swarm"})).id
        spec = (change.credential_spec or "").partition("config://")[2]
        wanted = {"secret": [grant.source for grant in change.secrets], "config": [grant.source for grant in change.configs]}
        wanted["config"] += [spec] if spec else []
        for kind, sources in wanted.items():
            if not sources:
                continue
            names = tuple(dict.fromkeys(sources))
            known = {one.name: one.id for one in await DockerFiles(self._api, kind).list(filters={"name": names})}
            for name in names:
                if name not in known:
                    raise NotFound(f"{kind} not found: {name}")
                found[name] = known[name]
        return found


class DockerTasks:
    """See :class:`engine.interface.swarm.SwarmTasks`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[Task]:
        return codec.decode_tasks(await self._api.get("/tasks", {"filters": filter_codec.encode(filters)}))

    async def inspect(self, task: str) -> Task:
        return codec.decode_task(await self._api.get(_path("tasks", task)))


class DockerFiles:
    """See :class:`engine.interface.swarm.SwarmFiles`; ``kind`` is ``config`` or ``secret``."""

    def __init__(self, api: Api, kind: str) -> None:
        self._api = api
        self._noun = f"{kind}s"

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[SwarmFile]:
        return codec.decode_files(await self._api.get(f"/{self._noun}", {"filters": filter_codec.encode(filters)}))

    async def inspect(self, name: str) -> SwarmFile:
        return codec.decode_file(await self._api.get(_path(self._noun, name)))

    async def create(self, spec: SwarmFileSpec) -> str:
        return codec.decode_id(await self._api.post(f"/{self._noun}/create", body=codec.encode_file(spec)))

    async def remove(self, name: str) -> None:
        await self._api.delete(_path(self._noun, name))


async def _again(error: EngineFault | InvalidArgument, left: int) -> None:
    """Let a change be tried once more when somebody else's came in between; swarmkit knows it by this sentence alone."""
    if not left or "update out of sequence" not in error.message:
        raise error
    await asyncio.sleep(0.1)


def _path(noun: str, name: str) -> str:
    if not name or name in (".", ".."):
        raise InvalidArgument(f"invalid {noun.removesuffix('s')} name: {name!r}")
    return f"/{noun}/{quote(name, safe='')}"
