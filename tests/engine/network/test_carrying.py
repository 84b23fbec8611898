"""What the proxy behind published ports moves: bytes, ends, resets and datagrams, without a container."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections.abc import Iterator

import pytest

from engine.network.proxy import Proxy
from tests.support.wait import until

Address = tuple[str, int]


@contextlib.contextmanager
def relay(kind: socket.SocketKind, target: Address | None) -> Iterator[Address]:
    """A proxy that leads to ``target``, on an address of its own."""
    held = socket.socket(socket.AF_INET, kind)
    held.bind(("127.0.0.1", 0))
    if kind is socket.SOCK_STREAM:
        held.listen()
    address: Address = held.getsockname()
    stop = threading.Event()
    made = Proxy([held], lambda _where, _protocol: target)

    def turn() -> None:
        while not stop.is_set():
            made.turn(0.01)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield address
    finally:
        stop.set()
        thread.join()
        made.close()


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(60)
        yield made


def test_a_half_closed_stream_gets_its_answer(server: socket.socket) -> None:
    payload = os.urandom(8 << 20)
    with relay(socket.SOCK_STREAM, server.getsockname()) as address, socket.create_connection(address, timeout=60) as client:
        behind, _ = server.accept()

        def send() -> None:
            client.sendall(payload)
            client.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        got = bytearray()
        while chunk := behind.recv(1 << 20):
            got += chunk
        sender.join()
        assert got == payload
        behind.sendall(b"thanks")
        behind.close()
        assert client.recv(100) == b"thanks" and client.recv(100) == b""


def test_a_reader_that_stops_holds_the_sender_back(server: socket.socket) -> None:
    """Nothing is kept beyond a pipe's worth, and nothing is lost."""
    with relay(socket.SOCK_STREAM, server.getsockname()) as address, socket.create_connection(address, timeout=60) as client:
        behind, _ = server.accept()
        client.setblocking(False)
        sent = 0

        def full() -> bool:
            nonlocal sent
            try:
                sent += client.send(b"x" * (1 << 16))
            except BlockingIOError:
                return not select.select([], [client], [], 0.3)[1]
            return False

        until(full)
        client.shutdown(socket.SHUT_WR)
        got = 0
        while chunk := behind.recv(1 << 20):
            got += len(chunk)
        behind.close()
        assert got == sent


def test_a_refused_connection_is_reset() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        target = gone.getsockname()
    for to in (target, None):
        with relay(socket.SOCK_STREAM, to) as address, pytest.raises(ConnectionResetError), socket.socket() as client:
            client.settimeout(60)
            client.connect(address)  # it may come before this has returned
            client.recv(1)


def test_a_reset_passes_through(server: socket.socket) -> None:
    with relay(socket.SOCK_STREAM, server.getsockname()) as address, socket.create_connection(address, timeout=60) as client:
        behind, _ = server.accept()
        behind.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        behind.close()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_datagrams_find_their_senders() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(60)
        with relay(socket.SOCK_DGRAM, server.getsockname()) as address, contextlib.ExitStack() as stack:
            clients = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(50)]
            for number, client in enumerate(clients):
                client.settimeout(60)
                client.sendto(b"%d" % number, address)
            for _ in clients:
                data, sender = server.recvfrom(100)
                server.sendto(data * 2, sender)
            assert [client.recv(100) for client in clients] == [b"%d%d" % (number, number) for number in range(50)]
