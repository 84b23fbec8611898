"""How networks come and go: what is made, what is left, foreign firewalls, several engines, records and files."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from engine.errors import Conflict, EngineFault, Forbidden, InvalidArgument, NotFound, NotSupported
from engine.linux.netlink import inside
from engine.model.containers import Endpoint, EndpointOptions, PortBinding
from engine.model.networks import NetworkSpec, Subnet
from engine.network import names
from engine.store import events
from engine.store.containers import Containers
from engine.store.networks import Networks
from tests.engine.network.conftest import HOST_ADDRESS, LAN_ADDRESS, World
from tests.engine.network.spaces import Space, peer_of

WEB = PortBinding(container_port=80, host_port=8080)


def bridges(world: World) -> list[str]:
    return [line.split()[0] for line in world.host.ip("-br link show type bridge").splitlines()]


def rules(world: World) -> str:
    return world.host.run("nft", "list", "ruleset")


def test_the_last_container_takes_everything_with_it(world: World) -> None:
    world.manager.create(NetworkSpec(name="mine"))
    one = world.run(port_bindings=(WEB,))
    two = world.run(network_mode="mine")
    assert len(bridges(world)) == 2
    two.detach()
    assert len(bridges(world)) == 1
    assert "8080" in rules(world)
    one.detach()
    one.detach()  # again is no error
    assert bridges(world) == []
    assert rules(world) == ""
    assert world.host.ip("-br link show type veth") == ""
    assert Networks(world.database).leases() == []


def test_addresses_are_lowest_free_and_recorded(world: World) -> None:
    one, two = world.run(), world.run()
    first = one.attachment.endpoints[0]
    assert (first.network, first.prefix_length) == ("bridge", 16)
    assert two.address == first.gateway[:-1] + "3"
    assert one.record.endpoints == one.attachment.endpoints
    one.detach()
    assert one.record.endpoints[0].ip_address == ""
    assert world.run().address == first.ip_address
    actions = [event.action for _, event in events.since(world.database, 0) if event.kind == "network"]
    assert actions == ["connect", "connect", "disconnect", "connect"]


def test_wanted_address_and_mac(world: World) -> None:
    world.manager.create(NetworkSpec(name="mine", subnets=(Subnet(subnet="10.77.0.0/24", gateway="10.77.0.9"),)))
    container = world.run(network_mode="mine", ipv4_address="10.77.0.42", mac_address="02:00:00:00:00:aa")
    assert "10.77.0.42/24" in container.space.ip("-4 addr show eth0")
    assert "02:00:00:00:00:aa" in container.space.ip("link show eth0")
    assert "default via 10.77.0.9" in container.space.ip("route")
    with pytest.raises(Conflict, match="Address already in use"):
        world.run(network_mode="mine", ipv4_address="10.77.0.42")
    with pytest.raises(InvalidArgument, match=r"no configured subnet contains IP address 10\.78\.0\.1"):
        world.run(network_mode="mine", ipv4_address="10.78.0.1")
    with pytest.raises(InvalidArgument, match="user-specified IP address is supported on user-defined networks only"):
        world.run(ipv4_address="172.17.0.9")


def test_flushed_rules_come_back_with_the_next_start(world: World, lan: Space) -> None:
    container = world.run(port_bindings=(WEB,))
    world.host.run("nft", "flush", "ruleset")
    world.run()
    with container.space.listen(80) as server:
        assert peer_of(lan, (HOST_ADDRESS, 8080), server) == LAN_ADDRESS
    world.host.run("nft", "flush", "ruleset")
    with inside(world.host.descriptor):
        world.manager.sweep(lambda _: True)
    with container.space.listen(80) as server:
        peer_of(lan, (HOST_ADDRESS, 8080), server)


def test_sweep_removes_what_the_dead_left(world: World, lan: Space) -> None:
    dead = world.run(port_bindings=(WEB,))
    alive = world.run()
    forgotten = world.run(network_mode=world.manager.create(NetworkSpec(name="other")).name)
    dead.attachment.close()
    forgotten.attachment.close()
    world.database.query("DELETE FROM containers WHERE id = ?", forgotten.id)  # somebody damaged the database
    with inside(world.host.descriptor):
        world.manager.sweep(lambda identity: identity == alive.id)
    assert [lease.container_id for lease in Networks(world.database).leases()] == [alive.id]
    assert dead.record.ports == ()
    assert len(bridges(world)) == 1
    assert "8080" not in rules(world)
    dead.attachment = type(dead.attachment)()
    forgotten.attachment = type(forgotten.attachment)()
    with lan.listen(99) as server:
        peer_of(alive.space, (LAN_ADDRESS, 99), server)


def test_a_start_after_a_killed_supervisor(world: World, lan: Space) -> None:
    container = world.run(port_bindings=(WEB.replace(host_port=0),))
    old = container.attachment.ports[0].host_port
    container.attachment.close()  # the supervisor died, nobody detached
    container.attach()
    new = container.attachment.ports[0].host_port
    assert f"tcp . {new} :" in rules(world)
    assert old == new or f"tcp . {old} :" not in rules(world)
    with container.space.listen(80) as server:
        peer_of(lan, (HOST_ADDRESS, new), server)


def test_living_beside_docker(world: World, lan: Space) -> None:
    """dockerd's ip filter FORWARD policy drop, with and without DOCKER-USER, and somebody's inet table."""
    for command in ("-P FORWARD DROP", "-N DOCKER-USER", "-A DOCKER-USER -j RETURN", "-I FORWARD -j DOCKER-USER"):
        world.host.run("iptables", *command.split())
    world.host.run("nft", "add table inet walls; add chain inet walls fw { type filter hook forward priority 5 ; policy drop ; }")
    one, two = world.run(port_bindings=(WEB,)), world.run()
    with one.space.listen(80) as server, lan.listen(99) as outside:
        assert peer_of(lan, (HOST_ADDRESS, 8080), server) == LAN_ADDRESS
        assert peer_of(one.space, (LAN_ADDRESS, 99), outside) == HOST_ADDRESS
        peer_of(two.space, (one.address, 80), server)
    listed = world.host.run("iptables", "-S")  # iptables still understands its own table
    assert "-A DOCKER-USER -i" in listed
    assert "-A FORWARD -i" not in listed
    one.detach()
    two.detach()
    assert "longshore" not in rules(world)
    assert world.host.run("iptables", "-S", "DOCKER-USER").splitlines() == ["-N DOCKER-USER", "-A DOCKER-USER -j RETURN"]


def test_no_way_into_dockers_containers(world: World, lan: Space) -> None:
    """Being let through DOCKER-USER must not open docker's own bridges to our containers."""
    docker = Space()
    try:
        world.host.ip("link add docker0 type bridge")
        world.host.ip("addr add 172.17.0.1/16 dev docker0")
        world.host.ip("link set docker0 up")
        world.host.ip(f"link add vdocker type veth peer name eth0 netns {docker.pid}")
        world.host.ip("link set vdocker master docker0 up")
        docker.ip("addr add 172.17.0.2/16 dev eth0")
        docker.ip("link set eth0 up")
        docker.ip("route add default via 172.17.0.1")
        container = world.run()
        assert not container.address.startswith("172.17.")  # the route is in use
        with docker.listen(80) as server:
            peer_of(world.host, ("172.17.0.2", 80), server)
            with container.space.open() as client:
                client.settimeout(0.5)
                with pytest.raises(OSError, match="timed out"):
                    client.connect(("172.17.0.2", 80))
    finally:
        docker.close()


def test_two_engines_on_one_host(worlds: Callable[[str], World], lan: Space) -> None:
    first, second = worlds("first"), worlds("second")
    one, two = first.run(port_bindings=(WEB,)), second.run(port_bindings=(WEB.replace(host_port=8081),))
    assert one.address.rsplit(".", 2)[0] != two.address.rsplit(".", 2)[0]
    with one.space.listen(80) as server, two.space.listen(80) as other:
        peer_of(lan, (HOST_ADDRESS, 8080), server)
        peer_of(lan, (HOST_ADDRESS, 8081), other)
    one.detach()
    with two.space.listen(80) as other:
        peer_of(lan, (HOST_ADDRESS, 8081), other)
    two.detach()
    assert rules(first) == ""


def test_an_idle_network_moves_when_its_subnet_is_taken(world: World, lan: Space) -> None:
    world.manager.create(NetworkSpec(name="fixed", subnets=(Subnet(subnet="10.77.0.0/24", ip_range="10.77.0.128/25"),)))
    before = Networks(world.database).resolve("bridge").subnets[0].subnet
    assert before == "172.17.0.0/16"
    world.host.ip("route add 172.17.0.0/24 dev lan0")
    world.host.ip("route add 10.77.0.0/25 dev lan0")
    assert world.run().address == "172.18.0.2"
    assert Networks(world.database).resolve("bridge").subnets[0].subnet == "172.18.0.0/16"
    with pytest.raises(EngineFault, match="overlaps with a route"):
        world.run(network_mode="fixed")


def test_an_interface_that_is_not_ours_is_left_alone(world: World) -> None:
    world.manager.create(NetworkSpec(name="mine", options={"com.docker.network.bridge.name": "theirs"}))
    world.host.ip("link add theirs type bridge")
    with pytest.raises(Conflict, match="interface theirs exists"):
        world.run(network_mode="mine")
    assert bridges(world) == ["theirs"]
    with inside(world.host.descriptor):
        world.manager.sweep(lambda _: False)
    assert bridges(world) == ["theirs"]


def test_a_bridge_that_a_killed_process_left_half_made(world: World, lan: Space) -> None:
    name, group = names.default_bridge(world.roots), names.group(world.roots)
    world.host.ip(f"link add {name} group {group} type bridge")
    container = world.run(port_bindings=(WEB,))
    with container.space.listen(80) as server:
        peer_of(lan, (HOST_ADDRESS, 8080), server)
    assert f"alias {names.table(world.roots)}:" in world.host.ip(f"link show {name}")
    container.detach()
    assert bridges(world) == []
    world.host.ip(f"link add {name} group {group} type bridge")
    container.detach()  # it has no address any more, and yet what is left is found
    assert bridges(world) == []


def test_other_network_modes(world: World) -> None:
    none = world.run(network_mode="none")
    assert none.record.endpoints[0].network == "none"
    host = world.run(network_mode="host", extra_hosts=("db:10.1.2.3",))
    assert host.file("hosts").endswith("10.1.2.3\tdb\n")
    owner = world.run(name="owner", config={"hostname": "web"})
    guest = world.run(network_mode="container:owner")
    assert guest.attachment.endpoints == ()
    assert [guest.file(name) for name in ("hosts", "hostname")] == [owner.file("hosts"), "web\n"]
    with pytest.raises(NotFound, match="No such container: abc"):
        world.run(network_mode="container:abc")
    with pytest.raises(NotFound, match="network nosuch not found"):
        world.run(network_mode="nosuch")


def test_create_and_remove(world: World) -> None:
    made = world.manager.create(NetworkSpec(name="mine", labels={"a": "b"}))
    assert made.bridge == f"br-{made.id[:12]}"
    assert made.subnets[0].gateway.endswith(".0.1")
    with pytest.raises(Conflict, match="network with name mine already exists"):
        world.manager.create(NetworkSpec(name="mine"))
    with pytest.raises(Forbidden, match="Pool overlaps with other one on this address space"):
        world.manager.create(NetworkSpec(name="other", subnets=(Subnet(subnet=made.subnets[0].subnet),)))
    container = world.run(network_mode="mine")
    with pytest.raises(Forbidden, match="has active endpoints"):
        world.manager.remove("mine")
    container.detach()
    world.manager.remove(made.id[:12])
    for name in ("bridge", "host", "none"):
        with pytest.raises(Forbidden, match=f"{name} is a pre-defined network and cannot be removed"):
            world.manager.remove(name)
    with pytest.raises(NotFound):
        world.manager.remove("mine")


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (NetworkSpec(name="host"), Forbidden),
        (NetworkSpec(name=""), InvalidArgument),
        (NetworkSpec(name="../x"), InvalidArgument),
        (NetworkSpec(name="x", driver="overlay"), NotSupported),
        (NetworkSpec(name="x", driver="weave"), NotFound),
        (NetworkSpec(name="x", driver="host"), Forbidden),
        (NetworkSpec(name="x", subnets=(Subnet(subnet="fd00:1::/64"),)), InvalidArgument),
        (NetworkSpec(name="x", enable_ipv6=True, subnets=(Subnet(subnet="fd00:1::1/64"),)), InvalidArgument),
        (NetworkSpec(name="x", enable_ipv6=True, subnets=(Subnet(subnet="fd00:1::/64", gateway="10.0.0.1"),)), InvalidArgument),
        (NetworkSpec(name="x", enable_ipv6=True, subnets=(Subnet(subnet="fd00:1::/64"), Subnet(subnet="fd00:2::/64"))), InvalidArgument),
        *(
            (NetworkSpec(name="x", enable_ipv6=True, subnets=(Subnet(subnet=subnet),)), InvalidArgument)
            for subnet in ("fe80::/64", "ff05::/64", "::ffff:10.0.0.0/104", "::/64", "fd00::/127", "fd00::/129")
        ),
        (NetworkSpec(name="x", enable_ipv6=True, options={"com.docker.network.driver.mtu": "1279"}), InvalidArgument),
        (NetworkSpec(name="x", options={"com.docker.network.bridge.gateway_mode_ipv6": "routed"}), NotSupported),
        (NetworkSpec(name="x", subnets=(Subnet(subnet="10.0.0.1/24"),)), InvalidArgument),
        (NetworkSpec(name="x", subnets=(Subnet(subnet="10.0.0.0/31"),)), InvalidArgument),
        (NetworkSpec(name="x", subnets=(Subnet(subnet="fd00::/64"),)), InvalidArgument),
        (NetworkSpec(name="x", subnets=(Subnet(subnet="10.0.0.0/24", gateway="10.0.1.1"),)), InvalidArgument),
        (NetworkSpec(name="x", subnets=(Subnet(subnet="10.0.0.0/24", ip_range="10.0.1.0/28"),)), InvalidArgument),
        (NetworkSpec(name="x", options={"com.docker.network.bridge.name": "a/b"}), InvalidArgument),
        (NetworkSpec(name="x", options={"com.docker.network.bridge.name": "sixteen-letters-"}), InvalidArgument),
        (NetworkSpec(name="x", options={"com.docker.network.bridge.enable_icc": "maybe"}), InvalidArgument),
        (NetworkSpec(name="x", options={"com.docker.network.driver.mtu": "many"}), InvalidArgument),
        (NetworkSpec(name="x", options={"com.docker.network.bridge.host_binding_ipv4": "here"}), InvalidArgument),
        (NetworkSpec(name="x", options={"com.docker.network.bridge.gateway_mode_ipv4": "isolated"}), NotSupported),
    ],
)
def test_refused_at_create(world: World, spec: NetworkSpec, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        world.manager.create(spec)


def test_check_tells_what_create_must_refuse(world: World) -> None:
    assert world.manager.check(world.create().record)[0].network == "bridge"
    for options in (
        {"port_bindings": (PortBinding(container_port=0),)},
        {"port_bindings": (PortBinding(container_port=1, protocol="icmp"),)},
        {"port_bindings": (PortBinding(container_port=1, host_ip="nowhere"),)},
        {"extra_hosts": ("nonsense",)},
        {"dns": ("ns.example.org",)},
        {"mac_address": "02:42"},
        {"network_aliases": ("db",)},
    ):
        with pytest.raises(InvalidArgument):
            world.manager.check(world.create(**options).record)
    with pytest.raises(NotFound):
        world.manager.check(world.create(network_mode="nosuch").record)


def test_name_files(world: World) -> None:
    container = world.create(
        config={"hostname": "web", "domainname": "example.org"},
        extra_hosts=("db:10.1.2.3", "gate:host-gateway", "six:[::1]"),
        dns=("192.0.2.1",),
        dns_search=("example.org",),
        dns_options=("ndots:2",),
    )
    container.attach()
    gateway = container.attachment.endpoints[0].gateway
    assert container.file("hosts").endswith(f"10.1.2.3\tdb\n{gateway}\tgate\n::1\tsix\n{container.address}\tweb.example.org web\n")
    assert container.file("hostname") == "web\n"
    assert container.file("resolv.conf").splitlines()[1:] == ["nameserver 192.0.2.1", "search example.org", "options ndots:2"]
    container.detach()
    path = f"{world.roots.container_dir(container.id)}/resolv.conf"
    with open(path, "a") as file:
        file.write("# mine\n")
    container.attach()
    assert container.file("resolv.conf").endswith("# mine\n")


def test_many_containers_at_once(world: World) -> None:
    """Incremental changes and a whole reload agree."""
    containers = [world.run(port_bindings=(WEB.replace(host_port=0),)) for _ in range(4)]
    containers[1].detach()
    loaded = sorted(rules(world).split())
    with inside(world.host.descriptor):
        world.manager.sweep(lambda _: True)
    assert sorted(rules(world).split()) == loaded
    assert len({container.address for container in containers[2:]}) == 2
    assert Containers(world.database).get(containers[0].id).ports == containers[0].attachment.ports


IFNAME, SYSCTLS = "com.docker.network.endpoint.ifname", "com.docker.network.endpoint.sysctls"


def test_names_and_kernel_parameters_of_a_containers_interfaces(world: World) -> None:
    mine = world.manager.create(NetworkSpec(name="mine"))
    further = world.manager.create(NetworkSpec(name="further"))
    asked = {IFNAME: "lan7", SYSCTLS: "net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.neigh.ifname.base_reachable_time_ms=31000"}
    one = world.create(network_mode="mine", endpoint=EndpointOptions(driver=asked))
    one.attach()
    assert "lan7" in one.space.ip("-br link") and "eth0" not in one.space.ip("-br link")
    assert one.space.run("cat", "/proc/sys/net/ipv4/conf/lan7/log_martians") == "1\n"
    assert one.space.run("cat", "/proc/sys/net/ipv4/neigh/lan7/base_reachable_time_ms") == "31000\n"
    assert one.record.endpoints[0].options.driver == asked
    wanted = Endpoint(network="further", network_id=further.id, options=EndpointOptions(driver={IFNAME: "eth9"}))
    with inside(world.host.descriptor):
        world.manager.connect(one.record, "further", wanted, one.space.pid, named=True)
    assert "eth9" in one.space.ip("-br link")
    one.detach()
    one.attach()  # as after a stop: both are asked for again
    assert {"lan7", "eth9"} <= {line.partition("@")[0] for line in one.space.ip("-br link").splitlines()}
    one.detach()
    assert mine.id != further.id and rules(world) == ""


def test_a_name_that_another_interface_would_have_is_left_to_who_asks_for_it(world: World) -> None:
    world.manager.create(NetworkSpec(name="mine"))
    second = world.manager.create(NetworkSpec(name="second"))
    one = world.create(network_mode="mine")
    there = Endpoint(network="second", network_id=second.id, options=EndpointOptions(driver={IFNAME: "eth0"}))
    with inside(world.host.descriptor):
        world.manager.connect(one.record, "mine", Endpoint(network="mine"), 0)
        world.manager.connect(one.record, "second", there, 0)
    assert len(one.attach().endpoints) == 2
    named = {line.partition("@")[0] for line in one.space.ip("-br link").splitlines()}
    assert {"eth0", "eth1"} <= named


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (SYSCTLS, "net.ipv4.conf.eth0.log_martians=1", "unrecognised network interface sysctl 'net.ipv4.conf.eth0.log_martians=1'"),
        (SYSCTLS, "net.core.x.IFNAME.y=1", "unrecognised network interface sysctl"),
        (SYSCTLS, "net.ipv4.conf.IFNAME.../../../../kernel/panic=1", "unrecognised network interface sysctl"),
        (SYSCTLS, "net.ipv4.conf.IFNAME.log_martians", "unrecognised network interface sysctl"),
        (IFNAME, "a/b", "invalid interface name"),
        (IFNAME, "sixteen-letters-", "invalid interface name"),
        (IFNAME, "lo", "invalid interface name"),
    ],
)
def test_driver_options_that_are_none(world: World, key: str, value: str, words: str) -> None:
    world.manager.create(NetworkSpec(name="mine"))
    with pytest.raises(InvalidArgument, match=re.escape(words)):
        world.run(network_mode="mine", endpoint=EndpointOptions(driver={key: value}))
    with pytest.raises(NotSupported, match="options of a container"):
        world.run(network_mode="mine", endpoint=EndpointOptions(driver={"nobody.knows": value}))


def test_a_parameter_that_the_kernel_does_not_have(world: World) -> None:
    world.manager.create(NetworkSpec(name="mine"))
    with pytest.raises(InvalidArgument, match=r"net\.ipv4\.conf\.eth0\.nonsense=1: open .*: no such file or directory"):
        world.run(network_mode="mine", endpoint=EndpointOptions(driver={SYSCTLS: "net.ipv4.conf.IFNAME.nonsense=1"}))
    assert world.host.ip("-br link show type veth") == "" and Networks(world.database).leases() == []


def test_addresses_of_others_are_not_given_out(world: World) -> None:
    pool = Subnet(subnet="10.98.1.0/24", gateway="10.98.1.1", auxiliary={"printer": "10.98.1.2", "router": "10.98.1.4"})
    pool6 = Subnet(subnet="fd00:98::/64", auxiliary={"printer6": "fd00:98:0::2"})
    made = world.manager.create(NetworkSpec(name="mine", subnets=(pool, pool6), enable_ipv6=True))
    assert made.subnets[0].auxiliary == pool.auxiliary and made.subnets[1].auxiliary == {"printer6": "fd00:98::2"}
    assert [world.run(network_mode="mine").address for _ in range(2)] == ["10.98.1.3", "10.98.1.5"]
    assert {lease.address6 for lease in Networks(world.database).leases()} == {"fd00:98::3", "fd00:98::4"}
    with pytest.raises(Conflict, match="Address already in use"):
        world.run(network_mode="mine", ipv4_address="10.98.1.2")


@pytest.mark.parametrize("field", ["dns_search", "dns_options"])
def test_words_of_a_resolv_conf_stay_in_their_line(world: World, field: str) -> None:
    for text in ("a\0b", "a\nnameserver 6.6.6.6"):
        asked: dict[str, Any] = {field: (text,)}
        record = world.create(**asked).record
        with pytest.raises(InvalidArgument, match="invalid DNS"):
            world.manager.check(record)
