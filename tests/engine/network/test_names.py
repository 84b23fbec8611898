"""The embedded name server: real questions from a container's namespace, a name server on the LAN, and hostile bytes."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.linux.netlink import inside
from engine.model.networks import NetworkSpec, Subnet
from engine.network import dns, nameserver
from tests.engine.network.conftest import LAN_ADDRESS, Running, World
from tests.engine.network.spaces import TIMEOUT, Space
from tests.engine.network.test_joining import join

SERVER = ("127.0.0.11", 53)


def query(name: str, kind: int = dns.A, identity: int = 7) -> bytes:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split(".") if label)
    return struct.pack(">HHHHHH", identity, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


def found(response: bytes) -> tuple[int, list[str]]:
    """Response code and addresses of a response whose records all name the question."""
    _, flags, _, answers, _, _ = struct.unpack_from(">HHHHHH", response)
    question = dns.parse(response, response=True)
    assert question is not None
    offset, addresses = 12 + len(question.raw), []
    for _ in range(answers):
        _, kind, _, _, length = struct.unpack_from(">HHHIH", response, offset)
        if kind == dns.A:
            addresses.append(socket.inet_ntoa(response[offset + 12 : offset + 16]))
        if kind == dns.AAAA:
            addresses.append(socket.inet_ntop(socket.AF_INET6, response[offset + 12 : offset + 28]))
        offset += 12 + length
    return flags & 0xF, addresses


_SERVE = """
import sys
from engine.network import files, nameserver
from engine.store.database import Database
path, container, of_the_host, *names = sys.argv[1:]
if of_the_host:
    files.host_resolv_conf = lambda stub: f"nameserver {of_the_host}"
nameserver.serve(Database(path), container, [int(name) for name in names], idle=60)
"""


@contextmanager
def served(container: Running, of_the_host: str = "") -> Iterator[None]:
    """Do what a supervisor does: have a process serve while somebody asks. The host's name server may be another."""
    names = container.attachment.names
    command = [sys.executable, "-c", _SERVE, container.world.database.path, container.id, of_the_host, *map(str, names)]
    with inside(container.world.host.descriptor):
        process = subprocess.Popen(command, pass_fds=names, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def ask(container: Running, message: bytes) -> bytes:
    with container.space.open(socket.SOCK_DGRAM) as client:
        client.connect(SERVER)
        client.send(message)
        return client.recv(4096)


def ask_tcp(container: Running, *messages: bytes) -> list[bytes]:
    with container.space.open() as client:
        client.connect(SERVER)
        client.sendall(b"".join(struct.pack(">H", len(message)) + message for message in messages))
        with client.makefile("rb") as stream:
            return [stream.read(int.from_bytes(stream.read(2), "big")) for _ in messages]


@pytest.fixture
def pair(world: World, lan: Space) -> tuple[Running, Running]:
    """Two containers of network ``mine``, the second with aliases, both asking the LAN's name server for the rest."""
    world.manager.create(NetworkSpec(name="mine"))
    one = world.run(name="one", network_mode="mine", dns=(LAN_ADDRESS,))
    two = world.run(name="two", network_mode="mine", network_aliases=("db", "all"), config={"hostname": "deux"}, dns=(LAN_ADDRESS,))
    return one, two


@contextmanager
def upstream(lan: Space) -> Iterator[tuple[socket.socket, socket.socket]]:
    with lan.open(socket.SOCK_DGRAM) as datagrams, lan.listen(53, LAN_ADDRESS) as listener:
        datagrams.bind((LAN_ADDRESS, 53))
        yield datagrams, listener


def test_resolv_conf_names_the_embedded_server(pair: tuple[Running, Running], world: World) -> None:
    assert "nameserver 127.0.0.11\n" in pair[0].file("resolv.conf")
    assert "ndots:0" in pair[0].file("resolv.conf")
    assert world.run().attachment.names == ()  # the default network has none


def test_names_of_the_network(pair: tuple[Running, Running]) -> None:
    one, two = pair
    with served(one):
        for name in ("two", "TWO", "db", "deux", two.id[:12], "two.mine", "db.mine"):
            response = ask(one, query(name))
            assert found(response) == (dns.NO_ERROR, [two.address]), name
            assert name.split(".")[0].encode() in response  # as it was asked
        assert found(ask(one, query("two", dns.AAAA))) == (dns.NO_ERROR, [])  # never NXDOMAIN, musl would give up
        reverse = ".".join(reversed(two.address.split("."))) + ".in-addr.arpa"
        assert b"\x03two\x04mine\x00" in ask(one, query(reverse, dns.PTR))
        assert [found(response)[1] for response in ask_tcp(one, query("two"), query("one"))] == [[two.address], [one.address]]


def test_ipv6_addresses_of_names_and_names_of_ipv6_addresses(world: World) -> None:
    pools = (Subnet(subnet="fd00:77::/64"),)
    world.manager.create(NetworkSpec(name="six", enable_ipv6=True, subnets=pools))
    world.manager.create(NetworkSpec(name="four"))
    one = world.run(name="one", network_mode="four")
    two = world.run(name="two", network_mode="four")
    for container in (one, two):
        join(container, "six")
    three = world.run(name="three", network_mode="six", network_aliases=("two",), ipv6_address="fd00:77::abcd")
    with served(one):
        for name in ("three", "THREE", "three.six", three.id[:12]):
            assert found(ask(one, query(name, dns.AAAA))) == (dns.NO_ERROR, ["fd00:77::abcd"]), name
            assert found(ask(one, query(name))) == (dns.NO_ERROR, [three.address]), name
        assert sorted(found(ask(one, query("two", dns.AAAA)))[1]) == ["fd00:77::3", "fd00:77::abcd"]
        assert found(ask(one, query("two.four", dns.AAAA))) == (dns.NO_ERROR, [])  # that network has none
        assert b"\x05three\x03six\x00" in ask(one, query(_reverse("fd00:77::abcd"), dns.PTR))
        assert found(ask(one, query(_reverse("fd00:77::99"), dns.PTR)))[0] == dns.NAME_ERROR
        assert found(ask(one, query("ff." + _reverse("fd00:77::abcd"), dns.PTR)))[0] != dns.NO_ERROR


def _reverse(address: str) -> str:
    digits = socket.inet_pton(socket.AF_INET6, address).hex()
    return ".".join(reversed(digits)) + ".ip6.arpa"


def test_shared_alias_and_departed_containers(pair: tuple[Running, Running], world: World) -> None:
    one, two = pair
    three = world.run(name="three", network_mode="mine", network_aliases=("all",))
    with served(one):
        assert sorted(found(ask(one, query("all")))[1]) == sorted([two.address, three.address])
        for identity in (1, 2):  # the second answer is the first one's, kept
            response = ask(one, query("TWO", identity=identity))
            assert (response[:2], found(response)[1]) == (bytes((0, identity)), [two.address]) and b"TWO" in response
        assert {tuple(found(ask(one, query("all")))[1]) for _ in range(30)} == {
            (two.address, three.address),
            (three.address, two.address),
        }, "in random order each time"
        two.detach()
        assert found(ask(one, query("all")))[1] == [three.address]
        assert found(ask(one, query("TWO")))[1] == []
        four = world.run(name="four", network_mode="mine", network_aliases=("two",))
        assert found(ask(one, query("TWO")))[1] == [four.address]


def test_other_names_are_forwarded(pair: tuple[Running, Running], lan: Space) -> None:
    one, _ = pair
    with upstream(lan) as (datagrams, listener), served(one), one.space.open(socket.SOCK_DGRAM) as client:
        client.connect(SERVER)
        client.send(query("Example.org", identity=4711))
        asked, where = datagrams.recvfrom(4096)
        question = dns.parse(asked)
        assert question is not None
        assert question.name == "example.org"
        datagrams.sendto(dns.with_identity(dns.addresses(question, ["192.0.2.9"]), question.identity ^ 1), where)  # a guess
        datagrams.sendto(dns.addresses(question, ["192.0.2.1"]), where)
        response = client.recv(4096)
        assert found(response) == (dns.NO_ERROR, ["192.0.2.1"])
        assert response[:2] == struct.pack(">H", 4711)
        assert b"Example" in response

        with one.space.open() as stream:
            stream.connect(SERVER)
            message = query("example.org")
            stream.sendall(struct.pack(">H", len(message)) + message)
            server, _ = listener.accept()
            with server:
                server.settimeout(TIMEOUT)
                assert server.recv(4096)[2:] == message
                answer = dns.addresses(question, ["192.0.2.1", "192.0.2.2"])
                server.sendall(struct.pack(">H", len(answer)) + answer)
                assert found(stream.recv(4096)[2:])[1] == ["192.0.2.1", "192.0.2.2"]


def test_a_server_that_is_not_there(pair: tuple[Running, Running]) -> None:
    one, _ = pair
    with served(one):  # nothing listens on the LAN: it answers with ICMP
        assert found(ask(one, query("example.org"))) == (dns.SERVER_FAILURE, [])


def test_internal_networks_forward_nothing(world: World, lan: Space) -> None:
    """CVE-2024-29018: what an internal network asks must not leave the host."""
    world.manager.create(NetworkSpec(name="inner", internal=True))
    one = world.run(name="one", network_mode="inner")
    with upstream(lan) as (datagrams, _), served(one, LAN_ADDRESS):
        assert found(ask(one, query("secret.example.org"))) == (dns.SERVER_FAILURE, [])
        datagrams.setblocking(False)
        with pytest.raises(BlockingIOError):
            datagrams.recvfrom(4096)
        assert found(ask(one, query("one")))[1] == [one.address]


def test_a_workload_may_listen_on_port_53(pair: tuple[Running, Running]) -> None:
    one, two = pair
    with one.space.listen(53), one.space.open(socket.SOCK_DGRAM) as own, served(one):
        own.bind(("0.0.0.0", 53))
        assert found(ask(one, query("two")))[1] == [two.address]


def test_names_of_other_networks_are_not_told(pair: tuple[Running, Running], world: World, lan: Space) -> None:
    one, _ = pair
    world.manager.create(NetworkSpec(name="other"))
    world.run(name="stranger", network_mode="other")
    with served(one):
        assert found(ask(one, query("stranger"))) == (dns.SERVER_FAILURE, [])


def test_hostile_clients_do_not_stop_it(pair: tuple[Running, Running]) -> None:
    one, two = pair
    with served(one):
        for message in (
            b"",
            b"\0",
            b"\xff" * 600,
            query("two")[:-3],
            query("x", 255),
            query("x", 252),
            query("two")[:12] + b"\xc0\x0c\0\1\0\1",
        ):
            with one.space.open(socket.SOCK_DGRAM) as client:
                client.connect(SERVER)
                client.send(message)
        with one.space.open() as half:
            half.connect(SERVER)
            half.sendall(b"\xff\xffxx")
            crowd = [one.space.open() for _ in range(40)]
            try:
                for client in crowd:
                    client.connect(SERVER)
                assert found(ask(one, query("two")))[1] == [two.address]
                assert found(ask_tcp(one, query("two"))[0])[1] == [two.address]
            finally:
                for client in crowd:
                    client.close()


def test_it_leaves_when_nobody_asks(pair: tuple[Running, Running]) -> None:
    one, two = pair
    with one.space.open(socket.SOCK_DGRAM) as client:
        client.connect(SERVER)
        client.send(query("two"))  # it waits in the socket until somebody serves
        nameserver.serve(one.world.database, one.id, one.attachment.names, idle=0.1)
        assert found(client.recv(4096))[1] == [two.address]
        client.send(query("one"))
        nameserver.serve(one.world.database, one.id, one.attachment.names, idle=0.1)
        assert found(client.recv(4096))[1] == [one.address]


@settings(deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_are_parsed_or_refused(message: bytes) -> None:
    for response in (False, True):
        question = dns.parse(message, response=response)
        if question is not None:
            assert question.raw in message
            for kind, address in ((dns.A, "192.0.2.1"), (dns.AAAA, "fd00::1")):
                answer = dns.addresses(question.replace(kind=kind), [address] * 99)
                assert dns.parse(answer, response=True) is not None
                assert len(answer) <= 700
            dns.pointer(question, "a" * 99 + ".b")
            dns.reverse_address(question.name)
