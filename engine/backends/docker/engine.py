"""``DockerEngine``: the engine interface over a Docker Engine API."""

from __future__ import annotations

from engine.backends.docker import addresses, contexts
from engine.backends.docker.api import Api
from engine.backends.docker.containers import DockerContainers
from engine.backends.docker.images import DockerImages
from engine.backends.docker.networks import DockerNetworks
from engine.backends.docker.swarm import DockerSwarm
from engine.backends.docker.system import DockerSystem
from engine.backends.docker.volumes import DockerVolumes
from engine.interface import Containers, Images, Networks, Swarm, System, Volumes


class DockerEngine:
    """An engine somewhere else. Nothing is connected before the first question.

    It belongs to the event loop that first used it.
    """

    def __init__(self, address: addresses.Address) -> None:
        self._api = Api(address)
        self._containers = DockerContainers(self._api)
        self._images = DockerImages(self._api)
        self._networks = DockerNetworks(self._api)
        self._volumes = DockerVolumes(self._api)
        self._system = DockerSystem(self._api)
        self._swarm = DockerSwarm(self._api)

    @property
    def url(self) -> str:
        return self._api.address.url

    @property
    def containers(self) -> Containers:
        return self._containers

    @property
    def images(self) -> Images:
        return self._images

    @property
    def networks(self) -> Networks:
        return self._networks

    @property
    def volumes(self) -> Volumes:
        return self._volumes

    @property
    def system(self) -> System:
        return self._system

    @property
    def swarm(self) -> Swarm:
        return self._swarm

    async def close(self) -> None:
        await self._api.close()


def open_engine(url: str) -> DockerEngine:
    """The engine at ``url``: ``unix://``, ``tcp://``, ``ssh://``, or the name of a docker context. Does not connect yet.

    Raises:
        InvalidArgument: the address can not be read.
        NotFound: no such context.
    """
    return DockerEngine(addresses.parse(url) if "://" in url else contexts.load(url))
