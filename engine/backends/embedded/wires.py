"""Networks as the interface shows them; the kernel's part is :mod:`engine.network`."""

from __future__ import annotations

from engine.backends.embedded import view
from engine.backends.embedded.core import Core
from engine.errors import Conflict, Forbidden, InvalidArgument, NotFound
from engine.model import filters as filtering
from engine.model.containers import PruneReport
from engine.model.filters import Filters
from engine.model.networks import Network, NetworkMember
from engine.store.networks import NetworkRecord, missing

PREDEFINED = ("bridge", "host", "none")
_KEYS = ("dangling", "driver", "id", "label", "label!", "name", "scope", "type")


def show(record: NetworkRecord, members: tuple[NetworkMember, ...] = ()) -> Network:
    """A network as the interface shows it."""
    from engine.dockerapi.show import network

    shown = Network(
        id=record.id,
        name=record.name,
        driver=record.driver,
        scope=record.scope,
        created_at=record.created_at,
        internal=record.internal,
        attachable=record.attachable,
        enable_ipv6=record.enable_ipv6,
        subnets=record.subnets,
        options=record.options,
        labels=record.labels,
        members=members,
    )
    return shown.replace(raw=network(shown))


def follow_config(core: Core) -> str:
    """Have the default bridge as ``config.toml`` wants it, and say what keeps it from that, ``""`` when nothing does.

    Raises:
        InvalidArgument: the file is wrong.
    """
    from engine.network import settings

    wanted = settings.load(core.config)
    bridge = next((record for record in core.networks.all() if record.name == PREDEFINED[0]), None)
    followed = settings.follows(bridge, wanted) if bridge is not None else wanted == (False, "")
    if followed or core.network_manager.follow(wanted):
        return ""
    return "config.toml changes IPv6 of the network bridge: that takes effect once no container is in it"


def listing(core: Core, filters: Filters) -> list[Network]:
    """All networks that match, by name. Filters: dangling, driver, id, label, name, scope, type."""
    filtering.check(filters, _KEYS)
    for kind in filters.get("type", ()):
        if kind not in ("builtin", "custom"):
            raise InvalidArgument(f"invalid filter: 'type'='{kind}'")
    follow_config(core)
    records = core.networks.all()
    if not {record.name for record in records}.issuperset(PREDEFINED):
        core.network_manager.ensure_defaults()  # only then: it brings the whole kernel side with it
        records = core.networks.all()
    dangling = filtering.boolean(filters, "dangling")
    used = _used(core) if dangling is not None else set()
    return [
        show(record)
        for record in records
        if _matches(record, filters) and dangling in (None, record.id not in used and record.name not in PREDEFINED)
    ]


def _matches(record: NetworkRecord, filters: Filters) -> bool:
    kind = "builtin" if record.name in PREDEFINED else "custom"
    return (
        ("driver" not in filters or record.driver in filters["driver"])
        and ("scope" not in filters or record.scope in filters["scope"])
        and ("type" not in filters or kind in filters["type"])
        and ("id" not in filters or record.id.startswith(filters["id"]))
        and ("name" not in filters or any(part in record.name for part in filters["name"]))
        and filtering.labels_match(filters, record.labels)
    )


def _used(core: Core) -> set[str]:
    """Ids of networks that containers are in, or would be."""
    names = {network.name: network.id for network in core.networks.all()}
    places = (place for record in core.containers.all() for place in view.endpoints(record))
    return {place.network_id or names.get(place.network, "") for place in places}


def inspect(core: Core, network: str, scope: str = "") -> Network:
    """One network, of a scope if one is given, with the containers that are in it."""
    core.network_manager.ensure_defaults()
    follow_config(core)
    record = core.networks.resolve(network)
    if scope not in ("", record.scope):
        raise missing(network)
    members = [
        NetworkMember(container_id=container.id, container_name=container.name, endpoint=endpoint)
        for container in core.containers.all()
        if container.state.running
        for endpoint in container.endpoints
        if endpoint.network_id == record.id
    ]
    return show(record, tuple(sorted(members, key=lambda member: member.container_id)))


def prune(core: Core, filters: Filters) -> PruneReport:
    """Remove every network of the person's own that no container is in or would be. Filters: label, until."""
    filtering.check(filters, ("label", "label!", "until"))
    until = filtering.deadline(filters)
    core.network_manager.ensure_defaults()
    used = _used(core)
    removed: list[str] = []
    for record in core.networks.all():
        if record.name in PREDEFINED or record.id in used or not filtering.labels_match(filters, record.labels):
            continue
        if until is not None and record.created_at >= until:
            continue
        try:
            core.network_manager.remove(record.id)
        except (Forbidden, NotFound, Conflict):
            continue  # somebody uses or removed it meanwhile
        removed.append(record.name)
    return PruneReport(removed=tuple(removed))
