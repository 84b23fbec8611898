"""Containers that join one network more, or leave one, whether they run or not.

A running container gets and loses interfaces at once, its default route and its published ports move to the network that is
to lead out now, and its name server, when this is its first network that has names, begins to answer. Of one that does not
run only the record changes: :class:`engine.network.manager.NetworkManager` attaches it to all of them at its next start.

Source: moby ``daemon/container_operations.go`` (``ConnectToNetwork``, ``updateNetworkSettings``).
"""

from __future__ import annotations

import os

from engine.errors import Conflict, Forbidden, InvalidArgument, NotFound
from engine.linux.netlink_route import RouteSocket
from engine.model.containers import Endpoint, PortBinding
from engine.network import conntrack, files, names, nameserver, plan, ports
from engine.network.attachment import Attachment, event, fault
from engine.network.cabling import Cabling, Namespace
from engine.network.firewall import Firewall
from engine.rootless import aside
from engine.store import events
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database
from engine.store.networks import Lease, NetworkRecord, Networks
from engine.store.roots import Roots


class Joining:
    """Joining and leaving networks. To be used by whoever may write the container's state: the holder of its lock."""

    def __init__(self, roots: Roots, database: Database, cabling: Cabling, firewall: Firewall) -> None:
        self._roots = roots
        self._db = database
        self._cabling = cabling
        self._firewall = firewall
        self._networks = Networks(database)
        self._containers = Containers(database)

    def connect(self, record: ContainerRecord, network: NetworkRecord, wanted: Endpoint, pid: int, *, named: bool) -> Attachment:
        """Put a container into a network; what it got in addition comes back, nothing for one that does not run.

        Args:
            record: the container as the database has it.
            network: the network.
            wanted: aliases and address.
            pid: its main process, 0 when it does not run.
            named: it has a name server already.

        Raises:
            InvalidArgument: docker would not have it there.
            Forbidden: it is there already, and runs.
            Conflict: the address is taken, or none is free.
            StartFailed: this is its first way out, and a port that it publishes is taken.
            EngineFault: the kernel refused something. Nothing is changed.
        """
        wanted = wanted.replace(network=network.name, network_id=network.id)
        self._refuse_mixture(record, network)
        plan.check(network, wanted)
        if not pid:
            self._place(record, wanted)
            return Attachment()
        if any(place.network_id == network.id for place in record.endpoints):
            raise Forbidden(f"endpoint with name {record.name} already exists in network {network.name}")
        try:
            return self._join(record, network, wanted, pid, named=named)
        except OSError as error:
            raise fault(network, error) from error

    def disconnect(self, record: ContainerRecord, name: str, pid: int) -> bool:
        """Take a container out of a network, given by name or id; true when its ports are not published any more.

        Raises:
            NotFound: no such network, and the container does not know it either.
            Conflict: the container is not in it.
            InvalidArgument: it runs in the host's network.
        """
        try:
            network = self._networks.resolve(name)
        except NotFound:
            if pid or not any(place.network == name for place in record.endpoints):
                raise
            self._put(record, tuple(place for place in record.endpoints if place.network != name))
            return False
        if not any(place.network_id == network.id for place in record.endpoints):
            raise Conflict(f"container {record.id} is not connected to the network {network.name}")
        if pid and network.driver == "host":
            raise InvalidArgument("container cannot be disconnected from host network or connected to host network")
        try:
            return self._leave(record, network, pid)
        except OSError as error:
            raise fault(network, error) from error

    def _refuse_mixture(self, record: ContainerRecord, network: NetworkRecord) -> None:
        mode = plan.mode(record)
        drivers = {self._driver(place) for place in record.endpoints if place.network_id != network.id}
        if network.driver == "host" and mode != "host":
            raise InvalidArgument("container cannot be disconnected from host network or connected to host network")
        if mode.startswith("container:") or (drivers and "host" in {*drivers, network.driver}):
            raise InvalidArgument(
                "container sharing network namespace with another container or host cannot be connected to any other network"
            )
        if drivers and "null" in {*drivers, network.driver}:
            raise InvalidArgument(
                "container cannot be connected to multiple networks with one of the networks in private (none) mode",
                hint="disconnect it from network none first",
            )

    def _driver(self, place: Endpoint) -> str:
        try:
            return self._networks.get(place.network_id).driver
        except NotFound:
            return "bridge"  # only those can be removed

    # -- containers that do not run ------------------------------------------------------------------------------------------

    def _place(self, record: ContainerRecord, wanted: Endpoint) -> None:
        others = [place for place in record.endpoints if place.network_id != wanted.network_id]
        self._put(record, (*others, wanted))

    def _put(self, record: ContainerRecord, places: tuple[Endpoint, ...]) -> None:
        self._containers.set_network(record.id, places, record.ports)

    # -- containers that run -------------------------------------------------------------------------------------------------

    def _join(self, record: ContainerRecord, network: NetworkRecord, wanted: Endpoint, pid: int, *, named: bool) -> Attachment:
        if network.driver != "bridge":
            with self._db.transaction() as connection:
                self._place(record, wanted)
                events.append(connection, event("connect", network, record))
            return Attachment(endpoints=(wanted,))
        before = self._cabling.way_out(self._networks.leases(container_id=record.id))
        held = ports.Held()
        sockets: tuple[int, ...] = ()
        namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if before is None and not network.internal:
                asked = ports.wanted(record.config, record.host_config, host_ip=plan.host_binding(network))
                carry = os.path.exists(self._roots.netns)
                held = aside.at_home(lambda: ports.hold(asked, record.name, dual=plan.subnet6(network) is not None, carry=carry))
            bound = tuple(held.bindings) or record.ports
            with Namespace():
                endpoint = self._wire(record, network, wanted, namespace, bound)
            if not named and not plan.is_default(network):
                sockets = nameserver.prepare(namespace)
            self._add_names(record, endpoint, embedded=bool(sockets))
        except BaseException:
            held.close()
            for descriptor in sockets:
                os.close(descriptor)
            self._undo(record, network, namespace)
            raise
        finally:
            os.close(namespace)
        return Attachment(endpoints=(endpoint,), ports=tuple(held.bindings), holds=tuple(held.descriptors), names=sockets)

    def _wire(
        self, record: ContainerRecord, network: NetworkRecord, wanted: Endpoint, namespace: int, bound: tuple[PortBinding, ...]
    ) -> Endpoint:
        with RouteSocket() as links:
            network = self._cabling.settle(links, network)
            with self._db.transaction() as connection:
                lease = self._networks.allocate(
                    network.id,
                    record.id,
                    network.subnets,
                    wanted=wanted.requested_ip,
                    wanted6=wanted.requested_ipv6,
                    mac=wanted.options.mac_address,
                    priority=wanted.options.gateway_priority,
                )
                endpoint = plan.endpoint(network, wanted, lease)
                self._containers.set_network(record.id, (*record.endpoints, endpoint), bound)
                events.append(connection, event("connect", network, record))
            name = plan.interface_name(wanted.options.driver) or self._cabling.next_interface(namespace)
            self._cabling.plug(links, network, lease, namespace, name, gateway=False, options=wanted.options)
        way = self._cabling.way_out(self._networks.leases(container_id=record.id))
        leads = way is not None and way[0].id == network.id
        if leads:
            self._cabling.lead_out(namespace, way)
        if leads and bound:
            self._firewall.reload()
            conntrack.forget(bound)
        else:
            self._firewall.publish(network, lease, ())
        return endpoint

    def _undo(self, record: ContainerRecord, network: NetworkRecord, namespace: int) -> None:
        """After a failure, whose error counts; what can not be undone now goes when the container ends."""
        try:
            with Namespace(), RouteSocket() as links:
                links.delete_link(names.veth(record.id, network.id))
                with self._db.transaction():
                    self._networks.release(record.id, network.id)
                    self._put(record, record.endpoints)
                self._cabling.lead_out(namespace, self._cabling.way_out(self._networks.leases(container_id=record.id)))
                self._firewall.reload()
        except OSError:
            pass

    def _add_names(self, record: ContainerRecord, endpoint: Endpoint, *, embedded: bool) -> None:
        directory = self._roots.container_dir(record.id)
        files.add_host(directory, record, endpoint)
        if embedded:
            files.write_resolver(directory, files.resolv_conf(record, files.host_resolv_conf(), embedded=True))

    def _leave(self, record: ContainerRecord, network: NetworkRecord, pid: int) -> bool:
        rest = tuple(place for place in record.endpoints if place.network_id != network.id)
        leases = self._networks.leases(container_id=record.id)
        mine = [lease for lease in leases if lease.network_id == network.id]
        if not mine:
            self._forget(record, network, rest, record.ports)
            return False
        before = self._cabling.way_out(leases)
        with Namespace(), RouteSocket() as links:
            links.delete_link(names.veth(record.id, network.id))
            after = self._cabling.way_out([lease for lease in leases if lease.network_id != network.id])
            self._forget(record, network, rest, record.ports if after else ())
            if pid and after is not None and not _same(before, after):
                namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
                try:
                    self._cabling.lead_out(namespace, after)
                finally:
                    os.close(namespace)
            if record.ports and not _same(before, after):
                self._firewall.reload()
                conntrack.forget(record.ports)
            self._cabling.tidy(links)
        for lease in mine:
            files.remove_host(self._roots.container_dir(record.id), (lease.address, lease.address6))
        return bool(record.ports) and after is None

    def _forget(self, record: ContainerRecord, network: NetworkRecord, rest: tuple[Endpoint, ...], bound: tuple[PortBinding, ...]) -> None:
        with self._db.transaction() as connection:
            self._networks.release(record.id, network.id)
            self._containers.set_network(record.id, rest, bound)
            events.append(connection, event("disconnect", network, record))


def _same(one: tuple[NetworkRecord, Lease] | None, other: tuple[NetworkRecord, Lease] | None) -> bool:
    return (one[0].id if one else "") == (other[0].id if other else "")
