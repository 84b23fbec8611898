"""Networks as the API describes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from engine.dockerapi import times
from engine.dockerapi.containers import decode_endpoint
from engine.dockerapi.create import dumps, encode_endpoint_options, ipam_config
from engine.dockerapi.document import Document, load, load_document
from engine.dockerapi.show import pool
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
    for key, value in (("Internal", spec.internal), ("Attachable", spec.attachable), ("EnableIPv6", spec.enable_ipv6), *_swarms(spec)):
        if value:
            body[key] = True
    if not spec.enable_ipv4:
        body["EnableIPv4"] = False
    if spec.subnets or spec.ipam_options or spec.ipam_driver != "default":
        ipam: dict[str, Any] = {"Driver": spec.ipam_driver, "Config": [pool(subnet) for subnet in spec.subnets]}
        body["IPAM"] = {**ipam, **({"Options": dict(spec.ipam_options)} if spec.ipam_options else {})}
    if spec.scope:
        body["Scope"] = spec.scope
    if spec.config_from:
        body["ConfigFrom"] = {"Network": spec.config_from}
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


def _swarms(spec: NetworkSpec) -> tuple[tuple[str, bool], ...]:
    return ("Ingress", spec.ingress), ("ConfigOnly", spec.config_only)


def _decode_pool(found: Document, gateway: str) -> Subnet:
    return Subnet(
        subnet=found.text("Subnet"),
        gateway=gateway,
        ip_range=found.text("IPRange"),
        auxiliary=found.pairs("AuxiliaryAddresses"),
    )


def _network(answer: object) -> Network:
    item = Document(answer)
    subnets = tuple(_decode_pool(found, found.text("Gateway").partition("/")[0]) for found in item.document("IPAM").documents("Config"))
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
    """``POST /networks/create``."""
    ipam = body.document("IPAM")
    return NetworkSpec(
        name=body.text("Name"),
        driver=body.text("Driver") or "bridge",
        internal=body.flag("Internal"),
        attachable=body.flag("Attachable"),
        enable_ipv4=body.flag("EnableIPv4") if "EnableIPv4" in body else True,
        enable_ipv6=body.flag("EnableIPv6"),
        subnets=tuple(_decode_pool(found, found.text("Gateway")) for found in ipam.documents("Config")),
        options=body.pairs("Options"),
        labels=body.pairs("Labels"),
        scope=body.text("Scope"),
        ingress=body.flag("Ingress"),
        ipam_driver=ipam.text("Driver") or "default",
        ipam_options=ipam.pairs("Options"),
        config_only=body.flag("ConfigOnly"),
        config_from=body.document("ConfigFrom").text("Network"),
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
