"""``NAME@HOST``: values get the name of their host behind every name and id by which an engine could be asked for them. Pure.

What only describes is left as it is: labels, the image that a container was made from, raw documents. No host's name has a colon in it,
so that a digest (``name@sha256:…``) is never taken for one.
"""

from __future__ import annotations

from collections.abc import Collection

from engine.model.containers import Container, ContainerDetails, PruneReport
from engine.model.events import Event
from engine.model.filters import Filters
from engine.model.images import Image, ImageDetails, LoadedImage, RemovedImage
from engine.model.networks import Network
from engine.model.system import DiskUsage
from engine.model.volumes import Volume

_FREE = ("label", "label!", "status", "type", "event", "driver", "scope", "until", "dangling", "all")
"""Filters whose values name no object."""


def at(name: str, host: str) -> str:
    """A name or id on a host; nothing stays nothing."""
    return f"{name}@{host}" if name else ""


def split(reference: str, hosts: Collection[str]) -> tuple[str, str]:
    """A reference without its host, and the host; ``""`` where none of the known ones is named."""
    bare, mark, host = reference.rpartition("@")
    return (bare, host) if mark and host in hosts else (reference, "")


def container(one: Container, host: str) -> Container:
    """A container, with its image, volumes and networks."""
    mounts = tuple(mount.replace(source=at(mount.source, host)) if mount.kind == "volume" else mount for mount in one.mounts)
    networks = tuple(end.replace(network=at(end.network, host), network_id=at(end.network_id, host)) for end in one.networks)
    return one.replace(
        id=at(one.id, host), name=at(one.name, host), image_id=at(one.image_id, host), mounts=mounts, networks=networks, host=host
    )


def container_details(one: ContainerDetails, host: str) -> ContainerDetails:
    """Everything about a container."""
    return one.replace(container=container(one.container, host))


def image(one: Image, host: str) -> Image:
    """An image."""
    return one.replace(id=at(one.id, host), tags=tuple(at(tag, host) for tag in one.tags), parent_id=at(one.parent_id, host), host=host)


def image_details(one: ImageDetails, host: str) -> ImageDetails:
    """Everything about an image."""
    return one.replace(image=image(one.image, host))


def volume(one: Volume, host: str) -> Volume:
    """A volume."""
    return one.replace(name=at(one.name, host), host=host)


def network(one: Network, host: str) -> Network:
    """A network, with its members."""
    members = tuple(
        member.replace(container_id=at(member.container_id, host), container_name=at(member.container_name, host)) for member in one.members
    )
    return one.replace(id=at(one.id, host), name=at(one.name, host), members=members, host=host)


def event(one: Event, host: str) -> Event:
    """An event; its attributes tell the host."""
    name = one.attributes.get("name", "")
    named = {"name": at(name, host)} if name else {}
    return one.replace(id=at(one.id, host), attributes={**one.attributes, **named, "host": host})


def pruned(one: PruneReport, host: str) -> PruneReport:
    """What was removed."""
    return one.replace(removed=tuple(at(name, host) for name in one.removed))


def removed_image(one: RemovedImage, host: str) -> RemovedImage:
    """What became of a name or an image."""
    return one.replace(untagged=at(one.untagged, host), deleted=at(one.deleted, host))


def loaded_image(one: LoadedImage, host: str) -> LoadedImage:
    """An image out of an archive."""
    return one.replace(id=at(one.id, host), reference=at(one.reference, host))


def usage(one: DiskUsage, host: str) -> DiskUsage:
    """What lies on a host's disk. Contents are told apart by host: nothing is shared between machines."""
    return one.replace(
        images=tuple(image(each, host) for each in one.images),
        containers=tuple(container(each, host) for each in one.containers),
        volumes=tuple(volume(each, host) for each in one.volumes),
        builds=tuple(each.replace(id=at(each.id, host)) for each in one.builds),
        contents={at(key, host): {at(name, host): size for name, size in sizes.items()} for key, sizes in one.contents.items()},
    )


def filters_for(filters: Filters, host: str, hosts: Collection[str]) -> Filters | None:
    """The filters as one host understands them, ``None`` when they name objects of other hosts only."""
    found: dict[str, tuple[str, ...]] = {}
    for key, values in filters.items():
        if key in _FREE:
            found[key] = tuple(values)
            continue
        pairs = [split(value, hosts) for value in values]
        kept = tuple(bare for bare, named in pairs if named in ("", host))
        if values and not kept:
            return None
        found[key] = kept
    return found
