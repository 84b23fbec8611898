"""The networks of one engine: :class:`NetworkManager`.

The database says what should be, the kernel is made to follow. Everything that changes the kernel happens under one lock,
an flock on the network namespace itself, which every engine in that namespace shares. A bridge exists while a container
is in it; rules that somebody flushed come back from the database: supervisors and front ends see that they are gone.

``attach`` and ``detach`` are called by a container's supervisor, the rest by front ends. All of it is synchronous. An ordinary
user's networks are in a network namespace of their own: there such a method is sent to it, in a thread (:mod:`engine.rootless.aside`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from engine.errors import LongshoreError, NotFound
from engine.linux.netlink_route import RouteSocket
from engine.model.containers import Endpoint, PortBinding
from engine.model.networks import NetworkSpec
from engine.model.value import Value
from engine.network import conntrack, files, names, nameserver, plan, ports, records, settings
from engine.network.attachment import Attachment, event, fault
from engine.network.cabling import Cabling, Namespace
from engine.network.firewall import Firewall
from engine.network.joining import Joining
from engine.network.links import check as check_links
from engine.rootless import aside
from engine.store import events
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database
from engine.store.networks import Lease, NetworkRecord, Networks
from engine.store.roots import Roots

P = ParamSpec("P")
T = TypeVar("T")

Place = tuple[NetworkRecord, Endpoint]
"""A network, and what a container wants or has there."""


def _where_networks_are(method: Callable[Concatenate[NetworkManager, P], T]) -> Callable[Concatenate[NetworkManager, P], T]:
    """Run a method in the network namespace that the engine's bridges are in: our own, unless this is an ordinary user's engine."""

    @wraps(method)
    def moved(self: NetworkManager, *args: P.args, **named: P.kwargs) -> T:
        if not os.path.exists(self._roots.netns):
            return method(self, *args, **named)
        connection = self._db.connection()
        return aside.run(self._roots.netns, lambda: self._db.lend(connection, lambda: method(self, *args, **named)))

    return cast("Callable[Concatenate[NetworkManager, P], T]", moved)


class Wire(Value):
    """A network as it is now, with a container's lease and endpoint in it."""

    network: NetworkRecord
    lease: Lease
    endpoint: Endpoint


def _nobody() -> None:
    """Nobody wants to be told."""


class NetworkManager:
    """The networks of the engine that owns ``roots``."""

    def __init__(self, roots: Roots, database: Database) -> None:
        self._roots = roots
        self._db = database
        self._networks = Networks(database)
        self._containers = Containers(database)
        self._firewall = Firewall(names.table(roots), database)
        self._cabling = Cabling(roots, self._networks, self._firewall)
        self._joining = Joining(roots, database, self._cabling, self._firewall)

    def ensure_defaults(self) -> None:
        """Make the records of ``bridge``, ``host`` and ``none``. Touches nothing in the kernel."""
        records.ensure_defaults(self._roots, self._db)

    @_where_networks_are
    def follow(self, wanted: settings.Wanted) -> bool:
        """Have the default bridge as ``config.toml`` wants it; False while containers are in it, who keep what they have.

        Raises:
            InvalidArgument, Forbidden, NotSupported: the subnet is malformed or in use, or the kernel has no IPv6.
        """
        self.ensure_defaults()
        network = self._networks.resolve(plan.DEFAULT_NETWORK)
        if settings.follows(network, wanted):
            return True
        with Namespace(), RouteSocket() as links:
            if self._networks.leases(network_id=network.id):
                return False
            self._cabling.tidy(links)  # a bridge that lingers has the addresses of before
            self._networks.update(records.changed(self._roots, self._networks, network, wanted))
        return True

    def create(self, spec: NetworkSpec) -> NetworkRecord:
        """Make a network. Raises Conflict, InvalidArgument, NotSupported or Forbidden."""
        self.ensure_defaults()
        return records.create(self._roots, self._db, spec)

    def remove(self, network: str) -> NetworkRecord:
        """Remove a network by name or id.

        Raises:
            NotFound: there is none.
            Forbidden: it is predefined or has members.
        """
        self.ensure_defaults()
        record = self._networks.resolve(network)
        self._db.spared(lambda: records.remove(self._db, record))
        return record

    def check(self, record: ContainerRecord) -> tuple[Endpoint, ...]:
        """What ``create`` must refuse; where the container will be attached comes back.

        Raises:
            NotFound: no such network.
            InvalidArgument: ports, addresses or names are malformed or not allowed there.
        """
        ports.wanted(record.config, record.host_config)
        for entry in record.host_config.extra_hosts:
            files.extra_host(entry, "127.0.0.1")
        for server in record.host_config.dns:
            files.check_server(server)
        for what, texts in (("DNS search domain", record.host_config.dns_search), ("DNS option", record.host_config.dns_options)):
            for text in texts:
                files.check_word(what, text)
        check_links(record.host_config, self._containers)
        plan.check_mac(record)
        if plan.mode(record).startswith("container:"):
            return ()
        network, wanted = self._first_place(record)
        plan.check(network, wanted)
        return (wanted,)

    @_where_networks_are
    def attach(
        self, record: ContainerRecord, pid: Callable[[], int], *, name_server: bool = False, named: Callable[[], None] = _nobody
    ) -> Attachment:
        """Connect a process's network namespace to all its networks, publish the ports and write the name files.

        ``pid`` gives the process, and may wait until it has its namespace. ``named`` is called as soon as the name files are
        written, with the interfaces still to be made. With ``name_server`` the caller sees to the name server of user-defined
        networks; otherwise there is none.

        Endpoints and ports are recorded, and ``connect`` events are written. When it fails everything is undone.

        Raises:
            NotFound: a network is gone.
            StartFailed: a port is taken, in docker's words.
            Conflict: no address is free, or the wanted one is not.
            EngineFault, Forbidden: the kernel refused something.
        """
        if plan.mode(record).startswith("container:"):
            attached = self._attach_shared(record)
            named()
            return attached
        places = self._places(record)
        try:
            if places[0][0].driver != "bridge":
                attached = self._attach_plain(record, places[0])
                named()
                return attached
            return self._attach_bridges(record, places, pid, name_server=name_server, named=named)
        except OSError as error:
            raise fault(places[0][0], error) from error

    @_where_networks_are
    def detach(self, record: ContainerRecord, *, tidy: bool = True) -> None:
        """Undo :meth:`attach`; what is not there any more is no error, nor is a container that was never attached.

        Without ``tidy`` what the kernel takes tens of milliseconds for is left to a later :meth:`tidy`: the container is cut
        off and its address and ports are free, but interfaces stay.
        """
        leases = self._networks.leases(container_id=record.id)
        try:
            record = self._containers.get(record.id)
        except NotFound:
            pass
        bound = record.ports
        if not tidy and not leases and not bound and record.endpoints == tuple(map(plan.vacated, record.endpoints)):
            return
        with Namespace(), RouteSocket() as links:
            try:
                for lease in leases:
                    links.disable_port(names.veth(record.id, lease.network_id))
                complete = self._firewall.withdraw(leases, bound)
                conntrack.forget(bound)
                self._forget(record, leases)
                if not complete:
                    self._firewall.reload()
                if tidy:
                    self._firewall.settle()
                    self._cabling.tidy(links)
            except OSError as error:
                raise self._fault_of(error, leases) from error

    @_where_networks_are
    def connect(self, record: ContainerRecord, network: str, wanted: Endpoint, pid: int, *, named: bool = False) -> Attachment:
        """Put a container into one network more; a running one (``pid``) at once, and its name server and ports as needed.

        ``wanted`` says aliases and address. ``named``: it has a name server already. See :meth:`Joining.connect`.
        """
        self.ensure_defaults()
        return self._joining.connect(record, self._networks.resolve(network), wanted, pid, named=named)

    @_where_networks_are
    def disconnect(self, record: ContainerRecord, network: str, pid: int) -> bool:
        """Take a container out of a network; true when that has unpublished its ports. See :meth:`Joining.disconnect`."""
        return self._joining.disconnect(record, network, pid)

    @_where_networks_are
    def tidy(self) -> None:
        """Remove cables of containers that are detached, and bridges, rules and tables that nobody needs any more."""
        self._firewall.settle()
        with Namespace(), RouteSocket() as links:
            try:
                self._cabling.tidy(links)
            except OSError as error:
                raise self._fault_of(error) from error

    @_where_networks_are
    def mend(self) -> bool:
        """Load the rules again if somebody flushed them, and have foreign firewalls let our bridges through; true after the former."""
        with Namespace():
            try:
                return self._firewall.mend()
            except OSError as error:
                raise self._fault_of(error) from error

    @_where_networks_are
    def surplus(self) -> list[str]:
        """Names of the interfaces that :meth:`tidy` would remove. Changes nothing."""
        with Namespace(), RouteSocket() as links:
            try:
                cables, bridges = self._cabling.surplus(links)
            except OSError as error:
                raise self._fault_of(error) from error
        return [*cables, *bridges]

    @_where_networks_are
    def sweep(self, alive: Callable[[str], bool]) -> None:
        """Detach every container that is not ``alive``, tidy up, and make the rules complete.

        ``alive`` is asked after a lease was seen, so that a container whose supervisor holds its lock before it attaches
        is never taken for dead.
        """
        for container_id in {lease.container_id for lease in self._networks.leases()}:
            if alive(container_id):
                continue
            try:
                self.detach(self._containers.get(container_id), tidy=False)
            except NotFound:
                self._networks.release(container_id)
        self._firewall.settle()
        with Namespace(), RouteSocket() as links:
            try:
                if not self._cabling.tidy(links):
                    self._firewall.reload()
            except OSError as error:
                raise self._fault_of(error) from error

    # -- attaching ---------------------------------------------------------------------------------------------------------

    def _first_place(self, record: ContainerRecord) -> Place:
        """Where a container that is new, or that was taken out of every network, goes."""
        network = self._network(plan.mode(record))
        return network, plan.asked(network, record)

    def _places(self, record: ContainerRecord) -> list[Place]:
        if not record.endpoints:
            return [self._first_place(record)]
        return [(self._network_of(place), plan.vacated(place)) for place in record.endpoints]

    def _network_of(self, place: Endpoint) -> NetworkRecord:
        try:
            return self._networks.get(place.network_id)
        except NotFound:
            return self._network(place.network)

    def _network(self, name: str) -> NetworkRecord:
        try:
            return self._networks.resolve(name)
        except NotFound:
            self.ensure_defaults()
            return self._networks.resolve(name)

    def _fault_of(self, error: OSError, leases: Sequence[Lease] = ()) -> LongshoreError:
        network = self._networks.get(leases[0].network_id) if leases else self._networks.resolve(plan.DEFAULT_NETWORK)
        return fault(network, error)

    def _attach_shared(self, record: ContainerRecord) -> Attachment:
        """In another container's namespace everything is there already; its name files are valid here too."""
        other = self._containers.resolve(plan.mode(record).partition(":")[2])
        directory = self._roots.container_dir(record.id)
        os.makedirs(directory, mode=0o700, exist_ok=True)
        files.copy(self._roots.container_dir(other.id), directory)
        return Attachment()

    def _attach_plain(self, record: ContainerRecord, place: Place) -> Attachment:
        network, wanted = place
        plan.check(network, wanted)
        self._write_files(record, network, (wanted,))
        self._record(record, (network,), (wanted,), ())
        return Attachment(endpoints=(wanted,))

    def _attach_bridges(
        self, record: ContainerRecord, places: Sequence[Place], pid: Callable[[], int], *, name_server: bool, named: Callable[[], None]
    ) -> Attachment:
        for network, wanted in places:
            plan.check(network, wanted)
        if self._networks.leases(container_id=record.id):  # its supervisor was killed: ports of that run must go
            self.detach(record)
        way = min(places, key=_precedence)[0]
        held = ports.Held()
        sockets: tuple[int, ...] = ()
        namespace = -1
        try:
            if not way.internal:  # otherwise nobody outside could reach them
                asked = ports.wanted(record.config, record.host_config, host_ip=plan.host_binding(way))
                dual, carry = plan.subnet6(way) is not None, os.path.exists(self._roots.netns)
                held = aside.at_home(lambda: ports.hold(asked, record.name, dual=dual, carry=carry))
            with Namespace(), RouteSocket() as links:
                wires = self._allocate(links, record, places, tuple(held.bindings))
                endpoints = tuple(wire.endpoint for wire in wires)
                embedded = name_server and plan.wants_names(record, [network for network, _ in places])
                self._write_files(record, _way(wires), endpoints, embedded=embedded)
                named()
                namespace = os.open(f"/proc/{pid()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
                self._plug(links, wires, namespace, tuple(held.bindings))
            if embedded:
                sockets = nameserver.prepare(namespace)
        except BaseException:
            held.close()
            for descriptor in sockets:
                os.close(descriptor)
            self._detach_quietly(record)
            raise
        finally:
            if namespace >= 0:
                os.close(namespace)
        return Attachment(endpoints=endpoints, ports=tuple(held.bindings), holds=tuple(held.descriptors), names=sockets)

    def _allocate(self, links: RouteSocket, record: ContainerRecord, places: Sequence[Place], bound: tuple[PortBinding, ...]) -> list[Wire]:
        """Addresses in every network, recorded. Touches nothing in the kernel but networks that have to move."""
        networks = [self._cabling.settle(links, network) for network, _ in places]
        with self._db.transaction():
            leases = [self._lease(record, network, wanted) for network, (_, wanted) in zip(networks, places, strict=True)]
            wires = [
                Wire(network=network, lease=lease, endpoint=plan.endpoint(network, wanted, lease))
                for network, lease, (_, wanted) in zip(networks, leases, places, strict=True)
            ]
            self._record(record, networks, tuple(wire.endpoint for wire in wires), bound)
        return wires

    def _plug(self, links: RouteSocket, wires: Sequence[Wire], namespace: int, bound: tuple[PortBinding, ...]) -> None:
        way = _way(wires)
        names_there = plan.interface_names(wire.endpoint.options.driver for wire in wires)
        for name, wire in zip(names_there, wires, strict=True):
            options = wire.endpoint.options
            self._cabling.plug(links, wire.network, wire.lease, namespace, name, gateway=wire.network is way, options=options)
        # First where ports lead to: whoever finds its bridge missing in the rules has everything loaded.
        for wire in sorted(wires, key=lambda each: each.network is not way):
            self._firewall.publish(wire.network, wire.lease, bound if wire.network is way else ())
        conntrack.forget(bound)

    def _lease(self, record: ContainerRecord, network: NetworkRecord, wanted: Endpoint) -> Lease:
        mode = plan.mode(record)
        own = network.name == mode or network.id.startswith(mode)  # a MAC address is for the network it was created in
        mac = wanted.options.mac_address or (record.host_config.mac_address if own else "")
        return self._networks.allocate(
            network.id,
            record.id,
            network.subnets,
            wanted=wanted.requested_ip,
            wanted6=wanted.requested_ipv6,
            mac=mac,
            priority=wanted.options.gateway_priority,
        )

    def _detach_quietly(self, record: ContainerRecord) -> None:
        """Clean up after a failure, whose error counts; what can not be undone now is left for the sweep."""
        try:
            self.detach(record)
        except LongshoreError:
            pass

    def _forget(self, record: ContainerRecord, leases: list[Lease]) -> None:
        with self._db.transaction() as connection:
            self._networks.release(record.id)
            try:
                places = self._containers.get(record.id).endpoints
            except NotFound:
                places = ()
            self._containers.set_network(record.id, tuple(map(plan.vacated, places)), ())
            for lease in leases:
                network = self._networks.get(lease.network_id)
                events.append(connection, event("disconnect", network, record))

    # -- recording ---------------------------------------------------------------------------------------------------------

    def _record(
        self,
        record: ContainerRecord,
        joined: Sequence[NetworkRecord],
        endpoints: tuple[Endpoint, ...],
        bound: tuple[PortBinding, ...],
    ) -> None:
        with self._db.transaction() as connection:
            self._containers.set_network(record.id, endpoints, bound)
            for network in joined:
                events.append(connection, event("connect", network, record))

    def _write_files(
        self, record: ContainerRecord, network: NetworkRecord, endpoints: tuple[Endpoint, ...], *, embedded: bool = False
    ) -> None:
        directory = self._roots.container_dir(record.id)
        os.makedirs(directory, mode=0o700, exist_ok=True)
        if network.driver == "host":
            files.write_host_copies(directory, record)
            return
        gateway = plan.subnet(network).gateway if network.subnets else ""
        resolver = files.resolv_conf(record, files.host_resolv_conf(), embedded=embedded)
        files.write(directory, record, files.hosts(record, endpoints, gateway), resolver)


def _precedence(place: Place) -> tuple[bool, int, bool, str]:
    network, wanted = place
    return plan.precedence(network, wanted.options.gateway_priority)


def _way(wires: Sequence[Wire]) -> NetworkRecord:
    """The network that leads everywhere else."""
    return min(((wire.network, wire.endpoint) for wire in wires), key=_precedence)[0]
