"""What the kernel leads nowhere: ``[::1]``, and IPv6 to a container without; carried by the proxy, with real sockets."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine.linux.netlink import inside
from engine.model.containers import PortBinding
from engine.model.networks import NetworkSpec
from engine.network import proxy
from engine.network.proxy import Proxy
from engine.store.containers import Containers
from engine.store.database import Database
from tests.engine.network.conftest import HOST_ADDRESS6, LAN_ADDRESS6, Running, World
from tests.engine.network.spaces import TIMEOUT, Space, blocked, peer_of
from tests.support.wait import until

WEB = PortBinding(container_port=80, host_port=8080)
DNS = PortBinding(container_port=53, host_port=5353, protocol="udp")


@contextmanager
def served(container: Running) -> Iterator[None]:
    """The sockets that hold the container's IPv6 ports are served whenever somebody comes; nobody serves in the end."""
    holds = [hold for hold in container.attachment.holds if _family(hold) == socket.AF_INET6]
    over = threading.Event()

    def run() -> None:
        with inside(container.world.host.descriptor):
            database = Database.of(container.world.roots)
            while not over.is_set():
                proxy.serve(database, container.id, holds, idle=0.2)  # it leaves by itself
            database.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(TIMEOUT)
        assert not thread.is_alive()


def _family(descriptor: int) -> int:
    one = socket.socket(fileno=os.dup(descriptor))
    with one:
        return one.family


def test_loopback_reaches_a_container_with_ipv6(world: World) -> None:
    world.manager.create(NetworkSpec(name="six", enable_ipv6=True))
    container = world.run(network_mode="six", port_bindings=(WEB,))
    with served(container), container.space.listen(80, "::") as server:
        assert peer_of(world.host, ("::1", 8080), server) == container.attachment.endpoints[0].ipv6_gateway


def test_every_address_reaches_a_container_without_ipv6(world: World, lan: Space) -> None:
    container = world.run(port_bindings=(WEB, WEB.replace(host_port=8081, host_ip="::1")))
    gateway = container.attachment.endpoints[0].gateway
    with served(container), container.space.listen(80) as server:
        assert peer_of(lan, (HOST_ADDRESS6, 8080), server) == gateway
        assert peer_of(world.host, ("::1", 8080), server) == gateway
        peer_of(world.host, ("::1", 8081), server)
        assert blocked(lan, (HOST_ADDRESS6, 8081))


@pytest.mark.parametrize("to_link_local", [True, False])
def test_link_local_clients_are_carried(world: World, lan: Space, to_link_local: bool) -> None:
    """Nobody routes their packets on, so that leading them to the container would lose them."""
    world.manager.create(NetworkSpec(name="six", enable_ipv6=True))
    container = world.run(network_mode="six", port_bindings=(WEB,))
    with inside(lan.descriptor):
        scope = socket.if_nametoindex("lan0")
    here, there = (_link_local(lan), 0, 0, scope), (_link_local(world.host), 8080, 0, scope)
    with served(container), container.space.listen(80, "::") as server, lan.open(ipv6=True) as client:
        client.bind(here)
        client.connect(there if to_link_local else (HOST_ADDRESS6, 8080))
        accepted, _ = server.accept()
        with accepted:
            accepted.sendall(b"here")
            assert client.recv(10) == b"here"


def _link_local(space: Space) -> str:
    until(lambda: "tentative" not in space.ip("-6 addr show lan0"), what="lan0 is settled")
    return space.ip("-6 -br addr show lan0 scope link").split()[2].partition("/")[0]


def test_each_direction_is_closed_by_itself_and_nothing_is_lost(world: World) -> None:
    container = world.run(port_bindings=(WEB,))
    data = os.urandom(8 << 20)  # more than all buffers on the way take
    with served(container), container.space.listen(80) as server, world.host.open(ipv6=True) as client:
        client.connect(("::1", 8080))
        accepted, _ = server.accept()
        with accepted:
            accepted.settimeout(TIMEOUT)

            def echo() -> None:
                got = b"".join(iter(lambda: accepted.recv(1 << 16), b""))  # to the end of what the client says
                accepted.sendall(got)
                accepted.shutdown(socket.SHUT_WR)

            answering = threading.Thread(target=echo)
            answering.start()
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            assert b"".join(iter(lambda: client.recv(1 << 16), b"")) == data
            answering.join(TIMEOUT)


def test_who_is_refused_or_broken_off_is_told(world: World) -> None:
    container = world.run(port_bindings=(WEB,))
    with served(container):
        with world.host.open(ipv6=True) as client:  # nobody listens in the container
            client.connect(("::1", 8080))
            assert _ended(client)
        with container.space.listen(80) as server, world.host.open(ipv6=True) as client:
            client.connect(("::1", 8080))
            accepted, _ = server.accept()
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            accepted.close()  # with a reset
            assert _ended(client)
        Containers(world.database).set_network(container.id, container.record.endpoints, ())
        with container.space.listen(80), world.host.open(ipv6=True) as client:  # it is not published any more
            client.connect(("::1", 8080))
            assert _ended(client)


def _ended(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_datagrams_come_back_from_the_address_that_was_asked(world: World, lan: Space) -> None:
    world.host.ip("addr add fd00:99::7/64 dev lan0 nodad")
    container = world.run(port_bindings=(DNS,))
    with container.space.open(socket.SOCK_DGRAM) as server, lan.open(socket.SOCK_DGRAM, ipv6=True) as client:
        server.bind(("0.0.0.0", 53))
        client.bind((LAN_ADDRESS6, 4000))
        thread = threading.Thread(target=_serve_datagrams, args=(container, answered := threading.Event()))
        thread.start()
        try:
            for address in (HOST_ADDRESS6, "fd00:99::7"):
                client.sendto(b"question", (address, 5353))
                question, where = server.recvfrom(100)
                server.sendto(question + b" answered", where)
                answer, whence = client.recvfrom(100)
                assert (answer, whence[:2]) == (b"question answered", (address, 5353))
        finally:
            answered.set()
            thread.join(TIMEOUT)
    assert not thread.is_alive()


def _serve_datagrams(container: Running, enough: threading.Event) -> None:
    """As :func:`served`, but a datagram client has no end: until the test has had its answers."""
    with inside(container.world.host.descriptor):
        sockets = [socket.socket(fileno=os.dup(hold)) for hold in container.attachment.holds if _family(hold) == socket.AF_INET6]
        carrier = Proxy(sockets, lambda where, protocol: (container.address, 53))
        while not enough.is_set():
            carrier.turn(0.05)
        carrier.close()


def test_clients_beyond_what_descriptors_allow_are_turned_away(world: World) -> None:
    container = world.run(port_bindings=(WEB,))
    (hold,) = [hold for hold in container.attachment.holds if _family(hold) == socket.AF_INET6]
    with (
        container.space.listen(80),
        world.host.open(ipv6=True) as first,
        world.host.open(ipv6=True) as second,
        inside(world.host.descriptor),
    ):
        carrier = Proxy([socket.socket(fileno=os.dup(hold))], lambda where, protocol: (container.address, 80), most=1)
        try:
            first.connect(("::1", 8080))
            carrier.turn(TIMEOUT)
            second.connect(("::1", 8080))
            carrier.turn(TIMEOUT)
            assert _ended(second)
            first.settimeout(0.1)
            with pytest.raises(TimeoutError):
                first.recv(1)
        finally:
            carrier.close()
