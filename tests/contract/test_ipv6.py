"""Networks with both families."""

from __future__ import annotations

import ipaddress
import os

import pytest

from engine.errors import InvalidArgument, LongshoreError, NotFound
from engine.model.containers import Endpoint, PortBinding
from engine.model.networks import NetworkSpec, Subnet
from tests.contract.lab import Lab, sh
from tests.support.wait import until, until_async

NET = f"fd00:213:{os.getpid():x}"  # two runs on one machine do not meet
POOL = Subnet(subnet=f"{NET}::/64", gateway=f"{NET}::1")
SERVE = sh("mkdir /www && echo served >/www/index.html && httpd -p '[::]:8080' -h /www && echo ready && sleep 1000")


async def dual(lab: Lab, name: str = "six", pool: Subnet = POOL, internal: bool = False) -> str:
    return await lab.engine.networks.create(NetworkSpec(name=name, enable_ipv6=True, subnets=(pool,), internal=internal))


async def places(lab: Lab, container: str) -> dict[str, Endpoint]:
    return {place.network: place for place in (await lab.inspect(container)).container.networks}


async def shown(lab: Lab, container: str, script: str) -> str:
    return (await lab.exec(container, *sh(script))).out.decode()


def reached(lab: Lab, address: str) -> bool:
    """The host gets an answer; dockerd's bridges need a moment (duplicate address detection)."""
    return lab.host_run("busybox", "ping6", "-c", "1", "-W", "1", address).returncode == 0


async def test_create_and_inspect(lab: Lab) -> None:
    await dual(lab)
    found = await lab.engine.networks.inspect("six")
    four, six = sorted(found.subnets, key=lambda subnet: ":" in subnet.subnet)
    assert found.enable_ipv6 and six == POOL
    assert ipaddress.ip_address(four.gateway) in ipaddress.ip_network(four.subnet)
    assert not (await lab.engine.networks.inspect("bridge")).enable_ipv6
    with pytest.raises(LongshoreError, match=r"(?i)pool overlaps with other one on this address space"):
        await dual(lab, "seven")


async def test_a_container_has_an_address_of_each_family(lab: Lab) -> None:
    await dual(lab)
    container = await lab.sleeper(network_mode="six", name="member")
    place = (await places(lab, container))["six"]
    assert (place.global_ipv6_address, place.global_ipv6_prefix_length, place.ipv6_gateway) == (f"{NET}::2", 64, f"{NET}::1")
    assert place.ip_address and place.gateway
    (member,) = (await lab.engine.networks.inspect("six")).members
    assert (member.endpoint.global_ipv6_address, member.endpoint.ip_address) == (place.global_ipv6_address, place.ip_address)
    text = await shown(lab, container, "ip -6 addr show eth0; ip -6 route; cat /etc/hosts")
    assert f"inet6 {NET}::2/64" in text and f"default via {NET}::1 dev eth0" in text
    assert f"{NET}::2\t{container[:12]}" in text and f"{place.ip_address}\t{container[:12]}" in text
    await lab.engine.containers.stop(container, timeout=0)
    place = (await places(lab, container))["six"]
    assert (place.global_ipv6_address, place.global_ipv6_prefix_length, place.ipv6_gateway) == ("", 0, "")
    assert (await lab.engine.networks.inspect("six")).members == ()


async def test_a_container_without_has_none(lab: Lab) -> None:
    container = await lab.sleeper(network_mode="default")
    place = (await places(lab, container))["bridge"]
    assert (place.global_ipv6_address, place.global_ipv6_prefix_length, place.ipv6_gateway) == ("", 0, "")
    assert "inet6" not in await shown(lab, container, "ip -6 addr show eth0")


async def test_containers_find_each_other(lab: Lab) -> None:
    await dual(lab)
    server = await lab.start(*SERVE, name="server", network_mode="six", network_aliases=("web",), ipv6_address=f"{NET}::77")
    await lab.said(server, "ready")
    place = (await places(lab, server))["six"]
    assert place.global_ipv6_address == place.requested_ipv6 == f"{NET}::77"
    client = await lab.sleeper(network_mode="six")
    assert (await lab.exec(client, "wget", "-q", "-O", "-", f"http://[{NET}::77]:8080/")).out == b"served\n"
    for name in ("server", "web"):
        assert (await lab.exec(client, "ping6", "-c", "1", "-W", "5", name)).code == 0
        answers = await shown(lab, client, f"nslookup -type=AAAA {name}")
        assert f"{NET}::77" in answers and place.ip_address not in answers
    assert place.ip_address in await shown(lab, client, "nslookup -type=A server")
    until(lambda: reached(lab, f"{NET}::77"), what="the host reaches it")


async def test_wanted_addresses_are_checked(lab: Lab) -> None:
    await dual(lab)
    await lab.sleeper(network_mode="six", ipv6_address=f"{NET}::5")
    with pytest.raises(LongshoreError, match=r"(?i)address already in use"):
        await lab.sleeper(network_mode="six", ipv6_address=f"{NET}::5")
    with pytest.raises(LongshoreError, match=r"(?i)user.specified ip address is supported"):
        await lab.sleeper(network_mode="default", ipv6_address=f"{NET}::6")
    with pytest.raises(LongshoreError):
        await lab.sleeper(network_mode="six", ipv6_address="fd00:ffff::6")


async def test_a_running_container_joins_and_leaves(lab: Lab) -> None:
    await dual(lab)
    container = await lab.sleeper(network_mode="default")
    await lab.engine.networks.connect("six", container, ip6=f"{NET}::9")
    place = (await places(lab, container))["six"]
    assert place.global_ipv6_address == place.requested_ipv6 == f"{NET}::9"
    text = await shown(lab, container, "ip -6 addr show eth1; ip -6 route; cat /etc/hosts")
    assert f"inet6 {NET}::9/64" in text and f"default via {NET}::1 dev eth1" in text and f"{NET}::9\t{container[:12]}" in text
    await lab.engine.networks.disconnect("six", container)
    assert NET not in await shown(lab, container, "ip -6 addr; ip -6 route; cat /etc/hosts")


async def test_a_stopped_container_joins_with_its_next_start(lab: Lab) -> None:
    await dual(lab)
    container = await lab.create("sleep", "1000", network_mode="default")
    await lab.engine.networks.connect("six", container, ip6=f"{NET}::7")
    assert (await places(lab, container))["six"].global_ipv6_address == ""
    await lab.engine.containers.start(container)
    assert (await places(lab, container))["six"].global_ipv6_address == f"{NET}::7"
    assert f"inet6 {NET}::7/64" in await shown(lab, container, "ip -6 addr")


async def test_published_ports(lab: Lab) -> None:
    """One number for both families; reached on an IPv6 address of the host, which is the network's gateway here."""
    await dual(lab)
    server = await lab.start(*SERVE, network_mode="six", port_bindings=(PortBinding(container_port=8080),))
    await lab.said(server, "ready")
    ports = [port for port in (await lab.inspect(server)).container.ports if port.host_port]
    assert [port.host_ip for port in ports] == ["0.0.0.0", "::"] and len({port.host_port for port in ports}) == 1
    (listed,) = [one for one in await lab.engine.containers.list() if one.id == server]
    assert [port.host_ip for port in listed.ports] == ["0.0.0.0", "::"]

    client = await lab.sleeper(network_mode="six")
    fetch = ("timeout", "2", "wget", "-q", "-O", "-", f"http://[{NET}::1]:{ports[0].host_port}/")

    async def served() -> bool:
        return (await lab.exec(client, *fetch)).out == b"served\n"

    await until_async(served, what="the port answers the container")
    until(lambda: lab.host_run("busybox", *fetch).stdout == b"served\n", what="the port answers the host")
    assert lab.host_run("busybox", "wget", "-q", "-O", "-", f"http://127.0.0.1:{ports[0].host_port}/").stdout == b"served\n"


async def test_a_port_of_one_ipv6_address(lab: Lab) -> None:
    await dual(lab)
    wanted = PortBinding(container_port=8080, host_ip="::")
    server = await lab.start(*SERVE, network_mode="six", port_bindings=(wanted,))
    (port,) = [port for port in (await lab.inspect(server)).container.ports if port.host_port]
    assert (port.host_ip, port.container_port) == ("::", 8080)


async def test_internal(lab: Lab) -> None:
    await dual(lab, "inner", internal=True)
    container = await lab.sleeper(network_mode="inner")
    assert (await places(lab, container))["inner"].global_ipv6_address == f"{NET}::2"
    until(lambda: reached(lab, f"{NET}::2"), what="the host reaches it")


async def test_a_network_of_stopped_containers_can_be_removed(lab: Lab) -> None:
    """They keep its name; one cannot start without it, and can once it was taken out."""
    await dual(lab)
    container = await lab.create("sleep", "1000", network_mode="six", name="orphan")
    await lab.engine.networks.remove("six")
    assert "six" in await places(lab, container)
    with pytest.raises((NotFound, InvalidArgument), match=r"network \w+ not found"):
        await lab.engine.containers.start(container)
    await lab.engine.networks.disconnect("six", container, force=True)
    await lab.engine.networks.connect("bridge", container)
    await lab.engine.containers.start(container)
    assert list(await places(lab, container)) == ["bridge"]
