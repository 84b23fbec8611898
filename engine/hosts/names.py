"""From what a person calls a host to its address."""

from __future__ import annotations

from engine.backends.docker import addresses, contexts
from engine.backends.docker.addresses import Address
from engine.errors import NotFound
from engine.hosts import sockets
from engine.hosts.book import Book
from engine.model.hosts import DOCKER, Host


def address_of(name: str) -> Address:
    """An address, or the name of a host that was added, of a docker context, or of a socket that is found.

    Raises:
        InvalidArgument: the address can not be read.
        NotFound: there is nothing of that name.
        CorruptData: the file of added hosts can not be read.
    """
    if "://" in name:
        return addresses.parse(name)
    if name == DOCKER:
        return contexts.load(contexts.current())
    if host := Book().hosts().get(name):
        return _with_tls(host)
    if name in contexts.names():
        return contexts.load(name)
    if found := next((host for host in sockets.found() if host.name == name), None):
        return addresses.parse(found.url)
    raise NotFound(f'context "{name}" does not exist', hint="longshore hosts ls lists the known hosts, longshore hosts add makes one known")


def _with_tls(host: Host) -> Address:
    address = addresses.parse(host.url)
    if not (host.ca or host.certificate or host.key or not host.verify):
        return address
    port = addresses.TLS_PORT if address.port == addresses.PORT and ":" not in host.url.removeprefix("tcp://") else address.port
    return address.replace(tls=True, port=port, verify=host.verify, ca=host.ca, certificate=host.certificate, key=host.key)
