"""Published ports: which host ports, and the sockets that hold them.

Traffic is led to the container by nftables; the socket carries none. It is bound (and for TCP usually not listening) so
that every other program is told ``EADDRINUSE``, and so that the kernel chooses ports that are really free.

An IPv6 socket does carry what no rule leads on: everything where the container has no IPv6 address, else connections to ``::1``
and from link-local addresses. It listens, and :mod:`engine.network.proxy` serves it, as it does every socket of an ordinary user's
engine, which has no say in the host's rules. A port that is published without an address
is published on ``0.0.0.0`` and ``[::]``, with the same number, as docker does. (moby ``libnetwork/drivers/bridge/port_mapping_linux.go``)
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterable, Sequence

from engine.errors import InvalidArgument, NotSupported, StartFailed
from engine.linux import open_files
from engine.model.containers import ContainerConfig, HostConfig, PortBinding
from engine.model.units import whole
from engine.network.rules import protocol_number
from engine.store import addresses

_IPPROTO_SCTP = 132
_EVERYWHERE, _EVERYWHERE6 = "0.0.0.0", "::"
_BACKLOG = 4096
_BUFFER = 1 << 20
_ATTEMPTS = 10
_MANY = 64
_HIGHEST = 65535


class Held:
    """Published ports with the descriptors that hold them. ``bindings`` say what was really bound."""

    def __init__(self) -> None:
        self.bindings: list[PortBinding] = []
        self.descriptors: list[int] = []

    def close(self) -> None:
        """Let the ports go. Idempotent."""
        while self.descriptors:
            os.close(self.descriptors.pop())


def wanted(config: ContainerConfig, host: HostConfig, *, host_ip: str = "") -> tuple[PortBinding, ...]:
    """What a container is to publish: its bindings, and with ``publish_all`` the exposed ports that have none.

    ``host_ip`` is for bindings that name no address of the host; ``""`` and ``0.0.0.0`` there mean every one of both families,
    which a binding with ``host_ip`` ``""`` keeps on meaning.

    Raises:
        InvalidArgument: a port or protocol is malformed.
    """
    default = "" if host_ip == _EVERYWHERE else host_ip
    given = (binding.replace(host_ip=binding.host_ip or default) for binding in host.port_bindings)
    asked = dict.fromkeys(map(_checked, given))
    if host.publish_all:
        bound = {(binding.container_port, binding.protocol) for binding in asked}
        free = (binding for binding in exposed(config.exposed_ports) if (binding.container_port, binding.protocol) not in bound)
        asked.update(dict.fromkeys(_checked(binding.replace(host_ip=default)) for binding in free))
    return tuple(asked)


def exposed(texts: Iterable[str]) -> list[PortBinding]:
    """``80``, ``80/tcp`` and ``8000-8010/udp`` as bindings to a port of the kernel's choice. Raises InvalidArgument."""
    found = []
    for text in texts:
        ports, _, protocol = text.partition("/")
        low, _, high = ports.partition("-")
        first, last = whole(low), whole(high or low)
        if not 0 < first <= last <= _HIGHEST:  # before all between them are made: an image may say anything
            raise InvalidArgument(f"invalid containerPort: {text}")
        found += [PortBinding(container_port=port, protocol=protocol or "tcp") for port in range(first, last + 1)]
    return found


def _checked(binding: PortBinding) -> PortBinding:
    try:
        protocol_number(binding.protocol)
    except KeyError:
        raise InvalidArgument(f"invalid protocol: {binding.protocol}", hint="tcp, udp or sctp") from None
    if not 0 < binding.container_port <= _HIGHEST:
        raise InvalidArgument(f"invalid containerPort: {binding.container_port}")
    if not 0 <= binding.host_port <= _HIGHEST or (binding.host_last and not 0 < binding.host_port <= binding.host_last <= _HIGHEST):
        raise InvalidArgument(f"invalid hostPort: {binding.asked or binding.host_last}")
    return binding.replace(host_ip=addresses.plain(binding.host_ip))


def hold(bindings: Sequence[PortBinding], container: str, *, dual: bool = False, carry: bool = False) -> Held:
    """Bind a socket for each address of each; what was bound has addresses and ports.

    When they are many, this process's limit of open files is raised (:mod:`engine.linux.open_files`). Without ``dual`` the container
    has no IPv6 address, and no proxy carries SCTP to it: that is held on IPv4 alone. With ``carry`` no rule leads anything to the
    container, and every socket listens.

    Raises:
        StartFailed: a port is taken, in docker's words, or its address is not this host's. Nothing stays bound.
        NotSupported: SCTP is to be carried.
    """
    held = Held()
    if carry and (stuck := next((binding for binding in bindings if binding.protocol == "sctp"), None)):
        raise NotSupported(f"publish port {stuck.container_port}/sctp of {container}: only root's engine can", hint="use tcp or udp")
    if len(bindings) > _MANY:
        open_files.allow_many()
    both = any(not binding.host_ip for binding in bindings) and ipv6_works()
    try:
        for binding in bindings:
            everywhere = (_EVERYWHERE, _EVERYWHERE6) if both and (dual or binding.protocol != "sctp") else (_EVERYWHERE,)
            made = _bind_first(binding, (binding.host_ip,) if binding.host_ip else everywhere, container, carry=carry)
            held.descriptors += [descriptor for _, descriptor in made if descriptor >= 0]
            held.bindings += [bound for bound, _ in made]
    except BaseException:
        held.close()
        raise
    return held


def ipv6_works() -> bool:
    """This host has IPv6: a socket can be bound to ``::1``."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _bind_first(binding: PortBinding, hosts: Sequence[str], container: str, *, carry: bool) -> list[tuple[PortBinding, int]]:
    """Hold the port, or the first free one of its range, on each of some addresses."""
    for port in range(binding.host_port, binding.host_last):
        with contextlib.suppress(StartFailed):
            return _bind_all(binding.replace(host_port=port, host_last=0), hosts, container, carry=carry)
    return _bind_all(binding.replace(host_port=binding.host_last or binding.host_port, host_last=0), hosts, container, carry=carry)


def _bind_all(binding: PortBinding, hosts: Sequence[str], container: str, *, carry: bool) -> list[tuple[PortBinding, int]]:
    """Hold one port on each of some addresses. One that the kernel chooses for the first may be taken on the next: then another."""
    for attempt in range(_ATTEMPTS):
        made: list[tuple[PortBinding, int]] = []
        port = binding.host_port
        try:
            for address in hosts:
                asked = binding.replace(host_ip=address, host_port=port)
                descriptor, port = _bind(asked, container, carry=carry)
                made.append((asked.replace(host_port=port), descriptor))
            return made
        except StartFailed:
            _close(made)
            if binding.host_port or not made or attempt == _ATTEMPTS - 1:
                raise
        except BaseException:
            _close(made)
            raise
    raise AssertionError


def _close(made: list[tuple[PortBinding, int]]) -> None:
    for _, descriptor in made:
        if descriptor >= 0:
            os.close(descriptor)


def _bind(binding: PortBinding, container: str, *, carry: bool) -> tuple[int, int]:
    where = (binding.host_ip, binding.host_port)
    carry = carry or ":" in binding.host_ip
    try:
        try:
            made = _socket(binding, carry=carry)
        except OSError as error:
            # No SCTP in this kernel's sockets: packets are led to the container all the same.
            if binding.protocol == "sctp" and binding.host_port and error.errno in (errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT):
                return -1, binding.host_port
            raise
        try:
            try:
                made.bind(where)
            except OSError as error:
                if error.errno != errno.EADDRINUSE or binding.protocol != "tcp":
                    raise
                made.close()
                made = _past_time_wait(binding, carry=carry)
            if binding.protocol == "tcp" and carry:
                made.listen(_BACKLOG)
            port: int = made.getsockname()[1]
            return made.detach(), port
        finally:
            made.close()
    except OSError as error:
        raise _refusal(binding, container, error) from error


def _socket(binding: PortBinding, *, carry: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in binding.host_ip else socket.AF_INET
    if binding.protocol == "sctp":
        made = socket.socket(family, socket.SOCK_STREAM, _IPPROTO_SCTP)
    else:
        made = socket.socket(family, socket.SOCK_DGRAM if binding.protocol == "udp" else socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if carry:
        made.setblocking(False)
        if binding.protocol == "tcp":  # it listens, which excludes others too, and leaves connections behind when it goes
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif binding.protocol == "udp":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    elif binding.protocol == "udp":
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # nobody reads it
    return made


def _past_time_wait(binding: PortBinding, *, carry: bool) -> socket.socket:
    """Bind where nothing but old connections of an earlier server is left: then listening works too, and holds the port."""
    made = _socket(binding, carry=carry)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((binding.host_ip, binding.host_port))
        made.listen(1)
    except BaseException:
        made.close()
        raise
    return made


def _refusal(binding: PortBinding, container: str, error: OSError) -> StartFailed:
    where = f"[{binding.host_ip}]:{binding.host_port}" if ":" in binding.host_ip else f"{binding.host_ip}:{binding.host_port}"
    prefix = f"driver failed programming external connectivity on endpoint {container}: "
    if error.errno == errno.EADDRINUSE:
        hint = f"another container or program uses {binding.protocol} port {binding.host_port}; stop it, or publish another port"
        return StartFailed(f"{prefix}Bind for {where} failed: port is already allocated", hint=hint)
    reason = (error.strerror or str(error)).lower()
    hint = f"{binding.host_ip} is no address of this host" if error.errno == errno.EADDRNOTAVAIL else ""
    if error.errno == errno.EACCES:
        hint = f"allow it with `sudo sysctl net.ipv4.ip_unprivileged_port_start={binding.host_port}`, or publish a port from 1024 on"
    return StartFailed(f"{prefix}listen {binding.protocol}{addresses.version(binding.host_ip)} {where}: bind: {reason}", hint=hint)
