"""Published ports: which host ports, and the sockets that hold them.

Traffic is led to the container by nftables; the socket carries none. It is bound (and for TCP usually not listening) so
that every other program is told ``EADDRINUSE``, and so that the kernel chooses ports that are really free.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Sequence

from engine.errors import InvalidArgument, NotSupported, StartFailed
from engine.model.containers import ContainerConfig, HostConfig, PortBinding
from engine.network.rules import protocol_number
from engine.store import addresses

_IPPROTO_SCTP = 132


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

    ``host_ip`` is for bindings that name no address of the host.

    Raises:
        InvalidArgument: a port or protocol is malformed.
    """
    given = (binding.replace(host_ip=binding.host_ip or host_ip) for binding in host.port_bindings)
    asked = dict.fromkeys(map(_checked, given))
    if host.publish_all:
        bound = {(binding.container_port, binding.protocol) for binding in asked}
        free = (binding for binding in exposed(config.exposed_ports) if (binding.container_port, binding.protocol) not in bound)
        asked.update(dict.fromkeys(_checked(binding.replace(host_ip=host_ip)) for binding in free))
    return tuple(asked)


def exposed(texts: Iterable[str]) -> list[PortBinding]:
    """``80``, ``80/tcp`` and ``8000-8010/udp`` as bindings to a port of the kernel's choice. Raises InvalidArgument."""
    found = []
    for text in texts:
        ports, _, protocol = text.partition("/")
        low, _, high = ports.partition("-")
        try:
            span = range(int(low), int(high or low) + 1)
        except ValueError:
            raise InvalidArgument(f"invalid containerPort: {text}") from None
        found += [PortBinding(container_port=port, protocol=protocol or "tcp") for port in span]
    return found


def _checked(binding: PortBinding) -> PortBinding:
    try:
        protocol_number(binding.protocol)
    except KeyError:
        raise InvalidArgument(f"invalid protocol: {binding.protocol}", hint="tcp, udp or sctp") from None
    if not 0 < binding.container_port <= 65535:
        raise InvalidArgument(f"invalid containerPort: {binding.container_port}")
    if not 0 <= binding.host_port <= 65535:
        raise InvalidArgument(f"invalid hostPort: {binding.host_port}")
    if binding.host_ip:
        addresses.number(binding.host_ip)
        if addresses.version(binding.host_ip) == 6:
            raise NotSupported(
                f"publish on {binding.host_ip}: containers have IPv4 addresses only", hint="publish on 0.0.0.0 or on an IPv4 address"
            )
    return binding.replace(host_ip=binding.host_ip or "0.0.0.0")


def hold(bindings: Sequence[PortBinding], container: str) -> Held:
    """Bind a socket for each.

    Raises:
        StartFailed: a port is taken, in docker's words, or its address is not this host's. Nothing stays bound.
    """
    held = Held()
    try:
        for binding in bindings:
            descriptor, port = _bind(binding, container)
            if descriptor >= 0:
                held.descriptors.append(descriptor)
            held.bindings.append(binding.replace(host_port=port))
    except BaseException:
        held.close()
        raise
    return held


def _bind(binding: PortBinding, container: str) -> tuple[int, int]:
    where = (binding.host_ip, binding.host_port)
    try:
        try:
            made = _socket(binding.protocol)
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
                made = _past_time_wait(where)
            port: int = made.getsockname()[1]
            return made.detach(), port
        finally:
            made.close()
    except OSError as error:
        raise _refusal(binding, container, error) from error


def _socket(protocol: str) -> socket.socket:
    if protocol == "sctp":
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM, _IPPROTO_SCTP)
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM)
    if protocol == "udp":
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # nobody reads it
    return made


def _past_time_wait(where: tuple[str, int]) -> socket.socket:
    """Bind where nothing but old connections of an earlier server is left: then listening works too, and holds the port."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(where)
        made.listen(1)
    except BaseException:
        made.close()
        raise
    return made


def _refusal(binding: PortBinding, container: str, error: OSError) -> StartFailed:
    where = f"{binding.host_ip}:{binding.host_port}"
    prefix = f"driver failed programming external connectivity on endpoint {container}: "
    if error.errno == errno.EADDRINUSE:
        hint = f"another container or program uses {binding.protocol} port {binding.host_port}; stop it, or publish another port"
        return StartFailed(f"{prefix}Bind for {where} failed: port is already allocated", hint=hint)
    reason = (error.strerror or str(error)).lower()
    hint = f"{binding.host_ip} is no address of this host" if error.errno == errno.EADDRNOTAVAIL else ""
    return StartFailed(f"{prefix}listen {binding.protocol}4 {where}: bind: {reason}", hint=hint)
