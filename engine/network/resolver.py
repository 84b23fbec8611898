"""The embedded name server of one container, 127.0.0.11 in its network namespace: who answers what.

Everything is non-blocking behind one epoll descriptor; :meth:`Resolver.ready` does whatever is due and never waits. There are
no timers: a question goes to all upstream servers at once and the first good answer wins; what nobody answered is forgotten
when the next question comes.

Names of the network are answered here. Others are forwarded, never from internal networks (CVE-2024-29018).
:mod:`engine.network.nameserver` says which process does this, and when.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable, Sequence

from engine.errors import LongshoreError
from engine.linux.netlink import inside
from engine.network import dns
from engine.network.directory import Directory
from engine.network.files import EMBEDDED_RESOLVER
from engine.network.resolver_stream import Connection

_PORT = 53
_AT_ONCE = 64
"""Datagrams that are read before anybody else is served."""
_MOST_QUESTIONS = 128
_MOST_KEPT, _KEPT_SIZE = 256, 512
_MOST_CONNECTIONS = 32
_PATIENCE = 10.0
_LARGEST = 65535


class Upstream:
    """Where other names are asked: servers, and the namespace to ask them from (-1: the host's)."""

    def __init__(self, servers: Sequence[str], namespace: int = -1) -> None:
        self.servers = [server for server in servers if server != EMBEDDED_RESOLVER][:3]
        self.namespace = namespace

    def open(self, server: str, kind: int) -> socket.socket:
        """A non-blocking socket that is connected (TCP: connecting) to ``server``. Raises OSError."""
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        if self.namespace >= 0:
            with inside(self.namespace):
                made = socket.socket(family, kind)
        else:
            made = socket.socket(family, kind)
        try:
            made.setblocking(False)
            made.connect((server, _PORT))
        except BlockingIOError:
            pass
        except BaseException:
            made.close()
            raise
        return made

    def close(self) -> None:
        """Give the namespace up."""
        if self.namespace >= 0:
            os.close(self.namespace)
            self.namespace = -1


class _Pending:
    """A forwarded question: who asked, and the sockets on which answers may come."""

    def __init__(self, question: dns.Question, reply: Callable[[bytes], None]) -> None:
        self.question = question
        self.reply = reply
        self.identity = int.from_bytes(os.urandom(2), "big")
        self.sockets: list[socket.socket] = []
        self.started = time.monotonic()


class Resolver:
    """Serves on two non-blocking sockets, which it closes with :meth:`close`.

    ``descriptor`` becomes readable when :meth:`ready` has something to do.
    """

    def __init__(self, datagrams: socket.socket, listener: socket.socket, directory: Directory, upstream: Upstream) -> None:
        self._directory = directory
        self._upstream = upstream
        self._epoll = select.epoll()
        self._watched: dict[int, tuple[socket.socket, Callable[[], None]]] = {}
        self._pending: list[_Pending] = []
        self._connections: list[Connection] = []
        self._answers: dict[bytes, bytes] = {}
        """Own answers by question, both without their identity, while the database stays at ``_version``."""
        self._version: tuple[int, int] | None = None
        self.watch(datagrams, lambda: self._questions(datagrams))
        self.watch(listener, lambda: self._accept(listener))

    @property
    def descriptor(self) -> int:
        """The epoll descriptor."""
        return self._epoll.fileno()

    def ready(self) -> None:
        """Do everything that can be done without waiting."""
        for descriptor, _events in self._epoll.poll(0):
            watched = self._watched.get(descriptor)
            if watched is not None:  # closed by an earlier one of this round
                watched[1]()

    def close(self) -> None:
        """Close every socket. Idempotent."""
        for one, _ in tuple(self._watched.values()):
            one.close()
        self._watched.clear()
        self._epoll.close()
        self._upstream.close()

    # -- used by connections ---------------------------------------------------------------------------------------------

    def watch(self, one: socket.socket, call: Callable[[], None], events: int = select.EPOLLIN) -> None:
        """Call when a socket is ready; the resolver closes it in the end."""
        self._watched[one.fileno()] = (one, call)
        self._epoll.register(one.fileno(), events)

    def forget(self, one: socket.socket) -> None:
        """Stop watching a socket, which stays open."""
        if self._watched.pop(one.fileno(), None) is not None:
            self._epoll.unregister(one.fileno())

    def drop(self, one: socket.socket) -> None:
        """Forget and close a socket. Idempotent."""
        if one.fileno() >= 0:
            self.forget(one)
            one.close()

    def answer(self, message: bytes) -> bytes | None:
        """The reply that needs nobody else, ``b""`` for what gets none, ``None`` when it must be forwarded."""
        question: dns.Question | None = None
        try:
            version = self._directory.version()
            if version != self._version:
                self._version = version
                self._answers.clear()
            elif (kept := self._answers.get(message[2:])) is not None:
                return message[:2] + kept
            question = dns.parse(message)
            answer = self._own_answer(question) if question else b""
        except LongshoreError:  # the database is locked or gone: the container goes on
            question = question or dns.parse(message)
            return dns.failure(question, dns.SERVER_FAILURE) if question else b""
        if answer and dns.records(answer) <= 1 and len(message) <= _KEPT_SIZE and len(self._answers) < _MOST_KEPT:
            self._answers[message[2:]] = answer[2:]  # several addresses are given in another order each time
        return answer

    def _own_answer(self, question: dns.Question) -> bytes | None:
        if not question.answerable:
            return dns.failure(question, dns.NOT_IMPLEMENTED)
        known, found = self._directory.find(question.name, ipv6=question.kind == dns.AAAA)
        if known and question.kind in (dns.A, dns.AAAA):
            return dns.addresses(question, found)
        if known:
            return dns.failure(question, dns.NO_ERROR)
        address = dns.reverse_address(question.name)
        if question.kind == dns.PTR and address and self._directory.covers(address):
            name = self._directory.name_of(address)
            return dns.pointer(question, name) if name else dns.failure(question, dns.NAME_ERROR)
        if self._directory.internal or not self._upstream.servers:
            return dns.failure(question, dns.SERVER_FAILURE)
        return None

    def connect_upstream(self) -> socket.socket:
        """A TCP connection to the first server that can be tried. Raises OSError."""
        return self._upstream.open(self._upstream.servers[0], socket.SOCK_STREAM)

    def ended(self, connection: Connection) -> None:
        """A TCP client is served."""
        if connection in self._connections:
            self._connections.remove(connection)

    # -- datagrams ---------------------------------------------------------------------------------------------------------

    def _questions(self, server: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                message, client = server.recvfrom(_LARGEST)
            except OSError:
                return
            self._question(server, message, client)

    def _question(self, server: socket.socket, message: bytes, client: tuple[str, int]) -> None:
        def reply(response: bytes) -> None:
            try:
                server.sendto(response, client)
            except OSError:  # nobody waits for it any more
                pass

        response = self.answer(message)
        if response:
            reply(response)
        elif response is None:
            self._forward(message, reply)

    def _forward(self, message: bytes, reply: Callable[[bytes], None]) -> None:
        question = dns.parse(message)
        assert question is not None
        self._forget_old()
        pending = _Pending(question, reply)
        for server in self._upstream.servers:
            try:
                one = self._upstream.open(server, socket.SOCK_DGRAM)
            except OSError:
                continue
            try:
                one.send(dns.with_identity(message, pending.identity))
            except OSError:
                one.close()
                continue
            pending.sockets.append(one)
            self.watch(one, lambda one=one: self._response(pending, one))  # type: ignore[misc]  # a default binds the loop's variable
        if pending.sockets:
            self._pending.append(pending)
        else:
            reply(dns.failure(question, dns.SERVER_FAILURE))

    def _response(self, pending: _Pending, one: socket.socket) -> None:
        try:
            message = one.recv(_LARGEST)
        except BlockingIOError:
            return
        except OSError:  # refused: no server listens there
            message = b""
        question = dns.parse(message, response=True)
        if message and (question is None or question.identity != pending.identity or question.name != pending.question.name):
            return  # somebody guesses
        last = len(pending.sockets) == 1
        if not message or (dns.code(message) in (dns.SERVER_FAILURE, dns.REFUSED) and not last):
            pending.sockets.remove(one)
            self.drop(one)
            if pending.sockets:
                return
        self._finish(pending)
        reply = dns.with_identity(message, pending.question.identity) if message else dns.failure(pending.question, dns.SERVER_FAILURE)
        pending.reply(reply)

    def _finish(self, pending: _Pending) -> None:
        self._pending.remove(pending)
        for one in pending.sockets:
            self.drop(one)

    def _forget_old(self) -> None:
        oldest = time.monotonic() - _PATIENCE
        while self._pending and (len(self._pending) >= _MOST_QUESTIONS or self._pending[0].started < oldest):
            self._finish(self._pending[0])

    # -- connections -------------------------------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        client.setblocking(False)
        while len(self._connections) >= _MOST_CONNECTIONS:
            self._connections[0].close()
        self._connections.append(Connection(self, client))
