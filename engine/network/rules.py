"""The engine's own nftables tables: what may pass between bridges, what leaves masqueraded, which ports lead where.

One table of family ``ip`` for each state root, and one of family ``ip6`` with the same name while a network with IPv6 is in use.
They are always replaced as a whole, in one transaction, when a bridge comes or goes; a container's published ports are
elements of two maps, so that most starts change no rule at all.

::

    forward      filter, hook forward   iifname vmap @leaving; oifname vmap @entering
    from-BRIDGE  internal: drop what leaves the bridge; else: no way into foreign container bridges
    into-BRIDGE  established; published (DNAT); same bridge (icc); drop
    prerouting   nat                    fib daddr type local jump published
    output       nat, -100              the same, for the host's own connections
    published    dnat by address and port (@addresses), then by port (@ports)
    postrouting  nat                    masquerade what leaves a bridge, what the host sends in from 127.0.0.1, and hairpins
    loopback     filter, prerouting raw drop 127.0.0.0/8 from outside: route_localnet is on (CVE-2020-8558)

The ``ip6`` table has no ``loopback``: nothing translates ``::1``. Connections to it, and those from link-local addresses, which no
router forwards, are let alone by ``published`` and arrive at the socket that holds the port: :mod:`engine.network.proxy`.

The check for DNAT in ``into`` replaces a list of addresses and ports: nobody outside reaches a container's address directly.
Drops are final over all base chains of all tables, accepts are not: :mod:`engine.network.foreign` sees to those.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from engine.linux import nft
from engine.linux import nft_rule as match
from engine.model.containers import PortBinding
from engine.model.value import Value

_PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
_FILTER, _RAW, _DSTNAT, _SRCNAT = 0, -300, -100, 100
_PORT = nft.INET_PROTO + nft.INET_SERVICE
_ADDRESS = {nft.IPV4: nft.IPV4_ADDR, nft.IPV6: nft.IPV6_ADDR}
_LINK_LOCAL = ("fe80::", 10)
_FOREIGN_BRIDGES = ("docker*", "br-*", "podman*", "cni*")
"""Other engines' bridges. Their own rules would have kept our containers out; see :mod:`engine.network.foreign`."""


class Bridge(Value):
    """A bridge that is up, as the rules of one family need it."""

    name: str
    network: str
    prefix_length: int
    internal: bool = False
    icc: bool = True
    masquerade: bool = True


class Publication(Value):
    """A published port with the container's address of the same family.

    ``binding.host_ip`` is ``0.0.0.0`` or ``::`` for every address.
    """

    binding: PortBinding
    address: str


def ruleset(batch: nft.Batch, bridges: Iterable[Bridge], publications: Iterable[Publication], *, replace: bool) -> None:
    """The whole table of ``batch``'s family. With ``replace`` it takes the place of a loaded one, for which the kernel takes 8 ms more."""
    bridges = tuple(bridges)
    address = _ADDRESS[batch.family]
    target = address + nft.INET_SERVICE
    if replace:
        batch.delete_table()
    batch.add_table()
    batch.add_map("leaving", nft.IFNAME, None)
    batch.add_map("entering", nft.IFNAME, None)
    batch.add_map("addresses", address + nft.INET_PROTO + nft.INET_SERVICE, target)
    batch.add_map("ports", _PORT, target)
    for name in ("foreign", "published"):
        batch.add_chain(name)
    for bridge in bridges:
        _between_bridges(batch, bridge)
    for name in _FOREIGN_BRIDGES:
        batch.add_rule("foreign", match.outgoing(name), match.state(match.STATE_NEW), match.redirected(False), match.drop())
    batch.add_base_chain("forward", "filter", nft.FORWARD, _FILTER)
    batch.add_rule("forward", match.by_incoming("leaving"))
    batch.add_rule("forward", match.by_outgoing("entering"))
    batch.add_elements("leaving", [(match.interface(bridge.name), nft.jump(f"from-{bridge.name}")) for bridge in bridges])
    batch.add_elements("entering", [(match.interface(bridge.name), nft.jump(f"into-{bridge.name}")) for bridge in bridges])
    _translation(batch, bridges)
    publish(batch, publications)


def _between_bridges(batch: nft.Batch, bridge: Bridge) -> None:
    leaving, entering = f"from-{bridge.name}", f"into-{bridge.name}"
    batch.add_chain(leaving)
    batch.add_chain(entering)
    if bridge.internal:
        batch.add_rule(leaving, match.outgoing(bridge.name, negate=True), match.drop())
    else:
        batch.add_rule(leaving, match.outgoing(bridge.name, negate=True), match.jump("foreign"))
    batch.add_rule(entering, match.state(match.STATE_ESTABLISHED | match.STATE_RELATED), match.accept())
    if not bridge.internal:
        batch.add_rule(entering, match.redirected(), match.accept())
    if bridge.icc:
        batch.add_rule(entering, match.incoming(bridge.name), match.accept())
    batch.add_rule(entering, match.drop())


def _translation(batch: nft.Batch, bridges: tuple[Bridge, ...]) -> None:
    if batch.family == nft.IPV6:
        batch.add_rule("published", match.destination_in("::1", 128), match.leave())
        batch.add_rule("published", match.source_in(*_LINK_LOCAL), match.leave())
    batch.add_rule("published", match.dnat_by_address_and_port("addresses", batch.family))
    batch.add_rule("published", match.dnat_by_port("ports", batch.family))
    for name, hook in (("prerouting", nft.PREROUTING), ("output", nft.OUTPUT)):
        batch.add_base_chain(name, "nat", hook, _DSTNAT)
        batch.add_rule(name, match.destination_is_local(), match.jump("published"))
    batch.add_base_chain("postrouting", "nat", nft.POSTROUTING, _SRCNAT)
    for bridge in bridges:
        if bridge.internal:
            continue
        inside = match.source_in(bridge.network, bridge.prefix_length)
        if bridge.masquerade:
            batch.add_rule("postrouting", inside, match.outgoing(bridge.name, negate=True), match.masquerade())
        batch.add_rule("postrouting", match.outgoing(bridge.name), match.source_is_local(), match.masquerade())
        # A container that asks for a port published by its own bridge: the answer must come back through us.
        batch.add_rule("postrouting", match.outgoing(bridge.name), inside, match.redirected(), match.masquerade())
    if batch.family == nft.IPV6:
        return
    batch.add_base_chain("loopback", "filter", nft.PREROUTING, _RAW)
    batch.add_rule("loopback", match.incoming("lo", negate=True), match.destination_in("127.0.0.0", 8), match.drop())


def publish(batch: nft.Batch, publications: Iterable[Publication]) -> None:
    """Lead host ports to containers."""
    anywhere: list[tuple[bytes, bytes]] = []
    somewhere: list[tuple[bytes, bytes]] = []
    for one in publications:
        target = nft.value(match.key(match.address_bytes(one.address), struct.pack(">H", one.binding.container_port)))
        (anywhere if everywhere(one.binding) else somewhere).append((_key(one.binding), target))
    batch.add_elements("ports", anywhere)
    batch.add_elements("addresses", somewhere)


def unpublish(batch: nft.Batch, bindings: Iterable[PortBinding]) -> None:
    """Take host ports away again."""
    bindings = tuple(bindings)
    batch.delete_elements("ports", [_key(binding) for binding in bindings if everywhere(binding)])
    batch.delete_elements("addresses", [_key(binding) for binding in bindings if not everywhere(binding)])


def everywhere(binding: PortBinding) -> bool:
    """The port is published on every address of the host, of one family."""
    return binding.host_ip in ("", "0.0.0.0", "::")


def family(binding: PortBinding) -> int:
    """The family of the table that a published port belongs to."""
    return nft.IPV6 if ":" in binding.host_ip else nft.IPV4


def protocol_number(name: str) -> int:
    """IANA's number of ``tcp``, ``udp`` or ``sctp``. Raises KeyError."""
    return _PROTOCOLS[name]


def _key(binding: PortBinding) -> bytes:
    port = match.key(bytes((protocol_number(binding.protocol),)), struct.pack(">H", binding.host_port))
    return port if everywhere(binding) else match.key(match.address_bytes(binding.host_ip), port)
