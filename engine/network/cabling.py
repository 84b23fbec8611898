"""Bridges and cables of one engine's networks, as its database wants them: made, moved, swept together.

Everything here runs under :class:`Namespace`, the lock of all that Longshore does in a network namespace.
"""

from __future__ import annotations

import fcntl
import os

from engine.errors import EngineFault
from engine.linux.netlink import inside
from engine.linux.netlink_route import RouteSocket
from engine.model.containers import PLAIN, EndpointOptions
from engine.model.networks import Subnet
from engine.network import names, plan, pools, records, wiring
from engine.network.firewall import Firewall
from engine.rootless import aside, egress
from engine.store import addresses
from engine.store.networks import Lease, NetworkRecord, Networks
from engine.store.roots import Roots


class Namespace:
    """The lock of everything that Longshore does in this network namespace. It is not to be taken twice."""

    def __enter__(self) -> None:
        self._handle = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)


def _is_cut_off(roots: Roots, network: NetworkRecord) -> bool:
    """The network leads out, and its bridge is not in the host's network namespace: somebody has to connect the two."""
    return not network.internal and os.path.exists(roots.netns)


class Cabling:
    """The kernel's side of the networks in ``networks``. Every method raises OSError when the kernel refuses something."""

    def __init__(self, roots: Roots, networks: Networks, firewall: Firewall) -> None:
        self._roots = roots
        self._networks = networks
        self._firewall = firewall

    def settle(self, links: RouteSocket, network: NetworkRecord) -> NetworkRecord:
        """The network as it is now; one that is idle moves when a subnet of it came out of the pools and is taken by now.

        Raises:
            EngineFault: a person chose the subnet, and the host has a route to it.
        """
        network = self._networks.get(network.id)  # it may have moved while we waited for the lock
        if self._networks.leases(network_id=network.id) or links.link(network.bridge) is not None:
            return network
        lost = _routed(links, network)
        if lost and self.tidy(links):  # the route may be that of a bridge whose network is gone
            lost = _routed(links, network)
        if not lost:
            return network
        moved = network.replace(subnets=tuple(self._elsewhere(network, place) if place in lost else place for place in network.subnets))
        self._networks.update(moved)
        return moved

    def _elsewhere(self, network: NetworkRecord, place: Subnet) -> Subnet:
        family = addresses.version(place.subnet)
        if not pools.from_pool(place, records.candidates(self._roots, family)):
            message = f"network {network.name}: subnet {place.subnet} overlaps with a route of this host"
            raise EngineFault(message, hint="remove the network and make it again with another subnet")
        return records.free_subnet(self._roots, self._networks, family)

    def plug(
        self,
        links: RouteSocket,
        network: NetworkRecord,
        lease: Lease,
        namespace: int,
        interface: str,
        *,
        gateway: bool,
        options: EndpointOptions = PLAIN,
    ) -> None:
        """Bring the bridge up and connect a container to it, with ``gateway`` as its way to everywhere else."""
        # Rules separate neighbours where frames pass them. Isolated ports do it everywhere, but would also cut off ports
        # that a neighbour publishes: br_netfilter bridges a frame whose translated destination is on the same bridge.
        filtered = plan.secluded(network) and wiring.frames_are_filtered()
        bridge = wiring.bridge_up(links, self._span(network, filtered=filtered))
        wiring.enable_forwarding(links, network.subnets)
        host_end = names.veth(lease.container_id, network.id)
        isolated = plan.secluded(network) and not filtered
        cable = plan.cable(network, lease, host_end, interface, options=options, isolated=isolated, gateway=gateway)
        wiring.connect(links, bridge.index, namespace, cable)
        if _is_cut_off(self._roots, network):
            why = aside.at_home(lambda: egress.ensure(self._roots))
            if why:
                os.write(2, f"network {network.name}: {why}\n".encode(errors="replace"))

    def next_interface(self, namespace: int) -> str:
        """The first free name of ``eth0``, ``eth1``, … in a container."""
        with inside(namespace), RouteSocket() as there:
            taken = {link.name for link in there.links()}
        return next(name for name in (f"eth{number}" for number in range(len(taken) + 1)) if name not in taken)

    def lead_out(self, namespace: int, way: tuple[NetworkRecord, Lease] | None) -> None:
        """Make a container's default route go through the network it is to go through; without one leave it alone.

        A container that may change its own interfaces may have taken this one away: then there is nothing to lead through.
        """
        if way is None:
            return
        network, lease = way
        with inside(namespace), RouteSocket() as there:
            index = next((place.index for place in there.addresses() if place.address == lease.address), 0)
            if not index:
                return
            for gateway in plan.gateways(network):
                there.add_default_route(gateway, index)

    def way_out(self, leases: list[Lease]) -> tuple[NetworkRecord, Lease] | None:
        """The network, out of those a container has ``leases`` in, that leads it everywhere else; none out of internal ones."""
        places = [(self._networks.get(lease.network_id), lease) for lease in leases]
        first = min(places, key=lambda place: plan.precedence(place[0], place[1].priority), default=None)
        return first if first is not None and not first[0].internal else None

    def tidy(self, links: RouteSocket) -> bool:
        """Remove cables of containers that are detached, and bridges, rules and tables that nobody needs any more.

        True when bridges went and the rules were made anew.
        """
        cables, empty = self.surplus(links)
        for name in cables:
            links.delete_link(name)
        if empty:
            self._firewall.reload()  # first: who is killed in between leaves a bridge, by which the next one knows
        for name in empty:
            links.delete_link(name)
        if os.path.exists(self._roots.netns) and not self._networks.leases():
            aside.at_home(lambda: egress.dismiss(self._roots))
        return bool(empty)

    def surplus(self, links: RouteSocket) -> tuple[list[str], list[str]]:
        """Cables of containers that are detached, and bridges that nobody needs any more."""
        leases = self._networks.leases()
        cables = {names.veth(lease.container_id, lease.network_id) for lease in leases}
        networks = {lease.network_id for lease in leases}
        used = {record.bridge for record in self._networks.all() if record.id in networks}
        group = names.group(self._roots)
        present = links.links()
        ours = {link.index: link.name for link in present if link.kind == "bridge" and link.group == group}
        loose = [link.name for link in present if link.kind == "veth" and link.master in ours and link.name not in cables]
        return loose, [name for name in ours.values() if name not in used]

    def _span(self, network: NetworkRecord, *, filtered: bool) -> wiring.Span:
        return wiring.Span(
            name=network.bridge,
            group=names.group(self._roots),
            alias=names.alias(self._roots, network.id),
            subnets=network.subnets,
            mtu=plan.mtu(network),
            filtered=filtered,
        )


def _routed(links: RouteSocket, network: NetworkRecord) -> list[Subnet]:
    """The subnets of a network that the host has a route to, or into."""
    spans = {place: addresses.bounds(place.subnet) for place in network.subnets}
    return [
        place
        for place, span in spans.items()
        if any(pools.overlaps(span, other) for other in pools.routed(links, addresses.version(place.subnet)))
    ]
