"""Networks."""

from __future__ import annotations

import ipaddress
import os
import re

import pytest

from engine.errors import Conflict, Forbidden, InvalidArgument, LongshoreError, NotFound
from engine.model.containers import PortBinding
from engine.model.networks import NetworkSpec, Subnet
from tests.contract.lab import PREDEFINED, Lab, sh, within
from tests.support.wait import until

NET = f"10.213.{os.getpid() % 256}"  # two runs on one machine do not meet
POOL = Subnet(subnet=f"{NET}.0/24", gateway=f"{NET}.1")
SERVE = sh("mkdir /www && echo served >/www/index.html && httpd -p 8080 -h /www && echo ready && sleep 1000")


async def test_the_predefined_networks(lab: Lab) -> None:
    networks = {network.name: network for network in await lab.engine.networks.list()}
    assert set(PREDEFINED) <= set(networks)
    assert [networks[name].driver for name in PREDEFINED] == ["bridge", "host", "null"]
    for name in PREDEFINED:
        with pytest.raises(Forbidden, match="is a pre-defined network and cannot be removed"):
            await lab.engine.networks.remove(name)


async def test_create_inspect_remove(lab: Lab) -> None:
    networks = lab.engine.networks
    made = await networks.create(NetworkSpec(name="front", labels={"for": "tests"}, subnets=(POOL,), internal=True))
    assert re.fullmatch("[0-9a-f]{64}", made)
    for name in ("front", made, made[:8]):
        found = await networks.inspect(name)
        assert (found.id, found.name, found.driver, found.scope) == (made, "front", "bridge", "local")
    assert found.internal and dict(found.labels) == {"for": "tests"} and found.subnets == (POOL,)
    assert found.created_at > 0 and found.members == ()
    with pytest.raises(Conflict, match="network with name front already exists"):
        await networks.create(NetworkSpec(name="front"))
    await networks.remove("front")
    with pytest.raises(NotFound, match="front"):
        await networks.inspect("front")
    with pytest.raises(NotFound, match="front"):
        await networks.remove("front")


async def test_networks_get_addresses_of_their_own(lab: Lab) -> None:
    for name in ("one", "two"):
        await lab.engine.networks.create(NetworkSpec(name=name))
    pools = [(await lab.engine.networks.inspect(name)).subnets[0] for name in ("bridge", "one", "two")]
    nets = [ipaddress.ip_network(pool.subnet) for pool in pools]
    assert not any(one.overlaps(other) for index, one in enumerate(nets) for other in nets[:index])
    assert ipaddress.ip_address(pools[1].gateway) == nets[1][1]
    with pytest.raises(LongshoreError, match=r"(?i)pool overlaps with other one on this address space"):
        await lab.engine.networks.create(NetworkSpec(name="three", subnets=(Subnet(subnet=pools[1].subnet),)))
    with pytest.raises(LongshoreError):
        await lab.engine.networks.create(NetworkSpec(name="three", subnets=(Subnet(subnet="no network"),)))


async def test_list_and_filters(lab: Lab) -> None:
    made = await lab.engine.networks.create(NetworkSpec(name="mine", labels={"tier": "web"}))

    async def found(**filters: str) -> list[str]:
        return [one.name for one in await lab.engine.networks.list(filters={key: (value,) for key, value in filters.items()})]

    assert await found() == sorted(("mine", *PREDEFINED))
    assert await found(name="min") == ["mine"]
    assert await found(id=made[:10]) == ["mine"]
    assert await found(label="tier=web") == ["mine"]
    assert await found(driver="host") == ["host"]
    assert await found(type="custom") == ["mine"]
    assert await found(type="builtin") == sorted(PREDEFINED)
    assert await found(dangling="true") == ["mine"]
    with pytest.raises(InvalidArgument, match=r"(?i)invalid filter"):
        await found(colour="red")


async def test_a_container_in_the_default_network(lab: Lab) -> None:
    container = await lab.sleeper(network_mode="default", name="member")
    (endpoint,) = (await lab.inspect(container)).container.networks
    bridge = await lab.engine.networks.inspect("bridge")
    assert (endpoint.network, endpoint.network_id) == ("bridge", bridge.id)
    pool = ipaddress.ip_network(bridge.subnets[0].subnet)
    assert ipaddress.ip_address(endpoint.ip_address) in pool and endpoint.prefix_length == pool.prefixlen
    assert endpoint.gateway == str(pool[1]) and re.fullmatch("([0-9a-f]{2}:){5}[0-9a-f]{2}", endpoint.mac_address)
    (member,) = bridge.members
    assert (member.container_id, member.container_name) == (container, "member")
    assert (member.endpoint.ip_address, member.endpoint.mac_address) == (endpoint.ip_address, endpoint.mac_address)
    shown = (await lab.exec(container, *sh("ip -4 addr show eth0; ip route; cat /sys/class/net/eth0/address; cat /etc/hosts"))).out.decode()
    assert f"inet {endpoint.ip_address}/{endpoint.prefix_length} " in shown
    assert f"default via {endpoint.gateway} dev eth0" in shown and endpoint.mac_address in shown
    assert f"{endpoint.ip_address}\t{container[:12]}" in shown
    assert lab.host_run("busybox", "ping", "-c", "1", "-W", "5", endpoint.ip_address).returncode == 0
    await within(lab.engine.containers.kill(container))
    await within(lab.engine.containers.wait(container))
    assert (await lab.inspect(container)).container.networks[0].ip_address == ""
    assert (await lab.engine.networks.inspect("bridge")).members == ()


async def test_containers_of_a_network_find_each_other(lab: Lab) -> None:
    await lab.engine.networks.create(NetworkSpec(name="shared", subnets=(POOL,)))
    server = await lab.start(*SERVE, name="server", network_mode="shared", network_aliases=("web",), ipv4_address=f"{NET}.77")
    await lab.said(server, "ready")
    assert (await lab.inspect(server)).container.networks[0].ip_address == f"{NET}.77"
    client = await lab.sleeper(network_mode="shared")
    for host in (f"{NET}.77", "server", "web"):
        assert (await lab.exec(client, "wget", "-q", "-O", "-", f"http://{host}:8080/")).out == b"served\n", host
    with pytest.raises(Forbidden, match="has active endpoints"):
        await lab.engine.networks.remove("shared")


async def test_addresses_are_given_out_once_and_come_back(lab: Lab) -> None:
    await lab.engine.networks.create(NetworkSpec(name="small", subnets=(POOL,)))
    first, second = await lab.sleeper(network_mode="small"), await lab.sleeper(network_mode="small")
    addresses = [(await lab.inspect(container)).container.networks[0].ip_address for container in (first, second)]
    assert addresses == [f"{NET}.2", f"{NET}.3"]
    with pytest.raises(LongshoreError, match=r"(?i)address already in use"):
        await lab.sleeper(network_mode="small", ipv4_address=f"{NET}.2")
    await lab.engine.containers.remove(first, force=True)
    third = await lab.sleeper(network_mode="small", ipv4_address=f"{NET}.2")
    assert (await lab.inspect(third)).container.networks[0].ip_address == f"{NET}.2"


async def test_networks_must_exist(lab: Lab) -> None:
    with pytest.raises(NotFound, match="network nowhere not found"):
        await lab.start("true", network_mode="nowhere")


async def test_static_addresses_need_a_network_of_ones_own(lab: Lab) -> None:
    with pytest.raises(InvalidArgument, match=r"user.specified IP address is supported .*on user.defined networks"):
        await lab.start("true", network_mode="bridge", ipv4_address="172.17.0.99")


async def test_host_and_none(lab: Lab) -> None:
    host = await lab.run(*sh("ls /sys/class/net; cat /etc/hostname"), network_mode="host")
    links = lab.host_run("ip", "-o", "link").stdout.decode()
    assert {line.split()[1].rstrip(":").partition("@")[0] for line in links.splitlines()} >= {"lo"}
    assert host.code == 0 and b"lo" in host.out
    none = await lab.run(*sh("ls /sys/class/net; ping -c 1 -W 1 127.0.0.1 >/dev/null && echo up"), network_mode="none")
    assert b"lo" in none.out and b"eth0" not in none.out and none.out.endswith(b"up\n")


async def test_a_container_in_anothers_network(lab: Lab) -> None:
    server = await lab.start(*SERVE, name="server", network_mode="default", hostname="named")
    await lab.said(server, "ready")
    guest = await lab.run(*sh("wget -q -O - http://127.0.0.1:8080/; hostname"), network_mode="container:server")
    assert guest.out == b"served\nnamed\n"


async def test_published_ports(lab: Lab) -> None:
    chosen = PortBinding(container_port=8080, host_ip="127.0.0.1")
    server = await lab.start(*SERVE, network_mode="default", port_bindings=(chosen,))
    await lab.said(server, "ready")
    (port,) = [port for port in (await lab.inspect(server)).container.ports if port.host_port]
    assert (port.container_port, port.protocol, port.host_ip) == (8080, "tcp", "127.0.0.1") and port.host_port >= 1024
    (row,) = await lab.engine.containers.list()
    assert port in row.ports
    until(lambda: lab.host_run("busybox", "wget", "-q", "-O", "-", f"http://127.0.0.1:{port.host_port}/").stdout == b"served\n")
    taken = await lab.create(*SERVE, network_mode="default", port_bindings=(port,))
    with pytest.raises(LongshoreError, match=f"Bind for 127.0.0.1:{port.host_port} failed: port is already allocated"):
        await lab.engine.containers.start(taken)
    assert not (await lab.state(taken)).running
    await lab.engine.containers.remove(server, force=True)
    await lab.engine.containers.start(taken)
    assert port in (await lab.inspect(taken)).container.ports


async def test_publish_all_publishes_what_is_exposed(lab: Lab) -> None:
    container = await lab.start(image=lab.app, entrypoint=("sleep", "1000"), network_mode="default", publish_all=True)
    found = {(port.container_port, port.protocol) for port in (await lab.inspect(container)).container.ports if port.host_port}
    assert found == {(8080, "tcp"), (5353, "udp")}


async def test_prune(lab: Lab) -> None:
    for name in ("used", "unused"):
        await lab.engine.networks.create(NetworkSpec(name=name))
    await lab.sleeper(network_mode="used")
    assert (await lab.engine.networks.prune()).removed == ("unused",)
    assert {network.name for network in await lab.engine.networks.list()} == {"used", *PREDEFINED}


async def test_addresses_of_others_and_what_is_asked_of_an_inspection(lab: Lab) -> None:
    pool = POOL.replace(auxiliary={"printer": f"{NET}.2"})
    made = await lab.engine.networks.create(NetworkSpec(name="front", subnets=(pool,)))
    found = await lab.engine.networks.inspect("front", verbose=True, scope="local")
    assert (found.id, found.subnets) == (made, (pool,))
    with pytest.raises(NotFound, match="network front not found"):
        await lab.engine.networks.inspect("front", scope="swarm")
