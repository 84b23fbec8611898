"""The life of a container's name server: sockets that wait, and a process only while somebody asks.

The two sockets are made inside the container's network namespace and stay there; an nftables rule in the namespace leads port
53 of 127.0.0.11 to them, so that a workload may listen on 0.0.0.0:53 itself. The supervisor keeps and watches them. When
one becomes readable it forks a child that calls :func:`serve`, and watches again when that has left. So names cost a
quiet container no memory, and every question meets the database as it is now.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
from collections.abc import Sequence

from engine.linux import namespaces, nft
from engine.linux import nft_rule as match
from engine.linux.netlink import NetlinkError, inside
from engine.network import files
from engine.network.directory import Directory
from engine.network.resolver import Resolver, Upstream
from engine.store.containers import Containers
from engine.store.database import Database

IDLE = 20.0
"""Seconds without a question after which a serving process leaves."""

_PORT = 53
_TCP, _UDP = 6, 17
_OUTPUT_PRIORITY = -100
_BACKLOG = 32
_SIOCGSKNS = 0x894C


def prepare(namespace: int) -> tuple[int, ...]:
    """Make the sockets (datagrams, listener) in a namespace; nothing where the kernel can not translate addresses there."""
    with inside(namespace):
        datagrams, listener = _bound(socket.SOCK_DGRAM), _bound(socket.SOCK_STREAM)
        try:
            listener.listen(_BACKLOG)
            _redirect(datagrams.getsockname()[1], listener.getsockname()[1])
            return datagrams.detach(), listener.detach()
        except NetlinkError:
            return ()
        finally:
            datagrams.close()
            listener.close()


def serve(database: Database, container_id: str, names: Sequence[int], *, idle: float = IDLE, netns: str = "") -> None:
    """Answer what comes in on the sockets of :func:`prepare` until nobody has asked for ``idle`` seconds.

    The caller's descriptors stay open. With ``netns``, that of an ordinary user's networks, the process stays in it when servers
    are to be asked from the container.

    Raises:
        NotFound: the container is gone.
    """
    record = Containers(database).get(container_id)
    if record.host_config.dns:
        if netns:
            namespaces.enter(netns, namespaces.CLONE_NEWNET)  # there is no way back from the container to the host's
        upstream = Upstream(record.host_config.dns, fcntl.ioctl(names[0], _SIOCGSKNS))
    else:
        upstream = Upstream(files.Resolver(files.host_resolv_conf(stub=True)).servers)
    datagrams, listener = (socket.socket(fileno=os.dup(name)) for name in names)
    resolver = Resolver(datagrams, listener, Directory(database, container_id), upstream)
    try:
        waiting = select.poll()
        waiting.register(resolver.descriptor, select.POLLIN)
        while waiting.poll(idle * 1000):
            resolver.ready()
    finally:
        resolver.close()


def _bound(kind: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, kind)
    try:
        made.setblocking(False)
        made.bind((files.EMBEDDED_RESOLVER, 0))
    except BaseException:
        made.close()
        raise
    return made


def _redirect(datagram_port: int, stream_port: int) -> None:
    """Lead port 53 of the embedded address to our sockets, in the current namespace."""
    batch = nft.Batch("longshore-dns")
    batch.add_table()  # new: a container's namespace is attached once; replacing would cost 8 ms
    batch.add_base_chain("output", "nat", nft.OUTPUT, _OUTPUT_PRIORITY)
    for protocol, port in ((_UDP, datagram_port), (_TCP, stream_port)):
        there = match.destination_in(files.EMBEDDED_RESOLVER, 32)
        batch.add_rule("output", there, match.destination_port(protocol, _PORT), match.dnat_to(files.EMBEDDED_RESOLVER, port))
    with nft.NftSocket() as firewall:
        firewall.apply(batch)
