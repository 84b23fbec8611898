"""The netlink layer on the real kernel: links, tables, transactions, refusals, and messages that make no sense."""

from __future__ import annotations

import errno
import os
import select
import socket
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.linux import netlink, nft, nft_watch
from engine.linux import nft_rule as match
from engine.linux.netlink import Netlink, NetlinkError, inside
from engine.linux.netlink_route import Link, RouteSocket, mac_bytes
from tests.engine.network.spaces import Space

ALIAS = "longshore:test"


def test_links_addresses_and_routes(host: Space) -> None:
    container = Space()
    try:
        with inside(host.descriptor), RouteSocket() as links:
            links.add_bridge("br0", "02:42:0a:00:00:01", group=4711, mtu=1400)
            links.set_alias("br0", ALIAS)
            bridge = links.link("br0")
            assert bridge == Link(
                index=bridge.index if bridge else 0, name="br0", kind="bridge", alias=ALIAS, group=4711, mac="02:42:0a:00:00:01", mtu=1400
            )
            links.add_address(bridge.index, "10.0.0.1", 24)
            links.add_address(bridge.index, "10.0.0.1", 24)  # again is no error
            links.set_up(bridge.index)
            links.add_veth("v0", master=bridge.index, peer="eth0", peer_mac="02:42:0a:00:00:02", namespace=container.descriptor)
            assert {(link.name, link.kind, link.master) for link in links.links()} >= {("br0", "bridge", 0), ("v0", "veth", bridge.index)}
            links.add_address(bridge.index, "fd00::1", 64)
            links.add_address(bridge.index, "fd00::1", 64)
            assert ("10.0.0.1", 24) in [(address.address, address.prefix_length) for address in links.addresses()]
            assert ("fd00::1", 64) in [(address.address, address.prefix_length) for address in links.addresses(socket.AF_INET6)]
        with inside(container.descriptor), RouteSocket() as links:
            link = links.link("eth0")
            assert link is not None
            assert (link.mac, link.up) == ("02:42:0a:00:00:02", False)
            links.add_address(link.index, "10.0.0.2", 24)
            links.set_up(link.index)
            links.add_default_route("10.0.0.1", link.index)
            routes = {(route.destination, route.prefix_length, route.gateway) for route in links.routes()}
            assert routes >= {("0.0.0.0", 0, "10.0.0.1"), ("10.0.0.0", 24, "")}
            links.add_address(link.index, "fd00::2", 64)
            for gateway in ("fd00::9", "fd00::1"):  # the last one counts
                links.add_default_route(gateway, link.index)
            routes = {(route.destination, route.prefix_length, route.gateway) for route in links.routes(socket.AF_INET6)}
            assert {route for route in routes if route[0] == "::"} == {("::", 0, "fd00::1")} and ("fd00::", 64, "") in routes
            assert "tentative" not in container.ip("-6 addr show scope global")
        with inside(host.descriptor), RouteSocket() as links:
            links.set_port("v0", hairpin=True, isolated=True)
            shown = host.ip("-d link show v0")
            assert "hairpin on" in shown
            assert "isolated on" in shown
            assert links.disable_port("v0")
            assert "state disabled" in host.ip("-d link show v0")
            assert not links.disable_port("nosuch")
            assert not links.disable_port("lo")
            assert links.delete_link("v0")
            assert not links.delete_link("v0")
    finally:
        container.close()


def test_refusals_name_the_reason(host: Space) -> None:
    with inside(host.descriptor), RouteSocket() as links:
        links.add_bridge("br0", "02:42:0a:00:00:01")
        with pytest.raises(NetlinkError) as caught:
            links.add_bridge("br0", "02:42:0a:00:00:01")
        assert caught.value.errno == errno.EEXIST
        with pytest.raises(NetlinkError, match=r"Attribute failed policy validation|Numerical result out of range|Invalid argument"):
            links.add_bridge("a-name-of-more-than-fifteen", "02:42:0a:00:00:01")
        assert links.link("br0") is not None  # and the socket is still in step
        assert links.link("nosuch") is None
    with pytest.raises(ValueError, match="no MAC address"):
        mac_bytes("02:42")


def test_only_the_calling_thread_moves(host: Space) -> None:
    here = os.readlink("/proc/thread-self/ns/net")
    seen: list[str] = []
    with inside(host.descriptor):
        assert os.readlink("/proc/thread-self/ns/net") != here
        other = threading.Thread(target=lambda: seen.append(os.readlink("/proc/self/task/" + str(threading.get_native_id()) + "/ns/net")))
        other.start()
        other.join()
    with pytest.raises(RuntimeError, match="inside"), inside(host.descriptor):
        raise RuntimeError("inside")
    assert os.readlink("/proc/thread-self/ns/net") == here
    handle = os.open("/dev/null", os.O_RDONLY)
    try:
        with pytest.raises(OSError, match="setns"), inside(handle):
            pass
    finally:
        os.close(handle)
    assert os.readlink("/proc/thread-self/ns/net") == here


def test_a_batch_is_all_or_nothing(host: Space) -> None:
    with inside(host.descriptor), nft.NftSocket() as firewall:
        batch = nft.Batch("longshore-test")
        batch.add_table()
        batch.add_chain("one")
        batch.add_rule("nosuch", match.drop())
        batch.add_chain("two")
        with pytest.raises(NetlinkError) as caught:
            firewall.apply(batch)
        assert caught.value.errno == errno.ENOENT
        assert not firewall.has_table("longshore-test")
        batch = nft.Batch("longshore-test")
        batch.add_table()
        batch.add_chain("one")
        firewall.apply(batch)  # what the failed one left in the socket is not taken for this one's answer
        assert firewall.has_chain("longshore-test", "one")
        assert not firewall.has_chain("longshore-test", "two")
        assert not firewall.has_chain("nosuch", "one")


def test_batches_of_two_families_are_one_transaction(host: Space) -> None:
    with inside(host.descriptor), nft.NftSocket() as firewall:
        four, six = nft.Batch("longshore-test"), nft.Batch("longshore-test", nft.IPV6)
        for batch in (four, six):
            batch.add_table()
        six.add_rule("nosuch", match.drop())
        with pytest.raises(NetlinkError):
            firewall.apply(four, six)
        assert not firewall.has_table("longshore-test") and not firewall.has_table("longshore-test", nft.IPV6)
        six = nft.Batch("longshore-test", nft.IPV6)
        six.add_table()
        firewall.apply(four, six)
        assert firewall.has_table("longshore-test") and firewall.has_table("longshore-test", nft.IPV6)


@pytest.mark.parametrize(
    ("command", "wakes"),
    [
        ("add rule ip theirs c tcp dport 1 accept", False),
        ("add element ip theirs m { 80 : 1.2.3.4 }", False),
        ("delete element ip theirs m { 1 : 1.2.3.4 }", False),
        ("add chain ip theirs f { type filter hook forward priority 0; policy drop; }", True),
        ("flush chain ip theirs c", True),
        ("delete table ip theirs", True),
        ("add table ip6 more", True),
        ("flush ruleset", True),
    ],
)
def test_who_watches_is_woken_by_what_may_hurt(host: Space, command: str, wakes: bool) -> None:
    host.run("nft", "add table ip theirs; add chain ip theirs c; add rule ip theirs c tcp dport 2 accept")
    host.run("nft", "add map ip theirs m { type inet_service : ipv4_addr; elements = { 1 : 1.2.3.4 }; }")
    with inside(host.descriptor):
        assert nft_watch.is_loaded("theirs") and not nft_watch.is_loaded("theirs", nft.IPV6) and not nft_watch.is_loaded("their")
        watched = nft_watch.changes()
    try:
        assert not select.select([watched], [], [], 0)[0]
        host.run("nft", command)
        assert bool(select.select([watched], [], [], 0)[0]) == wakes  # the kernel tells before the program ends
        nft_watch.drain(watched)
        assert not select.select([watched], [], [], 0)[0]
    finally:
        watched.close()


def test_large_maps_and_their_listing(host: Space) -> None:
    count = 2000
    with inside(host.descriptor), nft.NftSocket() as firewall:
        batch = nft.Batch("longshore-test")
        batch.add_table()
        batch.add_map("ports", nft.INET_SERVICE, nft.IPV4_ADDR)
        batch.add_elements("ports", [(number.to_bytes(2, "big"), nft.value(bytes((10, 0, 0, 1)))) for number in range(count)])
        firewall.apply(batch)
        assert {int.from_bytes(key[:2], "big") for key in firewall.keys("longshore-test", "ports")} == set(range(count))
        batch = nft.Batch("longshore-test")
        batch.delete_elements("ports", [(1).to_bytes(2, "big")])
        firewall.apply(batch)
        assert len(firewall.keys("longshore-test", "ports")) == count - 1
        with pytest.raises(NetlinkError) as caught:
            firewall.apply(batch)
        assert caught.value.errno == errno.ENOENT


def test_rules_read_as_meant(host: Space) -> None:
    """The nft program reads back what we wrote."""
    with inside(host.descriptor), nft.NftSocket() as firewall:
        batch = nft.Batch("longshore-test")
        batch.add_table()
        batch.add_base_chain("c", "nat", nft.OUTPUT, -100)
        batch.add_rule(
            "c", match.destination_in("10.1.0.0", 20), match.destination_port(17, 53), match.dnat_to("10.0.0.1", 5353), comment="hello"
        )
        batch.add_rule("c", match.outgoing("br-*"), match.state(match.STATE_NEW), match.redirected(False), match.drop(), first=True)
        firewall.apply(batch)
        listed = host.run("nft", "list", "chain", "ip", "longshore-test", "c")
        assert 'oifname "br-*" ct state new ct status ! dnat drop' in listed
        assert 'ip daddr 10.1.0.0/20 udp dport 53 dnat to 10.0.0.1:5353 comment "hello"' in listed
        (chain,) = [chain for chain in firewall.chains() if chain.name == "c"]
        assert (chain.hook, chain.policy, chain.family) == (nft.OUTPUT, nft.ACCEPT, nft.IPV4)
        assert [rule.comment for rule in firewall.rules(chain)] == ["", "hello"]
        batch = nft.Batch("longshore-test")
        batch.delete_rule(firewall.rules(chain)[0])
        firewall.apply(batch)
        assert [rule.comment for rule in firewall.rules(chain)] == ["hello"]


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_walked_to_an_end(data: bytes) -> None:
    assert all(len(payload) < len(data) for _, payload in netlink.each(data))
    assert all(len(payload) < len(data) for *_, payload in netlink.split(data))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 0x3FFF), st.binary(max_size=40)), max_size=8))
def test_attributes_round_trip(parts: list[tuple[int, bytes]]) -> None:
    packed = b"".join(netlink.attribute(kind, payload) for kind, payload in parts)
    assert list(netlink.each(packed)) == parts
    assert next(netlink.each(netlink.nest(1, packed)))[1] == packed


def test_sockets_are_not_inherited(host: Space) -> None:
    with inside(host.descriptor), Netlink(netlink.NETLINK_ROUTE) as one:
        assert not os.get_inheritable(one._socket.fileno())
