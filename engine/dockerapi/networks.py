"""Networks as the API describes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from engine.dockerapi import times
from engine.dockerapi.create import dumps
from engine.dockerapi.document import Document, load, load_document
from engine.model.containers import Endpoint, PruneReport
from engine.model.networks import Network, NetworkMember, NetworkSpec, Subnet


def decode_list(body: bytes) -> Sequence[Network]:
    """``GET /networks``."""
    answer = load(body)
    items = answer if isinstance(answer, list) else []
    return sorted((_network(item).replace(members=()) for item in items), key=lambda network: network.name)


def decode_details(body: bytes) -> Network:
    """``GET /networks/{id}``."""
    return _network(load(body))


def decode_created(body: bytes) -> str:
    """``POST /networks/create``: the id."""
    return load_document(body).text("Id")


def decode_prune(body: bytes) -> PruneReport:
    """``POST /networks/prune``: the names."""
    return PruneReport(removed=load_document(body).texts("NetworksDeleted"))


def encode_create(spec: NetworkSpec) -> bytes:
    """The body of ``POST /networks/create``."""
    body: dict[str, Any] = {"Name": spec.name, "Driver": spec.driver, "CheckDuplicate": True}
    for key, value in (("Internal", spec.internal), ("Attachable", spec.attachable), ("EnableIPv6", spec.enable_ipv6)):
        if value:
            body[key] = True
    if spec.subnets:
        body["IPAM"] = {"Driver": "default", "Config": [_pool(subnet) for subnet in spec.subnets]}
    if spec.options:
        body["Options"] = dict(spec.options)
    if spec.labels:
        body["Labels"] = dict(spec.labels)
    return dumps(body)


def encode_connect(container: str, ip: str, aliases: Sequence[str]) -> bytes:
    """The body of ``POST /networks/{id}/connect``."""
    endpoint: dict[str, Any] = {}
    if ip:
        endpoint["IPAMConfig"] = {"IPv4Address": ip}
    if aliases:
        endpoint["Aliases"] = list(aliases)
    return dumps({"Container": container, "EndpointConfig": endpoint})


def encode_disconnect(container: str, *, force: bool) -> bytes:
    """The body of ``POST /networks/{id}/disconnect``."""
    return dumps({"Container": container, "Force": force})


def _pool(subnet: Subnet) -> dict[str, str]:
    fields = {"Subnet": subnet.subnet, "Gateway": subnet.gateway, "IPRange": subnet.ip_range}
    return {key: value for key, value in fields.items() if value}


def _network(answer: object) -> Network:
    item = Document(answer)
    subnets = tuple(
        Subnet(subnet=pool.text("Subnet"), gateway=pool.text("Gateway").partition("/")[0], ip_range=pool.text("IPRange"))
        for pool in item.document("IPAM").documents("Config")
    )
    return Network(
        id=item.text("Id"),
        name=item.text("Name"),
        driver=item.text("Driver"),
        scope=item.text("Scope") or "local",
        created_at=times.seconds(item.text("Created")),
        internal=item.flag("Internal"),
        attachable=item.flag("Attachable"),
        enable_ipv6=item.flag("EnableIPv6"),
        subnets=subnets,
        options=item.pairs("Options"),
        labels=item.pairs("Labels"),
        members=tuple(_member(container, found, item, subnets) for container, found in item.members("Containers")),
        raw=json.dumps(answer, ensure_ascii=False),
    )


def _member(container: str, found: Document, network: Document, subnets: tuple[Subnet, ...]) -> NetworkMember:
    address, _, length = found.text("IPv4Address").partition("/")
    endpoint = Endpoint(
        network=network.text("Name"),
        network_id=network.text("Id"),
        ip_address=address,
        prefix_length=int(length) if length.isdecimal() else 0,
        gateway=subnets[0].gateway if subnets else "",
        mac_address=found.text("MacAddress"),
    )
    return NetworkMember(container_id=container, container_name=found.text("Name"), endpoint=endpoint)
