"""The networks of one engine: :class:`NetworkManager`.

The database says what should be, the kernel is made to follow. Everything that changes the kernel happens under one lock,
an flock on the network namespace itself, which every engine in that namespace shares. A bridge exists while a container
is in it; rules that somebody flushed come back with the next start, from the database.

``attach`` and ``detach`` are called by a container's supervisor, the rest by front ends. All of it is synchronous.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from engine.errors import LongshoreError, NotFound
from engine.linux.netlink_route import RouteSocket
from engine.model.containers import Endpoint, PortBinding
from engine.model.networks import NetworkSpec
from engine.network import conntrack, files, names, nameserver, plan, ports, records, wiring
from engine.network.attachment import Attachment, event, fault
from engine.network.cabling import Cabling, Namespace
from engine.network.firewall import Firewall
from engine.network.joining import Joining
from engine.store import events
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database
from engine.store.networks import Lease, NetworkRecord, Networks
from engine.store.roots import Roots

Place = tuple[NetworkRecord, Endpoint]
"""A network, and what a container wants or has there."""


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
        records.remove(self._db, record)
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
        plan.check_mac(record)
        if plan.mode(record).startswith("container:"):
            return ()
        network, wanted = self._first_place(record)
        plan.check(network, wanted)
        return (wanted,)

    def attach(self, record: ContainerRecord, pid: int, *, name_server: bool = False) -> Attachment:
        """Connect the network namespace of process ``pid`` to all its networks, publish the ports and write the name files.

        With ``name_server`` the caller sees to the name server of user-defined networks; otherwise there is none.

        Endpoints and ports are recorded, and ``connect`` events are written. When it fails everything is undone.

        Raises:
            NotFound: a network is gone.
            StartFailed: a port is taken, in docker's words.
            Conflict: no address is free, or the wanted one is not.
            EngineFault, Forbidden: the kernel refused something.
        """
        if plan.mode(record).startswith("container:"):
            return self._attach_shared(record)
        places = self._places(record)
        try:
            if places[0][0].driver != "bridge":
                return self._attach_plain(record, places[0], pid)
            return self._attach_bridges(record, places, pid, name_server=name_server)
        except OSError as error:
            raise fault(places[0][0], error) from error

    def detach(self, record: ContainerRecord, *, tidy: bool = True) -> None:
        """Undo :meth:`attach`; what is not there any more is no error, nor is a container that was never attached.

        Without ``tidy`` what the kernel takes tens of milliseconds for is left to a later :meth:`tidy`: the container is cut
        off and its address and ports are free, but interfaces stay.
        """
        leases = self._networks.leases(container_id=record.id)
        try:
            bound = self._containers.get(record.id).ports
        except NotFound:
            bound = record.ports
        with Namespace(), RouteSocket() as links:
            try:
                for lease in leases:
                    links.disable_port(names.veth(record.id, lease.network_id))
                complete = not leases or self._firewall.withdraw(bound)
                conntrack.forget(bound)
                self._forget(record, leases)
                if not complete:
                    self._firewall.reload()
                if tidy:
                    self._firewall.settle()
                    self._cabling.tidy(links)
            except OSError as error:
                raise self._fault_of(error, leases) from error

    def connect(self, record: ContainerRecord, network: str, wanted: Endpoint, pid: int, *, named: bool = False) -> Attachment:
        """Put a container into one network more; a running one (``pid``) at once, and its name server and ports as needed.

        ``wanted`` says aliases and address. ``named``: it has a name server already. See :meth:`Joining.connect`.
        """
        self.ensure_defaults()
        return self._joining.connect(record, self._networks.resolve(network), wanted, pid, named=named)

    def disconnect(self, record: ContainerRecord, network: str, pid: int) -> bool:
        """Take a container out of a network; true when that has unpublished its ports. See :meth:`Joining.disconnect`."""
        return self._joining.disconnect(record, network, pid)

    def tidy(self) -> None:
        """Remove cables of containers that are detached, and bridges, rules and tables that nobody needs any more."""
        self._firewall.settle()
        with Namespace(), RouteSocket() as links:
            try:
                self._cabling.tidy(links)
            except OSError as error:
                raise self._fault_of(error) from error

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

    def _attach_plain(self, record: ContainerRecord, place: Place, pid: int) -> Attachment:
        network, wanted = place
        if network.driver == "null":
            namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                wiring.loopback_up(namespace)
            finally:
                os.close(namespace)
        plan.check(network, wanted)
        self._write_files(record, network, (wanted,))
        self._record(record, (network,), (wanted,), ())
        return Attachment(endpoints=(wanted,))

    def _attach_bridges(self, record: ContainerRecord, places: Sequence[Place], pid: int, *, name_server: bool) -> Attachment:
        for network, wanted in places:
            plan.check(network, wanted)
        if self._networks.leases(container_id=record.id):  # its supervisor was killed: ports of that run must go
            self.detach(record)
        way = min((network for network, _ in places), key=plan.precedence)
        held = ports.Held()
        sockets: tuple[int, ...] = ()
        namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if not way.internal:  # otherwise nobody outside could reach them
                asked = ports.wanted(record.config, record.host_config, host_ip=plan.host_binding(way))
                held = ports.hold(asked, record.name)
            with Namespace():
                endpoints = self._wire(record, places, namespace, tuple(held.bindings))
            if name_server and not all(plan.is_default(network) for network, _ in places):
                sockets = nameserver.prepare(namespace)
            self._write_files(record, self._networks.get(way.id), endpoints, embedded=bool(sockets))
        except BaseException:
            held.close()
            for descriptor in sockets:
                os.close(descriptor)
            self._detach_quietly(record)
            raise
        finally:
            os.close(namespace)
        return Attachment(endpoints=endpoints, ports=tuple(held.bindings), holds=tuple(held.descriptors), names=sockets)

    def _wire(
        self, record: ContainerRecord, places: Sequence[Place], namespace: int, bound: tuple[PortBinding, ...]
    ) -> tuple[Endpoint, ...]:
        with RouteSocket() as links:
            networks = [self._cabling.settle(links, network) for network, _ in places]
            with self._db.transaction():
                leases = [self._lease(record, network, wanted) for network, (_, wanted) in zip(networks, places, strict=True)]
                wired = list(zip(networks, leases, places, strict=True))
                endpoints = tuple(plan.endpoint(network, wanted, lease) for network, lease, (_, wanted) in wired)
                self._record(record, networks, endpoints, bound)
            way = min(networks, key=plan.precedence)
            for number, (network, lease, _) in enumerate(wired):
                self._cabling.plug(links, network, lease, namespace, f"eth{number}", gateway=network is way)
        # First where ports lead to: whoever finds its bridge missing in the rules has everything loaded.
        for network, lease, _ in sorted(wired, key=lambda each: each[0] is not way):
            self._firewall.publish(network.bridge, lease.address, bound if network is way else ())
        conntrack.forget(bound)
        return endpoints

    def _lease(self, record: ContainerRecord, network: NetworkRecord, wanted: Endpoint) -> Lease:
        mode = plan.mode(record)
        own = network.name == mode or network.id.startswith(mode)  # a MAC address is for the network it was created in
        mac = record.host_config.mac_address if own else ""
        return self._networks.allocate(network.id, record.id, plan.subnet(network), wanted=wanted.requested_ip, mac=mac)

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
