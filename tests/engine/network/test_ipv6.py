"""IPv6: real packets between scratch namespaces, what is made for them and that nothing of it stays."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from engine.errors import Conflict, Forbidden, InvalidArgument, StartFailed
from engine.linux.netlink import inside
from engine.model.containers import Endpoint, PortBinding
from engine.model.networks import NetworkSpec, Subnet
from engine.network import doctor, settings
from engine.store.networks import Networks
from tests.engine.network.conftest import HOST_ADDRESS, HOST_ADDRESS6, LAN_ADDRESS, LAN_ADDRESS6, Running, World
from tests.engine.network.spaces import Space, blocked, peer_of
from tests.engine.network.test_joining import join, leave

WEB = PortBinding(container_port=80, host_port=8080)
POOL = Subnet(subnet="fd00:77::/64", gateway="fd00:77::1")


def dual(world: World, name: str = "six", *subnets: Subnet, **options: object) -> str:
    """Make a network with both families."""
    return world.manager.create(NetworkSpec(name=name, enable_ipv6=True, subnets=subnets, **options)).name  # type: ignore[arg-type]


def place_of(container: Running) -> Endpoint:
    return container.record.endpoints[0]


def address_of(container: Running) -> str:
    return place_of(container).global_ipv6_address


def link_local(server: Running, client: Running) -> tuple[str, int, int, int]:
    """Port 80 of a container's link-local address, as a neighbour writes it."""
    address = server.space.ip("-6 -br addr show eth0 scope link").split()[2].partition("/")[0]
    with inside(client.space.descriptor):
        return address, 80, 0, socket.if_nametoindex("eth0")


def setting(space: Space, name: str) -> str:
    with inside(space.descriptor), open(f"/proc/sys/net/ipv6/conf/{name}") as file:
        return file.read().strip()


def test_addresses_routes_and_what_the_container_is_told(world: World) -> None:
    dual(world, "six", POOL)
    one = world.run(network_mode="six")
    two = world.run(network_mode="six", ipv6_address="fd00:77:0::42")
    place = place_of(one)
    assert (place.global_ipv6_address, place.global_ipv6_prefix_length, place.ipv6_gateway) == ("fd00:77::2", 64, "fd00:77::1")
    assert address_of(two) == "fd00:77::42" and place_of(two).requested_ipv6 == "fd00:77:0::42"
    shown = one.space.ip("-6 addr show eth0")
    assert "inet6 fd00:77::2/64 scope global nodad" in shown and "tentative" not in shown
    assert one.space.ip("-6 route show default").startswith("default via fd00:77::1 dev eth0")
    assert f"fd00:77::2\t{one.id[:12]}\n" in one.file("hosts") and f"{one.address}\t{one.id[:12]}\n" in one.file("hosts")
    bridge = world.host.ip("-br link show type bridge").split()[0]
    assert "inet6 fd00:77::1/64" in world.host.ip(f"-6 addr show {bridge}")
    assert setting(world.host, f"{bridge}/accept_ra") == setting(one.space, "eth0/accept_ra") == "0"
    one.detach()
    assert address_of(one) == "" and place_of(two).requested_ipv6 == "fd00:77:0::42"


def test_containers_of_a_network_reach_each_other_at_once(world: World) -> None:
    dual(world)
    one, two = world.run(network_mode="six"), world.run(network_mode="six")
    with one.space.listen(80, "::") as server:
        assert peer_of(two.space, (address_of(one), 80), server) == address_of(two)
        assert peer_of(world.host, (address_of(one), 80), server) == place_of(one).ipv6_gateway
        assert peer_of(two.space, link_local(one, two), server).startswith("fe80::")
    with world.host.listen(99, "::") as server:
        assert peer_of(one.space, (place_of(one).ipv6_gateway, 99), server) == address_of(one)


def test_out_into_the_world_masqueraded(world: World, lan: Space) -> None:
    dual(world)
    container = world.run(network_mode="six")
    with lan.listen(99, "::") as server:
        assert peer_of(container.space, (LAN_ADDRESS6, 99), server) == HOST_ADDRESS6
    dual(world, "plain", options={"com.docker.network.bridge.enable_ip_masquerade": "false"})
    container = world.run(network_mode="plain")
    with lan.listen(99, "::") as server:
        assert peer_of(container.space, (LAN_ADDRESS6, 99), server) == address_of(container)


def test_published_port_is_reached_from_everywhere(world: World, lan: Space) -> None:
    dual(world)
    neighbour = world.run(network_mode="six")
    container = world.run(network_mode="six", port_bindings=(WEB,))
    assert container.record.ports == (WEB.replace(host_ip="0.0.0.0"), WEB.replace(host_ip="::"))
    gateway = place_of(container).ipv6_gateway
    with container.space.listen(80, "::") as server:
        assert peer_of(lan, (HOST_ADDRESS6, 8080), server) == LAN_ADDRESS6  # the client's own address is seen
        peer_of(world.host, (HOST_ADDRESS6, 8080), server)
        peer_of(neighbour.space, (HOST_ADDRESS6, 8080), server)
        peer_of(neighbour.space, (gateway, 8080), server)
        peer_of(container.space, (HOST_ADDRESS6, 8080), server)  # hairpin
    with container.space.listen(80) as server:
        assert peer_of(lan, (HOST_ADDRESS, 8080), server) == LAN_ADDRESS


def test_a_port_of_one_address_is_published_there_alone(world: World, lan: Space) -> None:
    dual(world)
    world.host.ip("addr add fd00:99::7/64 dev lan0 nodad")
    container = world.run(
        network_mode="six", port_bindings=(WEB.replace(host_ip="fd00:99:0::7"), WEB.replace(host_port=8081, host_ip="::"))
    )
    assert [(port.host_ip, port.host_port) for port in container.record.ports] == [("fd00:99::7", 8080), ("::", 8081)]
    with container.space.listen(80, "::") as server:
        peer_of(lan, ("fd00:99::7", 8080), server)
        assert blocked(lan, (HOST_ADDRESS6, 8080))
        peer_of(lan, (HOST_ADDRESS6, 8081), server)
        assert blocked(lan, (HOST_ADDRESS, 8081))


def test_nobody_outside_reaches_a_container_directly(world: World, lan: Space) -> None:
    dual(world)
    dual(world, "other")
    one, two = world.run(network_mode="six", port_bindings=(WEB,)), world.run(network_mode="other")
    with one.space.listen(80, "::") as server, one.space.listen(81, "::"), two.space.listen(80, "::"):
        assert blocked(lan, (address_of(one), 80))
        assert blocked(lan, (address_of(one), 81))
        assert blocked(two.space, (address_of(one), 80))
        assert blocked(one.space, (address_of(two), 80))
        peer_of(two.space, (HOST_ADDRESS6, 8080), server)


def test_internal_network_has_no_way_out_or_in(world: World, lan: Space) -> None:
    dual(world, "inner", POOL, internal=True)
    one, two = world.run(network_mode="inner", port_bindings=(WEB,)), world.run(network_mode="inner")
    assert place_of(one).ipv6_gateway == "" and one.attachment.ports == ()
    with lan.listen(99, "::"), one.space.listen(80, "::") as server:
        peer_of(two.space, (address_of(one), 80), server)
        assert one.space.ip("-6 route show default") == ""
        one.space.ip("-6 route add default via fd00:77::1")
        assert blocked(one.space, (LAN_ADDRESS6, 99))
        assert blocked(lan, (address_of(one), 80))


def test_icc_off_separates_neighbours(world: World, lan: Space) -> None:
    dual(world, "apart", options={"com.docker.network.bridge.enable_icc": "false"})
    one, two = world.run(network_mode="apart", port_bindings=(WEB,)), world.run(network_mode="apart")
    with one.space.listen(80, "::") as server, lan.listen(99, "::") as outside:
        assert blocked(two.space, (address_of(one), 80))
        assert blocked(two.space, link_local(one, two))
        peer_of(two.space, (LAN_ADDRESS6, 99), outside)
        peer_of(two.space, (HOST_ADDRESS6, 8080), server)


def test_udp_port_follows_the_next_container(world: World, lan: Space) -> None:
    dual(world)
    binding = PortBinding(container_port=53, host_port=5353, protocol="udp")
    with lan.open(socket.SOCK_DGRAM, ipv6=True) as client:
        client.bind((LAN_ADDRESS6, 4000))  # one flow all the time
        for _ in range(2):
            container = world.run(network_mode="six", port_bindings=(binding,))
            with container.space.open(socket.SOCK_DGRAM, ipv6=True) as server:
                server.bind(("::", 53))
                client.sendto(b"question", (HOST_ADDRESS6, 5353))
                question, where = server.recvfrom(100)
                assert (question, where[:2]) == (b"question", (LAN_ADDRESS6, 4000))
                server.sendto(b"answer", where)
                answer, whence = client.recvfrom(100)
                assert (answer, whence[:2]) == (b"answer", (HOST_ADDRESS6, 5353))
            blocker = world.create(network_mode="six")  # takes the address, so that the next container gets another
            container.detach()
            blocker.attach()


def test_ports_of_both_families_are_one_number_and_held(world: World) -> None:
    chosen = world.run(port_bindings=(WEB.replace(host_port=0),))
    four, six = chosen.record.ports
    assert (four.host_ip, six.host_ip) == ("0.0.0.0", "::") and four.host_port == six.host_port > 0
    container = world.run(port_bindings=(WEB,))
    with world.host.open(ipv6=True) as other, pytest.raises(OSError, match="Address already in use"):
        other.bind(("::1", 8080))
    container.detach()
    with world.host.listen(8080, "::"):
        second = world.create(name="second", port_bindings=(WEB,))
        with pytest.raises(StartFailed, match=r"endpoint second: Bind for \[::\]:8080 failed: port is already allocated"):
            second.attach()
        assert second.record.ports == ()
        with world.host.listen(8080):  # nothing of the failed one holds it
            pass
    with pytest.raises(StartFailed, match=r"listen tcp6 \[fd00:5::5\]:1: bind: cannot assign requested address"):
        world.run(port_bindings=(WEB.replace(host_port=1, host_ip="fd00:5::5"),))


def test_a_host_without_ipv6_publishes_on_ipv4(world: World) -> None:
    world.host.ip("addr del ::1/128 dev lo")
    container = world.run(port_bindings=(WEB,))
    assert container.record.ports == (WEB.replace(host_ip="0.0.0.0"),)


def test_pools_are_this_engines_own_and_never_meet(world: World, lan: Space) -> None:
    for name in ("one", "two"):
        dual(world, name)
    first, second = (Networks(world.database).resolve(name).subnets[1] for name in ("one", "two"))
    assert first.subnet.startswith("fd") and first.subnet.endswith("::/64") and first.subnet != second.subnet
    assert first.gateway == first.subnet.replace("/64", "1")
    prefix = first.subnet.removesuffix("::/64")
    lan_route = f"{prefix}:2::/64"
    with inside(world.host.descriptor):
        world.host.ip(f"-6 route add {lan_route} via {LAN_ADDRESS6}")
        dual(world, "three")
    assert Networks(world.database).resolve("three").subnets[1].subnet not in (first.subnet, second.subnet, lan_route)
    with pytest.raises(Forbidden, match="Pool overlaps"):
        dual(world, "four", Subnet(subnet=first.subnet))
    given = world.manager.create(NetworkSpec(name="five", enable_ipv6=True, subnets=(Subnet(subnet="fd00:5:0:0::/64"),)))
    assert given.subnets[1] == Subnet(subnet="fd00:5::/64", gateway="fd00:5::1")


def test_an_idle_network_moves_out_of_the_way(world: World, lan: Space) -> None:
    dual(world)
    before = Networks(world.database).resolve("six").subnets
    world.host.ip(f"-6 route add {before[1].subnet} via {LAN_ADDRESS6}")
    container = world.run(network_mode="six")
    after = Networks(world.database).resolve("six").subnets
    assert after[0] == before[0] and after[1] != before[1]
    assert address_of(container).startswith(after[1].subnet.removesuffix("/64"))


def test_wanted_addresses(world: World) -> None:
    dual(world, "six", POOL)
    world.run(network_mode="six", ipv6_address="fd00:77::5")
    with pytest.raises(Conflict, match="Address already in use"):
        world.run(network_mode="six", ipv6_address="fd00:77:0::5")
    for wanted in ({"ipv6_address": "fd00:78::5"}, {"ipv6_address": "10.0.0.5"}, {"ipv4_address": "fd00:77::6"}):
        with pytest.raises(InvalidArgument, match="no configured subnet contains IP address"):
            world.run(network_mode="six", **wanted)
    with pytest.raises(InvalidArgument, match="user-specified IP address is supported on user-defined networks only"):
        world.run(ipv6_address="fd00:77::9")
    world.manager.create(NetworkSpec(name="four"))
    with pytest.raises(InvalidArgument, match="no configured subnet contains IP address fd00:77::9"):
        world.run(network_mode="four", ipv6_address="fd00:77::9")


def test_joining_and_leaving(world: World, lan: Space) -> None:
    world.manager.create(NetworkSpec(name="alpha"))
    dual(world, "six", POOL)
    one = world.run(network_mode="alpha", port_bindings=(WEB,))
    assert one.space.ip("-6 route show default") == ""
    join(one, "six")  # both families lead out there, so that it comes before alpha
    assert one.space.ip("-6 route show default").startswith("default via fd00:77::1 dev eth1")
    assert one.space.ip("-4 route show default").split()[2] == one.record.endpoints[1].gateway
    assert f"fd00:77::2\t{one.id[:12]}\n" in one.file("hosts")
    with one.space.listen(80, "::") as server:
        assert peer_of(lan, (HOST_ADDRESS6, 8080), server) == LAN_ADDRESS6
    leave(one, "six")
    assert one.space.ip("-6 route show default") == "" and "fd00:77" not in one.file("hosts") + one.space.ip("-6 addr")
    assert one.space.ip("-4 route show default").split()[2] == one.record.endpoints[0].gateway
    with one.space.listen(80) as server:
        assert peer_of(lan, (HOST_ADDRESS, 8080), server) == LAN_ADDRESS


def test_the_last_container_takes_everything_with_it(world: World) -> None:
    before = world.host.ip("-6 addr") + world.host.ip("-6 route show table all")
    dual(world)
    plain = world.run()
    assert "ip6" not in world.host.run("nft", "list", "tables")  # no network has IPv6
    one = world.run(network_mode="six", port_bindings=(WEB,))
    assert "tcp . 8080" in world.host.run("nft", "list", "table", "ip6", world.host.run("nft", "list", "tables").split()[-1])
    one.detach()
    assert "ip6" not in world.host.run("nft", "list", "tables")
    plain.detach()
    assert world.host.run("nft", "list", "ruleset") == ""
    assert world.host.ip("-6 addr") + world.host.ip("-6 route show table all") == before
    assert Networks(world.database).leases() == []


def test_living_beside_docker(world: World, lan: Space) -> None:
    """dockerd's ip6 filter FORWARD policy drop."""
    world.host.run("ip6tables", "-P", "FORWARD", "DROP")
    dual(world)
    container = world.run(network_mode="six", port_bindings=(WEB,))
    plain = world.run()
    with lan.listen(99, "::") as server, container.space.listen(80, "::") as inner:
        peer_of(container.space, (LAN_ADDRESS6, 99), server)
        peer_of(lan, (HOST_ADDRESS6, 8080), inner)
    container.detach()
    plain.detach()
    assert world.host.run("ip6tables", "-S", "FORWARD") == "-P FORWARD DROP\n"


def test_forwarding_is_switched_on_when_it_is_needed_and_routers_stay_known(world: World, lan: Space) -> None:
    world.host.ip(f"-6 route add default via {LAN_ADDRESS6} proto ra")
    world.run()
    assert (setting(world.host, "all/forwarding"), setting(world.host, "lan0/accept_ra")) == ("0", "1")
    dual(world)
    world.run(network_mode="six")
    assert (setting(world.host, "all/forwarding"), setting(world.host, "lan0/accept_ra")) == ("1", "2")
    assert setting(world.host, "lo/accept_ra") == "1"  # nothing was learned there
    with inside(world.host.descriptor):
        assert doctor.warnings() == ()


def test_the_default_bridge_gets_ipv6_when_it_is_told_to(world: World) -> None:
    """And gives it up again; while a container is in it everything stays as it is."""
    with inside(world.host.descriptor):
        assert world.manager.follow((True, "fd00:78::/64"))
    one = world.run()
    assert (address_of(one), place_of(one).ipv6_gateway) == ("fd00:78::2", "fd00:78::1")
    with one.space.listen(80, "::") as server:
        assert peer_of(world.host, (address_of(one), 80), server) == "fd00:78::1"
    with inside(world.host.descriptor):
        assert world.manager.follow((True, "")) and not world.manager.follow((False, ""))
    one.detach()
    with inside(world.host.descriptor):
        assert world.manager.follow((False, ""))
    two = world.run()
    assert not address_of(two) and "fd00:78" not in two.space.ip("-6 addr")
    two.detach()
    with inside(world.host.descriptor), pytest.raises(Forbidden):
        world.manager.create(NetworkSpec(name="six", enable_ipv6=True, subnets=(POOL,)))
        world.manager.follow((True, POOL.subnet))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", (False, "")),
        ('[registries."docker.io"]\nmirrors = []', (False, "")),
        ("[network]\nipv6 = true", (True, "")),
        ('[network]\nipv6 = true\nfixed-cidr-v6 = "fd00:1::/64"', (True, "fd00:1::/64")),
        ('[network]\nfixed-cidr-v6 = "fd00:1::/64"', "fixed-cidr-v6 needs ipv6 = true"),
        ("[network]\nipv6 = 1", "ipv6 must be true or false"),
        ("[network]\nipv4 = true", 'unknown key "ipv4"'),
        ("network = 1", "network must be a table"),
        ("[network", "no valid TOML"),
    ],
)
def test_what_the_configuration_says(tmp_path: Path, text: str, wanted: object) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    if isinstance(wanted, str):
        with pytest.raises(InvalidArgument, match=re.escape(wanted)):
            settings.load(str(path))
    else:
        assert settings.load(str(path)) == wanted
