"""Address arithmetic on numbers, IPv4 and IPv6, without :mod:`ipaddress`, which costs a supervisor 6 ms."""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from engine.errors import Conflict, InvalidArgument
from engine.model.networks import Subnet


def version(address: str) -> int:
    """4 or 6, of an address or a CIDR."""
    return 6 if ":" in address else 4


def number(address: str) -> int:
    """An address as a number. Raises InvalidArgument."""
    try:
        return int.from_bytes(inet_pton(AF_INET6 if ":" in address else AF_INET, address), "big")
    except (OSError, ValueError):
        raise InvalidArgument(f"invalid IP address: {address}") from None


def text(value: int, family: int) -> str:
    """A number as an address of ``family`` 4 or 6."""
    return inet_ntop(AF_INET6, value.to_bytes(16, "big")) if family == 6 else inet_ntop(AF_INET, value.to_bytes(4, "big"))


def plain(address: str) -> str:
    """An address in its shortest form, as the kernel and inspect show it; ``""`` stays. Raises InvalidArgument."""
    return text(number(address), version(address)) if address else ""


def bounds(cidr: str) -> tuple[int, int]:
    """First and last address of a CIDR, as numbers. Raises InvalidArgument."""
    address, slash, prefix = cidr.partition("/")
    bits = 128 if ":" in address else 32
    if not slash or not prefix.isascii() or not prefix.isdigit() or not 0 <= int(prefix) <= bits:
        raise InvalidArgument(f"invalid CIDR address: {cidr}")
    size = 1 << (bits - int(prefix))
    first = number(address) & ~(size - 1)
    return first, first + size - 1


def prefix_length(cidr: str) -> int:
    """The number behind the slash."""
    bounds(cidr)
    return int(cidr.partition("/")[2])


def choose(subnet: Subnet, taken: set[str], wanted: str = "") -> str:
    """``wanted``, or the lowest address of ``subnet`` that may be given out and is not in ``taken``.

    Raises:
        InvalidArgument: ``wanted`` does not lie in the subnet.
        Conflict: it is taken, or nothing is free.
    """
    family = version(subnet.subnet)
    first, last = bounds(subnet.subnet)
    reserved = {first, number(subnet.gateway)} if subnet.gateway else {first, first + 1}
    if family == 4:
        reserved.add(last)
    others = {number(address) for address in subnet.auxiliary.values()}
    if wanted:
        value = number(wanted)
        if version(wanted) != family or not first <= value <= last or value in reserved:
            raise InvalidArgument(f"invalid config for network: IP address {wanted} can not be given out in subnet {subnet.subnet}")
        if text(value, family) in taken or value in others:
            owner = "somebody outside" if value in others else "another container"
            raise Conflict("Address already in use", hint=f"{wanted} belongs to {owner}")
        return text(value, family)
    low, high = bounds(subnet.ip_range) if subnet.ip_range else (first, last)
    used = {number(address) for address in taken if version(address) == family} | reserved | others
    for value in range(low, high + 1):
        if value not in used:
            return text(value, family)
    raise Conflict(f"no available IPv{family} addresses on this network's address pools: {subnet.subnet}")


def mac_for(address: str) -> str:
    """A locally administered MAC address from the last four bytes of an address (docker's ``02:42`` scheme)."""
    tail = (number(address) & 0xFFFFFFFF).to_bytes(4, "big")
    return "02:42:" + ":".join(f"{byte:02x}" for byte in tail)
