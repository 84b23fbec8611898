"""Containers that join and leave networks, running and stopped."""

from __future__ import annotations

import itertools
import os
import time

import pytest

from engine.errors import Forbidden, InvalidArgument, LongshoreError, NotFound
from engine.model.containers import Endpoint, PortBinding
from engine.model.events import EventQuery
from engine.model.networks import NetworkSpec, Subnet
from tests.contract.lab import Lab, sh
from tests.support.wait import until

NET = f"10.214.{os.getpid() % 256}"
POOL = Subnet(subnet=f"{NET}.0/24", gateway=f"{NET}.1")
SERVE = sh("mkdir /www && echo served >/www/index.html && httpd -p 8080 -h /www && echo ready && sleep 1000")


async def places(lab: Lab, container: str) -> dict[str, Endpoint]:
    return {place.network: place for place in (await lab.inspect(container)).container.networks}


async def shown(lab: Lab, container: str, *script: str) -> str:
    return (await lab.exec(container, *sh(" ".join(script)))).out.decode()


async def test_a_running_container_joins_and_leaves(lab: Lab) -> None:
    """Interfaces, default route, /etc/hosts, members and inspect follow at once."""
    networks = lab.engine.networks
    alpha = await networks.create(NetworkSpec(name="alpha", subnets=(POOL,)))
    container = await lab.sleeper(network_mode="default", name="member")
    (first,) = (await places(lab, container)).values()
    await networks.connect("alpha", "member", ip=f"{NET}.9", aliases=("second",))
    found = await places(lab, container)
    assert list(found) == ["alpha", "bridge"] and found["bridge"] == first
    place = found["alpha"]
    assert (place.ip_address, place.requested_ip, place.network_id, place.gateway) == (f"{NET}.9", f"{NET}.9", alpha, f"{NET}.1")
    assert "second" in place.aliases
    addresses = await shown(lab, container, "ip -4 -o addr")
    assert f"{first.ip_address}/" in addresses and f"{NET}.9/24" in addresses and "eth1" in addresses
    assert f"default via {NET}.1 dev eth1" in await shown(lab, container, "ip route")  # the first name leads out
    assert f"{NET}.9\t{container[:12]}" in await shown(lab, container, "cat /etc/hosts")
    assert [member.container_name for member in (await networks.inspect("alpha")).members] == ["member"]
    with pytest.raises(Forbidden, match="endpoint with name member already exists in network alpha"):
        await networks.connect("alpha", container)
    await networks.disconnect(alpha, container)
    assert list(await places(lab, container)) == ["bridge"]
    assert f"default via {first.gateway} dev eth0" in await shown(lab, container, "ip route")
    assert f"{NET}." not in await shown(lab, container, "ip -4 -o addr; cat /etc/hosts")
    assert (await networks.inspect("alpha")).members == ()
    with pytest.raises(LongshoreError, match=r"is not connected to (the )?network alpha"):
        await networks.disconnect("alpha", container)


async def test_names_follow(lab: Lab) -> None:
    """A container of the default network learns the names of the network it joins, and is known there by its own."""
    await lab.engine.networks.create(NetworkSpec(name="shared"))
    server = await lab.start(*SERVE, name="server", network_mode="default")
    await lab.said(server, "ready")
    client = await lab.sleeper(network_mode="shared", name="client")
    await lab.engine.networks.connect("shared", server, aliases=("web",))
    for host in ("server", "web", "web.shared"):
        assert await shown(lab, client, f"wget -q -O - http://{host}:8080/") == "served\n", host
    assert "nameserver 127.0.0.11" in await shown(lab, server, "cat /etc/resolv.conf")
    assert (await lab.exec(server, "ping", "-c", "1", "-W", "5", "client")).code == 0
    await lab.engine.networks.disconnect("shared", server)
    assert (await lab.exec(client, "wget", "-q", "-O", "-", "http://server:8080/")).code != 0


async def test_a_stopped_container_joins_with_its_next_start(lab: Lab) -> None:
    networks = lab.engine.networks
    await networks.create(NetworkSpec(name="alpha", subnets=(POOL,)))
    await networks.create(NetworkSpec(name="inner", internal=True))
    container = await lab.create(*sh("ip -4 -o addr; ip route; sleep 1000"), network_mode="default")
    await networks.connect("alpha", container, ip=f"{NET}.7")
    await networks.connect("inner", container)
    assert {name: place.ip_address for name, place in (await places(lab, container)).items()} == {"alpha": "", "bridge": "", "inner": ""}
    for _again in range(2):
        await lab.engine.containers.start(container)
        found = await places(lab, container)
        assert found["alpha"].ip_address == f"{NET}.7" and all(place.ip_address for place in found.values())
        addresses = await shown(lab, container, "ip -4 -o addr; ip route")
        assert all(f"inet {place.ip_address}/{place.prefix_length}" in addresses for place in found.values())
        assert f"default via {NET}.1 " in addresses
        await lab.engine.containers.stop(container, timeout=0)
    await networks.disconnect("bridge", container)
    await networks.disconnect("alpha", container)
    await lab.engine.containers.start(container)
    assert list(await places(lab, container)) == ["inner"]
    assert (await lab.inspect(container)).host_config.network_mode in ("default", "bridge")


async def test_published_ports_follow_the_way_out(lab: Lab) -> None:
    await lab.engine.networks.create(NetworkSpec(name="alpha"))
    server = await lab.start(*SERVE, network_mode="default", port_bindings=(PortBinding(container_port=8080, host_ip="127.0.0.1"),))
    await lab.said(server, "ready")

    async def port() -> int:
        return next(port.host_port for port in (await lab.inspect(server)).container.ports if port.host_port)

    def reached(number: int) -> bool:
        return lab.host_run("busybox", "wget", "-q", "-O", "-", f"http://127.0.0.1:{number}/").stdout == b"served\n"

    async def answers() -> None:
        number = await port()
        until(lambda: reached(number))

    await answers()
    await lab.engine.networks.connect("alpha", server)
    await answers()
    await lab.engine.networks.disconnect("bridge", server)
    await answers()
    await lab.engine.networks.disconnect("alpha", server)
    assert not any(port.host_port for port in (await lab.inspect(server)).container.ports)
    await lab.engine.networks.connect("bridge", server)
    await answers()


async def test_events(lab: Lab) -> None:
    await lab.engine.networks.create(NetworkSpec(name="mine"))
    container = await lab.sleeper(network_mode="none", name="quiet")
    await lab.engine.networks.disconnect("none", container)
    await lab.engine.networks.connect("mine", container)
    await lab.engine.networks.disconnect("mine", container)
    query = EventQuery(since=0, until=time.time_ns(), filters={"type": ("network",)})
    events = [event async for event in lab.engine.system.events(query) if event.attributes.get("container") == container]
    told = [
        told for told, _ in itertools.groupby((event.action, event.attributes["name"]) for event in events)
    ]  # dockerd 20.10 says it twice
    assert told == [("connect", "none"), ("disconnect", "none"), ("connect", "mine"), ("disconnect", "mine")]


async def test_what_is_refused(lab: Lab) -> None:
    networks = lab.engine.networks
    await networks.create(NetworkSpec(name="mine", subnets=(POOL,)))
    running = await lab.sleeper(network_mode="none")
    host = await lab.create("true", network_mode="host")
    plain = await lab.create("true", network_mode="mine")
    guest = await lab.sleeper(network_mode=f"container:{running}")
    with pytest.raises(NotFound, match="No such container: nobody"):
        await networks.connect("mine", "nobody")
    with pytest.raises(NotFound, match="network nowhere not found"):
        await networks.connect("nowhere", running)
    with pytest.raises(NotFound, match="network nowhere not found"):
        await networks.disconnect("nowhere", running)
    with pytest.raises(LongshoreError, match=r"is not connected to (the )?network mine"):
        await networks.disconnect("mine", running)
    for container, network, words in (
        (running, "mine", "one of the networks in private \\(none\\) mode"),
        (plain, "none", "one of the networks in private \\(none\\) mode"),
        (plain, "host", "cannot be disconnected from host network or connected to host network"),
        (host, "mine", "cannot be connected to any other network"),
        (guest, "mine", "cannot be connected to any other network"),
    ):
        with pytest.raises(LongshoreError, match=words):
            await networks.connect(network, container)
    with pytest.raises(InvalidArgument, match=r"user.specified IP address is supported on user.defined networks only"):
        await networks.connect("bridge", plain, ip="172.17.0.77")
    with pytest.raises(InvalidArgument, match="network-scoped alias is supported only for containers in user defined networks"):
        await networks.connect("bridge", plain, aliases=("name",))
    assert list(await places(lab, plain)) == ["mine"]
