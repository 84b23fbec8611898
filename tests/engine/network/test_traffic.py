"""What passes and what does not: real packets between scratch namespaces, with two networks of one engine."""

from __future__ import annotations

import socket

import pytest

from engine.errors import StartFailed
from engine.linux.netlink import inside
from engine.model.containers import PortBinding
from engine.model.networks import NetworkSpec
from engine.network import doctor
from tests.engine.network.conftest import HOST_ADDRESS, LAN_ADDRESS, World
from tests.engine.network.spaces import Space, blocked, peer_of

WEB = PortBinding(container_port=80, host_port=8080)


def test_out_into_the_world_masqueraded(world: World, lan: Space) -> None:
    container = world.run()
    with lan.listen(99) as server:
        assert peer_of(container.space, (LAN_ADDRESS, 99), server) == HOST_ADDRESS


def test_published_port_is_reached_from_everywhere(world: World, lan: Space) -> None:
    neighbour = world.run()
    container = world.run(port_bindings=(WEB,))
    gateway = container.attachment.endpoints[0].gateway
    with container.space.listen(80) as server:
        assert peer_of(lan, (HOST_ADDRESS, 8080), server) == LAN_ADDRESS  # the client's own address is seen
        assert peer_of(world.host, ("127.0.0.1", 8080), server) == gateway
        peer_of(world.host, (HOST_ADDRESS, 8080), server)
        peer_of(neighbour.space, (HOST_ADDRESS, 8080), server)
        peer_of(neighbour.space, (gateway, 8080), server)
        peer_of(container.space, (HOST_ADDRESS, 8080), server)  # hairpin


def test_nobody_outside_reaches_a_container_directly(world: World, lan: Space) -> None:
    container = world.run(port_bindings=(WEB,))
    with container.space.listen(80) as server, container.space.listen(81):
        peer_of(world.host, (container.address, 80), server)
        assert blocked(lan, (container.address, 80))
        assert blocked(lan, (container.address, 81))


def test_bridges_are_isolated_but_for_published_ports(world: World, lan: Space) -> None:
    world.manager.create(NetworkSpec(name="other"))
    one = world.run(port_bindings=(WEB,))
    two = world.run(network_mode="other")
    assert two.address != one.address
    with one.space.listen(80) as server, two.space.listen(80):
        assert blocked(two.space, (one.address, 80))
        assert blocked(one.space, (two.address, 80))
        peer_of(two.space, (HOST_ADDRESS, 8080), server)


def test_port_of_loopback_stays_on_the_host(world: World, lan: Space) -> None:
    container, neighbour = world.run(port_bindings=(WEB.replace(host_ip="127.0.0.1"),)), world.run()
    with container.space.listen(80) as server:
        peer_of(world.host, ("127.0.0.1", 8080), server)
        assert blocked(lan, (HOST_ADDRESS, 8080))
        _send_loopback_out(lan, "lan0", HOST_ADDRESS)
        assert blocked(lan, ("127.0.0.1", 8080))
    _send_loopback_out(neighbour.space, "eth0", container.attachment.endpoints[0].gateway)
    with world.host.listen(81, "127.0.0.1"):  # what listens there was never published
        assert blocked(neighbour.space, ("127.0.0.1", 81))


def _send_loopback_out(space: Space, interface: str, gateway: str) -> None:
    """Packets to 127.0.0.1 really leave, and answers are let in (CVE-2020-8558): what the root of a container can do."""
    space.ip(f"route add 127.0.0.0/8 via {gateway} table 200")
    space.ip("rule add pref 2 lookup local")
    space.ip("rule add pref 1 lookup 200")
    space.ip("rule del pref 0")
    space.run("sysctl", "-qw", f"net.ipv4.conf.{interface}.route_localnet=1")
    assert f"dev {interface}" in space.ip("route get 127.0.0.1")


def test_internal_network_has_no_way_out_or_in(world: World, lan: Space) -> None:
    world.manager.create(NetworkSpec(name="inner", internal=True))
    one = world.run(network_mode="inner", port_bindings=(WEB,))
    two = world.run(network_mode="inner")
    other = world.run(port_bindings=(WEB.replace(host_port=8081),))
    assert one.attachment.ports == ()
    assert one.attachment.endpoints[0].gateway == ""
    with lan.listen(99), one.space.listen(80) as server, other.space.listen(80):
        peer_of(two.space, (one.address, 80), server)
        assert blocked(one.space, (LAN_ADDRESS, 99))
        assert blocked(lan, (HOST_ADDRESS, 8080))
        # Not even with a route of its own, nor through a port that another network publishes.
        gateway = one.space.ip("-4 addr show eth0").split("inet ")[1].split("/")[0].rsplit(".", 1)[0] + ".1"
        one.space.ip(f"route add default via {gateway}")
        assert blocked(one.space, (LAN_ADDRESS, 99))
        assert blocked(one.space, (HOST_ADDRESS, 8081))


def test_icc_off_separates_neighbours(world: World, lan: Space) -> None:
    world.manager.create(NetworkSpec(name="apart", options={"com.docker.network.bridge.enable_icc": "false"}))
    one = world.run(network_mode="apart", port_bindings=(WEB,))
    two = world.run(network_mode="apart")
    with one.space.listen(80) as server, one.space.listen(81), lan.listen(99) as outside:
        assert blocked(two.space, (one.address, 80))
        assert blocked(two.space, (one.address, 81))
        peer_of(two.space, (LAN_ADDRESS, 99), outside)
        peer_of(two.space, (HOST_ADDRESS, 8080), server)


def test_masquerade_off_shows_the_containers_address(world: World, lan: Space) -> None:
    world.manager.create(NetworkSpec(name="plain", options={"com.docker.network.bridge.enable_ip_masquerade": "false"}))
    container = world.run(network_mode="plain")
    with lan.listen(99) as server:
        assert peer_of(container.space, (LAN_ADDRESS, 99), server) == container.address


def test_udp_port_follows_the_next_container(world: World, lan: Space) -> None:
    binding = PortBinding(container_port=53, host_port=5353, protocol="udp")
    with lan.open(socket.SOCK_DGRAM) as client:
        client.bind((LAN_ADDRESS, 4000))  # one flow all the time
        for _ in range(2):
            # A neighbour keeps the bridge, so that the second container gets another address than the first.
            container = world.run(port_bindings=(binding,))
            with container.space.open(socket.SOCK_DGRAM) as server:
                server.bind(("0.0.0.0", 53))
                client.sendto(b"question", (HOST_ADDRESS, 5353))
                question, where = server.recvfrom(100)
                assert (question, where) == (b"question", (LAN_ADDRESS, 4000))
                server.sendto(b"answer", where)
                assert client.recvfrom(100) == (b"answer", (HOST_ADDRESS, 5353))
            blocker = world.create()
            container.detach()
            blocker.attach()


def test_ports_are_held_against_other_programs(world: World, lan: Space) -> None:
    udp = PortBinding(container_port=53, host_port=8080, protocol="udp")
    container = world.run(port_bindings=(WEB, udp))
    both = ("0.0.0.0", "::")
    assert container.attachment.ports == tuple(binding.replace(host_ip=host_ip) for binding in (WEB, udp) for host_ip in both)
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with world.host.open(kind) as other, pytest.raises(OSError, match="Address already in use"):
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            other.bind(("0.0.0.0", 8080))
    container.detach()
    with world.host.listen(8080):
        pass


def test_a_taken_port_is_refused_and_nothing_stays(world: World, lan: Space) -> None:
    world.run(port_bindings=(WEB,))
    second = world.create(name="second", port_bindings=(WEB.replace(host_port=0), WEB))
    with pytest.raises(StartFailed, match=r"endpoint second: Bind for 0\.0\.0\.0:8080 failed: port is already allocated") as caught:
        second.attach()
    assert "8080" in caught.value.hint
    assert second.record.ports == ()
    assert second.space.ip("-br link").split()[0] == "lo"
    with world.host.listen(9000), pytest.raises(StartFailed, match="port is already allocated"):
        world.run(port_bindings=(WEB.replace(host_port=9000),))
    with pytest.raises(StartFailed, match=r"listen tcp4 203\.0\.113\.9:1: bind: cannot assign requested address"):
        world.run(port_bindings=(WEB.replace(host_port=1, host_ip="203.0.113.9"),))


def test_a_port_in_time_wait_can_be_published(world: World, lan: Space) -> None:
    with world.host.listen(8080) as server, world.host.open() as client:
        client.connect(("127.0.0.1", 8080))
        accepted, _ = server.accept()
        accepted.close()  # our side closes first: TIME_WAIT is ours
        assert client.recv(1) == b""
    container = world.run(port_bindings=(WEB,))
    with container.space.listen(80) as server:
        peer_of(lan, (HOST_ADDRESS, 8080), server)
    with world.host.open() as other, pytest.raises(OSError, match="Address already in use"):
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("0.0.0.0", 8080))
        other.listen()


def test_the_kernel_chooses_a_free_port(world: World, lan: Space) -> None:
    container = world.run(config={"exposed_ports": ("80/tcp", "90/udp")}, publish_all=True)
    tcp, _, udp, _ = container.attachment.ports
    assert tcp.host_port and udp.host_port
    assert (tcp.container_port, tcp.protocol, udp.container_port, udp.protocol) == (80, "tcp", 90, "udp")
    with container.space.listen(80) as server:
        peer_of(lan, (HOST_ADDRESS, tcp.host_port), server)


def test_a_networks_own_host_address(world: World, lan: Space) -> None:
    options = {"com.docker.network.bridge.host_binding_ipv4": "127.0.0.1", "com.docker.network.bridge.gateway_mode_ipv4": "nat"}
    world.manager.create(NetworkSpec(name="local", options=options))
    container = world.run(network_mode="local", port_bindings=(WEB, WEB.replace(host_port=8081, host_ip="0.0.0.0")))
    assert [binding.host_ip for binding in container.attachment.ports] == ["127.0.0.1", "0.0.0.0"]
    with container.space.listen(80) as server:
        peer_of(world.host, ("127.0.0.1", 8080), server)
        peer_of(lan, (HOST_ADDRESS, 8081), server)
        assert blocked(lan, (HOST_ADDRESS, 8080))


def test_forwarding_is_switched_on_when_it_is_needed(world: World) -> None:
    with inside(world.host.descriptor):
        with open("/proc/sys/net/ipv4/ip_forward", "w") as file:
            file.write("0")
        assert doctor.warnings() == ("IPv4 forwarding is disabled",)
        world.run()
        assert doctor.warnings() == ()


def test_ipv6_is_off_on_both_sides(world: World) -> None:
    container = world.run()
    assert "inet6" not in container.space.ip("-6 addr show eth0")
    bridge = world.host.ip("-br link show type bridge").split()[0]
    assert "inet6" not in world.host.ip(f"-6 addr show {bridge}")
    with inside(world.host.descriptor), open(f"/proc/sys/net/ipv6/conf/{bridge}/accept_ra") as file:
        assert file.read() == "0\n"
