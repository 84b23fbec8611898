"""``--publish``: ``[[IP:]HOST_PORT:]CONTAINER_PORT[/PROTOCOL]``, with ranges."""

from __future__ import annotations

from engine.cli.flags import FlagError
from engine.model.containers import PortBinding


def parse_publish(text: str) -> list[PortBinding]:
    """One binding a port.

    Raises:
        FlagError: in docker's words.
    """
    left, slash, protocol = text.partition("/")
    protocol = protocol.lower() if slash else "tcp"
    if protocol not in ("tcp", "udp", "sctp"):
        raise _bad(text, f"invalid proto: {protocol}")
    ip, host, inner = _split(left)
    if ip and not _is_address(ip):
        raise _bad(text, f"invalid IP address: {ip}")
    if not inner:
        raise _bad(text, f"no port specified: {text}<empty>")
    first, last = _range(text, inner, "containerPort")
    if not host:
        return [PortBinding(container_port=port, protocol=protocol, host_ip=ip) for port in range(first, last + 1)]
    host_first, host_last = _range(text, host, "hostPort")
    if host_last - host_first != last - first:
        if first != last:
            raise _bad(text, f"invalid ranges specified for container and host Ports: {inner} and {host}")
        return [PortBinding(container_port=first, protocol=protocol, host_ip=ip, host_port=host_first, host_last=host_last)]
    return [
        PortBinding(container_port=first + step, protocol=protocol, host_ip=ip, host_port=host_first + step)
        for step in range(last - first + 1)
    ]


def _split(text: str) -> tuple[str, str, str]:
    if text.startswith("["):
        ip, _, rest = text[1:].partition("]")
        host, _, inner = rest.removeprefix(":").rpartition(":")
        return ip, host, inner
    ip_host, _, inner = text.rpartition(":")
    ip, _, host = ip_host.rpartition(":")
    return ip, host, inner


def _is_address(text: str) -> bool:
    import socket

    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except OSError:
        return False
    return True


def _range(text: str, ports: str, name: str) -> tuple[int, int]:
    first, dash, last = ports.partition("-")
    if not first.isdigit() or (dash and not last.isdigit()):
        raise _bad(text, f"invalid {name}: {ports}")
    low, high = int(first), int(last or first)
    if not 0 <= low <= high <= 65535:
        raise _bad(text, f"invalid {name}: {ports}")
    return low, high


def _bad(text: str, why: str) -> FlagError:
    return FlagError(f'invalid argument "{text}" for "-p, --publish" flag: {why}')
