"""Networks as the API describes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from engine.dockerapi import times
from engine.dockerapi.containers import decode_endpoint
from engine.dockerapi.create import dumps, encode_endpoint_options, ipam_config
from engine.dockerapi.document import Document, load, load_document
from engine.errors import NotFound, NotSupported
from engine.model.containers import PLAIN, Endpoint, EndpointOptions, PruneReport
from engine.model.networks import Network, NetworkMember, NetworkSpec, Subnet
from engine.model.units import whole


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


def encode_connect(container: str, ip: str, ip6: str, aliases: Sequence[str], options: EndpointOptions = PLAIN) -> bytes:
    """The body of ``POST /networks/{id}/connect``."""
    endpoint = encode_endpoint_options(options)
    if config := ipam_config(ip, ip6, options.link_local):
        endpoint["IPAMConfig"] = config
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
    address6, _, length6 = found.text("IPv6Address").partition("/")
    endpoint = Endpoint(
        network=network.text("Name"),
        network_id=network.text("Id"),
        ip_address=address,
        prefix_length=whole(length),
        gateway=_gateway(subnets, ipv6=False),
        global_ipv6_address=address6,
        global_ipv6_prefix_length=whole(length6),
        ipv6_gateway=_gateway(subnets, ipv6=True) if address6 else "",
        mac_address=found.text("MacAddress"),
    )
    return NetworkMember(container_id=container, container_name=found.text("Name"), endpoint=endpoint)


def _gateway(subnets: tuple[Subnet, ...], *, ipv6: bool) -> str:
    """The gateway of the first subnet of a family."""
    return next((subnet.gateway for subnet in subnets if (":" in subnet.subnet) == ipv6), "")


def decode_create(body: Document) -> NetworkSpec:
    """``POST /networks/create``.

    Raises:
        NotFound: there is no such driver for its addresses.
        NotSupported: it asks for what belongs to Swarm mode, or for a network without IPv4.
    """
    ipam = body.document("IPAM")
    if ipam.text("Driver") not in ("", "default"):
        raise NotFound(f'could not find IPAM plugin {ipam.text("Driver")}: plugin "{ipam.text("Driver")}" not found')
    for key in ("Ingress", "ConfigOnly"):
        if body.flag(key):
            raise NotSupported(f"{key} networks need Swarm mode, which this engine does not have")
    if body.document("ConfigFrom").text("Network"):
        raise NotSupported("networks made from the configuration of another need Swarm mode, which this engine does not have")
    if "EnableIPv4" in body and not body.flag("EnableIPv4"):
        raise NotSupported("networks without IPv4 are not supported", hint="leave EnableIPv4 out; EnableIPv6 adds the other family")
    if body.text("Scope") not in ("", "local"):
        raise NotSupported(f"networks of scope {body.text('Scope')} need Swarm mode, which this engine does not have")
    return NetworkSpec(
        name=body.text("Name"),
        driver=body.text("Driver") or "bridge",
        internal=body.flag("Internal"),
        attachable=body.flag("Attachable"),
        enable_ipv6=body.flag("EnableIPv6"),
        subnets=tuple(
            Subnet(subnet=pool.text("Subnet"), gateway=pool.text("Gateway"), ip_range=pool.text("IPRange"))
            for pool in ipam.documents("Config")
        ),
        options=body.pairs("Options"),
        labels=body.pairs("Labels"),
    )


def decode_connect(body: Document) -> tuple[str, Endpoint]:
    """``POST /networks/{id}/connect``: the container, and its place there."""
    return body.text("Container"), decode_endpoint("", body.document("EndpointConfig"))


def encode_list(networks: Iterable[Network]) -> list[Any]:
    """``GET /networks``."""
    return [json.loads(network.raw) for network in networks]


def encode_prune(report: PruneReport) -> dict[str, Any]:
    """``POST /networks/prune``."""
    return {"NetworksDeleted": list(report.removed) or None}
