"""The networks of one engine: :class:`NetworkManager`.

The database says what should be, the kernel is made to follow. Everything that changes the kernel happens under one lock,
an flock on the network namespace itself, which every engine in that namespace shares. A bridge exists while a container
is in it; rules that somebody flushed come back with the next start, from the database.

``attach`` and ``detach`` are called by a container's supervisor, the rest by front ends. All of it is synchronous.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Sequence

from engine.errors import EngineFault, Forbidden, LongshoreError, NotFound
from engine.linux.netlink_route import RouteSocket
from engine.model.containers import Endpoint, PortBinding
from engine.model.events import Event
from engine.model.networks import NetworkSpec
from engine.model.value import Value
from engine.network import conntrack, files, names, nameserver, plan, pools, ports, records, wiring
from engine.network.firewall import Firewall
from engine.store import addresses, events
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database
from engine.store.networks import Lease, NetworkRecord, Networks
from engine.store.roots import Roots


class Attachment(Value):
    """What a container got.

    Attributes:
        endpoints, ports: as they are recorded already.
        holds: descriptors of the sockets that hold the published ports; keep them open while the container runs.
        names: descriptors of the name server's two sockets, none in the default network; keep them open too, and have
            :func:`engine.network.nameserver.serve` run in a forked process when one is readable.
    """

    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[PortBinding, ...] = ()
    holds: tuple[int, ...] = ()
    names: tuple[int, ...] = ()

    def close(self) -> None:
        """Let ports and name server go. Once only."""
        for descriptor in self.holds + self.names:
            os.close(descriptor)


class NetworkManager:
    """The networks of the engine that owns ``roots``."""

    def __init__(self, roots: Roots, database: Database) -> None:
        self._roots = roots
        self._db = database
        self._networks = Networks(database)
        self._containers = Containers(database)
        self._firewall = Firewall(names.table(roots), database)

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
        if plan.mode(record).startswith("container:"):
            return ()
        network = self._network(record)
        plan.check(network, record)
        return (plan.endpoint(network, record),)

    def attach(self, record: ContainerRecord, pid: int, *, name_server: bool = False) -> Attachment:
        """Connect the network namespace of process ``pid``, publish the ports and write the container's name files.

        With ``name_server`` the caller sees to the name server of user-defined networks; otherwise there is none.

        Endpoints and ports are recorded, and a ``connect`` event is written. When it fails everything is undone.

        Raises:
            NotFound: the network is gone.
            StartFailed: a port is taken, in docker's words.
            Conflict: no address is free, or the wanted one is not.
            EngineFault, Forbidden: the kernel refused something.
        """
        if plan.mode(record).startswith("container:"):
            return self._attach_shared(record)
        network = self._network(record)
        try:
            if network.driver != "bridge":
                return self._attach_plain(record, network, pid)
            return self._attach_bridge(record, network, pid, named=name_server and not plan.is_default(network))
        except OSError as error:
            raise _fault(network, error) from error

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
        with _Namespace(), RouteSocket() as links:
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
                    self._tidy(links)
            except OSError as error:
                raise self._fault_of(error, leases) from error

    def tidy(self) -> None:
        """Remove cables of containers that are detached, and bridges, rules and tables that nobody needs any more."""
        self._firewall.settle()
        with _Namespace(), RouteSocket() as links:
            try:
                self._tidy(links)
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
        with _Namespace(), RouteSocket() as links:
            try:
                if not self._tidy(links):
                    self._firewall.reload()
            except OSError as error:
                raise self._fault_of(error) from error

    # -- attaching ---------------------------------------------------------------------------------------------------------

    def _network(self, record: ContainerRecord) -> NetworkRecord:
        try:
            return self._networks.resolve(plan.mode(record))
        except NotFound:
            self.ensure_defaults()
            return self._networks.resolve(plan.mode(record))

    def _fault_of(self, error: OSError, leases: Sequence[Lease] = ()) -> LongshoreError:
        network = self._networks.get(leases[0].network_id) if leases else self._networks.resolve(plan.DEFAULT_NETWORK)
        return _fault(network, error)

    def _attach_shared(self, record: ContainerRecord) -> Attachment:
        """In another container's namespace everything is there already; its name files are valid here too."""
        other = self._containers.resolve(plan.mode(record).partition(":")[2])
        directory = self._roots.container_dir(record.id)
        os.makedirs(directory, mode=0o700, exist_ok=True)
        files.copy(self._roots.container_dir(other.id), directory)
        return Attachment()

    def _attach_plain(self, record: ContainerRecord, network: NetworkRecord, pid: int) -> Attachment:
        if network.driver == "null":
            namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                wiring.loopback_up(namespace)
            finally:
                os.close(namespace)
        endpoints = (plan.endpoint(network, record),)
        self._write_files(record, network, endpoints)
        self._record(record, network, endpoints, ())
        return Attachment(endpoints=endpoints)

    def _attach_bridge(self, record: ContainerRecord, network: NetworkRecord, pid: int, *, named: bool) -> Attachment:
        plan.check(network, record)
        if self._networks.leases(container_id=record.id):  # its supervisor was killed: ports of that run must go
            self.detach(record)
        held = ports.Held()
        sockets: tuple[int, ...] = ()
        namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if not network.internal:  # nobody outside could reach them
                asked = ports.wanted(record.config, record.host_config, host_ip=plan.host_binding(network))
                held = ports.hold(asked, record.name)
            with _Namespace():
                network, endpoint = self._wire(record, network, namespace, tuple(held.bindings))
            if named:
                sockets = nameserver.prepare(namespace)
            self._write_files(record, network, (endpoint,), embedded=bool(sockets))
        except BaseException:
            held.close()
            for descriptor in sockets:
                os.close(descriptor)
            self._detach_quietly(record)
            raise
        finally:
            os.close(namespace)
        return Attachment(endpoints=(endpoint,), ports=tuple(held.bindings), holds=tuple(held.descriptors), names=sockets)

    def _wire(
        self, record: ContainerRecord, network: NetworkRecord, namespace: int, bound: tuple[PortBinding, ...]
    ) -> tuple[NetworkRecord, Endpoint]:
        config = record.host_config
        with RouteSocket() as links:
            network = self._settle(links, network)
            with self._db.transaction():
                place = plan.subnet(network)
                lease = self._networks.allocate(network.id, record.id, place, wanted=config.ipv4_address, mac=config.mac_address)
                endpoint = plan.endpoint(network, record, lease)
                self._record(record, network, (endpoint,), bound)
            # Rules separate neighbours where frames pass them. Isolated ports do it everywhere, but would also cut off ports
            # that a neighbour publishes: br_netfilter bridges a frame whose translated destination is on the same bridge.
            filtered = plan.secluded(network) and wiring.frames_are_filtered()
            bridge = wiring.bridge_up(links, self._span(network, filtered=filtered))
            wiring.enable_forwarding()
            isolated = plan.secluded(network) and not filtered
            cable = plan.cable(network, lease, names.veth(record.id, network.id), isolated=isolated)
            wiring.connect(links, bridge.index, namespace, cable)
        self._firewall.publish(network.bridge, lease.address, bound)
        conntrack.forget(bound)
        return network, endpoint

    def _detach_quietly(self, record: ContainerRecord) -> None:
        """Clean up after a failure, whose error counts; what can not be undone now is left for the sweep."""
        try:
            self.detach(record)
        except LongshoreError:
            pass

    def _settle(self, links: RouteSocket, network: NetworkRecord) -> NetworkRecord:
        """The network as it is now; one that is idle moves when its subnet came out of the pools and is taken by now."""
        network = self._networks.get(network.id)  # it may have moved while we waited for the lock
        if self._networks.leases(network_id=network.id) or links.link(network.bridge) is not None:
            return network
        span = addresses.bounds(plan.subnet(network).subnet)

        def free() -> bool:
            return not any(pools.overlaps(span, other) for other in pools.routed(links))

        if free() or (self._tidy(links) and free()):  # the route may be that of a bridge whose network is gone
            return network
        if not pools.from_pools(plan.subnet(network)):
            message = f"network {network.name}: subnet {plan.subnet(network).subnet} overlaps with a route of this host"
            raise EngineFault(message, hint="remove the network and make it again with another subnet")
        moved = network.replace(subnets=(records.free_subnet(self._networks),))
        self._networks.update(moved)
        return moved

    def _forget(self, record: ContainerRecord, leases: list[Lease]) -> None:
        with self._db.transaction() as connection:
            self._networks.release(record.id)
            rest = tuple(
                Endpoint(network=endpoint.network, network_id=endpoint.network_id, aliases=endpoint.aliases)
                for endpoint in record.endpoints
            )
            self._containers.set_network(record.id, rest, ())
            for lease in leases:
                network = self._networks.get(lease.network_id)
                events.append(connection, _event("disconnect", network, record))

    def _span(self, network: NetworkRecord, *, filtered: bool) -> wiring.Span:
        return wiring.Span(
            name=network.bridge,
            group=names.group(self._roots),
            alias=names.alias(self._roots, network.id),
            subnet=plan.subnet(network),
            mtu=plan.mtu(network),
            filtered=filtered,
        )

    def _tidy(self, links: RouteSocket) -> bool:
        """What :meth:`tidy` does, under the lock; true when bridges went and the rules were made anew."""
        leases = self._networks.leases()
        cables = {names.veth(lease.container_id, lease.network_id) for lease in leases}
        networks = {lease.network_id for lease in leases}
        used = {record.bridge for record in self._networks.all() if record.id in networks}
        group = names.group(self._roots)
        present = links.links()
        ours = {link.index: link.name for link in present if link.kind == "bridge" and link.group == group}
        for link in present:
            if link.kind == "veth" and link.master in ours and link.name not in cables:
                links.delete_link(link.name)
        empty = [name for name in ours.values() if name not in used]
        if empty:
            self._firewall.reload()  # first: who is killed in between leaves a bridge, by which the next one knows
        for name in empty:
            links.delete_link(name)
        return bool(empty)

    # -- recording ---------------------------------------------------------------------------------------------------------

    def _record(
        self, record: ContainerRecord, network: NetworkRecord, endpoints: tuple[Endpoint, ...], bound: tuple[PortBinding, ...]
    ) -> None:
        with self._db.transaction() as connection:
            self._containers.set_network(record.id, endpoints, bound)
            events.append(connection, _event("connect", network, record))

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


class _Namespace:
    """The lock of everything that Longshore does in this network namespace."""

    def __enter__(self) -> None:
        self._handle = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)


def _event(action: str, network: NetworkRecord, record: ContainerRecord) -> Event:
    return events.make("network", action, network.id, {"container": record.id, "name": network.name, "type": network.driver})


def _fault(network: NetworkRecord, error: OSError) -> LongshoreError:
    reason = error.strerror or str(error)
    if error.errno in (errno.EPERM, errno.EACCES):
        return Forbidden(f"network {network.name}: {reason.lower()}", hint="bridge networks need root; host and none do not")
    hint = ""
    if error.errno in (errno.EOPNOTSUPP, errno.EPROTONOSUPPORT):
        hint = "this kernel lacks veth, bridge or nf_tables; network mode host works without"
    return EngineFault(f"network {network.name}: {reason}", hint=hint)
