"""What nftables can not lead to a container: connections to ``[::1]``, IPv6 to a container that has IPv4 only, an ordinary user's ports.

The kernel has no ``route_localnet`` for IPv6, and translates no family into the other: docker runs one process for each published
port instead. Here the socket that holds the port (:mod:`engine.network.ports`) listens, and its supervisor forks a child for
:func:`serve` when one is readable, which leaves when nobody is connected any more. So published ports cost a quiet container
nothing, and whatever the kernel can lead never comes here. In an ordinary user's engine everything does, for the rules of the host's
network are not the user's to make: the serving process connects from the engine's own network namespace. pasta(1) could forward
ports, but takes them when it starts and keeps them; so that they come and go, and are refused, as root's do, this is done here.

The container sees the bridge's address as the client's, as with docker's proxy. Bytes go from socket to socket through a pipe and
are never copied here (splice(2)); each direction is closed by itself, and a connection that breaks off is reset on the other side.
(moby ``cmd/docker-proxy``)
"""

from __future__ import annotations

import errno
import os
import resource
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence

from engine.errors import LongshoreError
from engine.linux import namespaces
from engine.network import plan
from engine.store.containers import Containers
from engine.store.database import Database
from engine.store.networks import Networks

IDLE = 20.0
"""Seconds without a connection after which a serving process leaves."""

_UDP_IDLE = 90.0  # docker's
_MOST, _MOST_TALKS = 100_000, 1000
"""Connections, unless the limit of descriptors allows fewer, and datagram clients."""
_DESCRIPTORS = 6
"""Of a connection: two sockets and two pipes."""
_SPARE = 64
_CHUNK = 1 << 16
_ROUNDS = 16
"""Chunks that one connection may move before the others have their turn."""
_EDGES = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
_RECVPKTINFO6, _PKTINFO6 = (socket.IPPROTO_IPV6, 49), (socket.IPPROTO_IPV6, 50)
_PKTINFO = (socket.IPPROTO_IP, 8)
_RESET = struct.pack("ii", 1, 0)
_LARGEST = 65535

Target = Callable[[tuple[str, int], str], tuple[str, int] | None]
"""Where a host address and port of a protocol leads; ``None`` when it is not published any more."""

Client = tuple[str, int] | tuple[str, int, int, int]
Ancillary = tuple[int, int, bytes]
"""Level, type and data of a control message (cmsg(3))."""


def serve(database: Database, container_id: str, listeners: Sequence[int], *, idle: float = IDLE, netns: str = "") -> None:
    """Serve the sockets that hold a container's ports until nobody has been connected for ``idle`` seconds.

    The caller's descriptors stay open. How many connections there can be is up to its limit of open files. With ``netns``, that of an
    ordinary user's networks, the process moves there and can not come back.

    Raises:
        OSError: the namespace can not be entered.
    """
    if netns:
        namespaces.enter(netns, namespaces.CLONE_NEWNET)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    sockets = [socket.socket(fileno=os.dup(one)) for one in listeners]
    spare = limit - len(sockets) - _MOST_TALKS - _SPARE
    most = max(1, spare // _DESCRIPTORS) if limit != resource.RLIM_INFINITY else _MOST
    proxy = Proxy(sockets, lambda where, protocol: _target(database, container_id, where, protocol), most=most)
    try:
        proxy.run(idle)
    finally:
        proxy.close()


def _target(database: Database, container_id: str, where: tuple[str, int], protocol: str) -> tuple[str, int] | None:
    networks = Networks(database)
    try:
        bindings = Containers(database).get(container_id).ports
        leases = networks.leases(container_id=container_id)
        way = min(leases, key=lambda lease: plan.precedence(networks.get(lease.network_id), lease.priority), default=None)
    except LongshoreError:  # it is gone, or the database does not answer
        return None
    for binding in bindings:
        if way is not None and (binding.host_ip, binding.host_port, binding.protocol) == (*where, protocol):
            same, other = (way.address6, way.address) if ":" in where[0] else (way.address, way.address6)
            return same or other, binding.container_port
    return None


class _Flow:
    """One direction of a connection."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source, self.sink = source, sink
        self.ended = False
        self._out, self._in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._held = 0
        self._drained = False

    def pump(self) -> bool:
        """Move what can be moved; true when there may be more at once. Raises OSError when the connection is broken."""
        return all(not self.ended and (self._fill() or self._empty()) for _ in range(_ROUNDS))

    def _fill(self) -> bool:
        if self._held or self._drained:
            return False
        try:
            self._held = os.splice(self.source.fileno(), self._in, _CHUNK, flags=os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE)
        except BlockingIOError:
            return False
        self._drained = not self._held
        return True

    def _empty(self) -> bool:
        if self._held:
            try:
                self._held -= os.splice(self._out, self.sink.fileno(), self._held, flags=os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE)
            except BlockingIOError:
                return False
            return True
        if self._drained:
            self.ended = True
            self.sink.shutdown(socket.SHUT_WR)
        return False

    def close(self) -> None:
        os.close(self._out)
        os.close(self._in)


class _Connection:
    """A client and the container, with what is under way between them."""

    def __init__(self, client: socket.socket, inner: socket.socket) -> None:
        self.sockets = (client, inner)
        for one in self.sockets:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._flows = (_Flow(client, inner), _Flow(inner, client))

    def pump(self) -> bool:
        """True when there may be more at once. Raises OSError."""
        there, back = (flow.pump() for flow in self._flows)
        return there or back

    @property
    def ended(self) -> bool:
        """Both have said all they had to say."""
        return all(flow.ended for flow in self._flows)

    def close(self, *, reset: bool = False) -> None:
        for flow in self._flows:
            flow.close()
        for one in self.sockets:
            _reset(one) if reset else one.close()


class _Talk:
    """A client's datagrams: the socket on which the container answers, and how to answer the client as the address it asked."""

    def __init__(self, inner: socket.socket, client: Client, asked: Ancillary | None) -> None:
        self.inner = inner
        self.client = client
        self.asked = asked
        self.last = time.monotonic()


class Proxy:
    """Serves sockets that hold ports; it closes them.

    ``target`` says where each leads, at every new connection; of these there are at most ``most`` at once.
    """

    def __init__(self, listeners: Sequence[socket.socket], target: Target, *, most: int = _MOST) -> None:
        self._target = target
        self._epoll = select.epoll()
        self._listeners = {one.fileno(): one for one in listeners}
        self._connections: dict[int, _Connection] = {}
        self._talks: dict[tuple[int, object, object], _Talk] = {}
        self._answers: dict[int, tuple[socket.socket, _Talk]] = {}
        self._busy: set[_Connection] = set()
        self._most = most
        for one in listeners:
            one.setblocking(False)
            if one.type == socket.SOCK_DGRAM:
                one.setsockopt(*(_RECVPKTINFO6 if one.family == socket.AF_INET6 else _PKTINFO), 1)
            self._epoll.register(one.fileno(), select.EPOLLIN)

    def run(self, idle: float) -> None:
        """Serve until nobody has been connected for ``idle`` seconds."""
        while self.turn(idle if self.quiet else _UDP_IDLE) or not self.quiet:
            pass

    @property
    def quiet(self) -> bool:
        """Nobody is connected."""
        return not self._connections and not self._talks

    def turn(self, wait: float) -> bool:
        """Do what is to be done, waiting for it up to some seconds; false when there was nothing."""
        ready = self._epoll.poll(0 if self._busy else wait)
        for descriptor, _ in ready:
            self._ready(descriptor)
        busy, self._busy = self._busy, set()
        for connection in busy:
            self._move(connection)
        self._forget_silent()
        return bool(ready or busy)

    def close(self) -> None:
        """Close every socket."""
        for connection in set(self._connections.values()):
            connection.close(reset=True)
        for talk in self._talks.values():
            talk.inner.close()
        for one in self._listeners.values():
            one.close()
        self._epoll.close()

    def _ready(self, descriptor: int) -> None:
        if (listener := self._listeners.get(descriptor)) is not None:
            self._question(listener) if listener.type == socket.SOCK_DGRAM else self._accept(listener)
        elif descriptor in self._answers:
            self._answer(*self._answers[descriptor])
        elif descriptor in self._connections:
            self._busy.add(self._connections[descriptor])

    # -- connections -------------------------------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except OSError:  # it is gone again
            return
        inner = self._inner(listener, "tcp") if len(self._connections) < 2 * self._most else None
        if inner is None:
            _reset(client)
            return
        client.setblocking(False)
        try:
            connection = _Connection(client, inner)
        except OSError:  # no more descriptors: another process of the machine took them
            client.close()
            inner.close()
            return
        for one in connection.sockets:
            self._connections[one.fileno()] = connection
            self._epoll.register(one.fileno(), _EDGES)

    def _inner(self, listener: socket.socket, protocol: str) -> socket.socket | None:
        """A socket that is connected, or connecting, to the container."""
        host, port = listener.getsockname()[:2]
        target = self._target((host, port), protocol)
        if target is None:
            return None
        kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
        made = socket.socket(socket.AF_INET6 if ":" in target[0] else socket.AF_INET, kind)
        made.setblocking(False)
        if made.connect_ex(target) not in (0, errno.EINPROGRESS):
            made.close()
            return None
        return made

    def _move(self, connection: _Connection) -> None:
        try:
            if connection.pump():
                self._busy.add(connection)
        except OSError:  # one of them has broken off: nobody is there to tell but the other, who sees it at once
            self._drop(connection, reset=True)
            return
        if connection.ended:
            self._drop(connection)

    def _drop(self, connection: _Connection, *, reset: bool = False) -> None:
        for one in connection.sockets:
            del self._connections[one.fileno()]
        connection.close(reset=reset)
        self._busy.discard(connection)

    # -- datagrams ---------------------------------------------------------------------------------------------------------

    def _question(self, listener: socket.socket) -> None:
        try:
            data, ancillary, _, client = listener.recvmsg(_LARGEST, socket.CMSG_SPACE(20))
        except OSError:
            return
        asked = _asked(ancillary)
        talk = self._talks.get((listener.fileno(), client, asked))
        if talk is None:
            inner = self._inner(listener, "udp") if len(self._talks) < _MOST_TALKS else None
            if inner is None:
                return
            talk = _Talk(inner, client, asked)
            self._talks[listener.fileno(), client, asked] = talk
            self._answers[inner.fileno()] = (listener, talk)
            self._epoll.register(inner.fileno(), select.EPOLLIN)
        talk.last = time.monotonic()
        try:
            talk.inner.send(data)
        except OSError:  # nobody listens in the container: a datagram may get lost
            pass

    def _answer(self, listener: socket.socket, talk: _Talk) -> None:
        talk.last = time.monotonic()
        control = [talk.asked] if talk.asked else []
        try:
            listener.sendmsg([talk.inner.recv(_LARGEST)], control, 0, talk.client)
        except OSError:  # refused in the container, or the client does not listen any more
            pass

    def _forget_silent(self) -> None:
        oldest = time.monotonic() - _UDP_IDLE
        for key, talk in [(key, talk) for key, talk in self._talks.items() if talk.last <= oldest]:
            del self._talks[key], self._answers[talk.inner.fileno()]
            talk.inner.close()


def _asked(ancillary: Sequence[Ancillary]) -> Ancillary | None:
    """What makes an answer come from the address that was asked (ip(7), ipv6(7)); of IPv4 not the interface, which a route knows better."""
    for level, kind, item in ancillary:
        if (level, kind) == _PKTINFO6:
            return level, kind, item
        if (level, kind) == _PKTINFO:
            return level, kind, bytes(4) + item[4:8] + bytes(4)
    return None


def _reset(one: socket.socket) -> None:
    """Close with a reset: the other side shall not take it for the end of a whole answer."""
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    finally:
        one.close()
