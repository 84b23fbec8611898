"""Which subnets a network gets when the person names none: docker's default pools, without what is in use.

Docker skips a candidate that overlaps a route of the host or holds one of its name servers; so do we, which also keeps
two engines on one host apart. IPv6 networks are unique local ones: the 65536 subnets of a /48 whose global id (RFC 4193) each
engine derives for itself. (moby libnetwork/ipamutils)
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator

from engine.errors import Forbidden, InvalidArgument, NotFound
from engine.linux.netlink_route import Route, RouteSocket
from engine.model.networks import Subnet
from engine.store import addresses

_POOLS = (
    *((f"172.{number}.0.0/16", 16) for number in (17, 18, 19)),
    *((f"172.{number}.0.0/14", 16) for number in (20, 24, 28)),
    ("192.168.0.0/16", 20),
)

_NOT_FOR_NETWORKS = (
    ("::/96", "the host itself"),
    ("::ffff:0:0/96", "IPv4 addresses"),
    ("fe80::/10", "single links"),
    ("ff00::/8", "multicast"),
)
_LOCAL, _GLOBAL_ID = 0xFD, (1 << 40) - 1

Span = tuple[int, int]
"""First and last address."""


def candidates() -> Iterator[str]:
    """The IPv4 subnets of the default pools, in docker's order."""
    for pool, length in _POOLS:
        first, last = addresses.bounds(pool)
        for start in range(first, last + 1, 1 << (32 - length)):
            yield f"{addresses.text(start, 4)}/{length}"


def local_candidates(global_id: int) -> Iterator[str]:
    """The /64 networks of the unique local /48 with a 40 bit global id."""
    first = _LOCAL << 120 | (global_id & _GLOBAL_ID) << 80
    for number in range(1 << 16):
        yield f"{addresses.text(first | number << 64, 6)}/64"


def choose(busy: Iterable[Span], subnets: Iterable[str]) -> Subnet:
    """The first of ``subnets`` that overlaps nothing busy, with its first address as gateway.

    Raises:
        NotFound: every subnet is in use, in docker's words.
    """
    spans = tuple(busy)
    for candidate in subnets:
        span = addresses.bounds(candidate)
        if not any(overlaps(span, other) for other in spans):
            return Subnet(subnet=candidate, gateway=addresses.text(span[0] + 1, addresses.version(candidate)))
    raise NotFound("all predefined address pools have been fully subnetted", hint="name a subnet, or remove networks that are not used")


def check(wanted: Subnet, others: Iterable[Span]) -> Subnet:
    """A person's subnet, validated, in its shortest form and with a gateway. ``others`` are those of its family.

    Raises:
        InvalidArgument: it is no CIDR, or its gateway, its range or an address of others lies outside.
        Forbidden: it overlaps another network's, or an address is there twice.
    """
    first, last = addresses.bounds(wanted.subnet)
    family, length = addresses.version(wanted.subnet), addresses.prefix_length(wanted.subnet)
    if addresses.number(wanted.subnet.partition("/")[0]) != first:
        raise InvalidArgument(f"invalid subnet {wanted.subnet}: it should be {addresses.text(first, family)}/{length}")
    if last - first < 3:
        raise InvalidArgument(f"invalid subnet {wanted.subnet}: it has no room for containers")
    if family == 6:
        _check_kind(wanted.subnet, (first, last))
    gateway = addresses.plain(wanted.gateway) or addresses.text(first + 1, family)
    if addresses.version(gateway) != family or not first < addresses.number(gateway) < last:
        raise InvalidArgument(f"no matching subnet for gateway {gateway}")
    if wanted.ip_range:
        low, high = addresses.bounds(wanted.ip_range)
        if addresses.version(wanted.ip_range) != family or not first <= low <= high <= last:
            raise InvalidArgument(f"no matching subnet for range {wanted.ip_range}")
    auxiliary = {name: addresses.plain(address) for name, address in wanted.auxiliary.items()}
    given = {gateway}
    for name, address in auxiliary.items():
        if not address or addresses.version(address) != family or not first <= addresses.number(address) <= last:
            raise InvalidArgument(f"no matching subnet for aux-address {address}")
        if address in given:
            raise Forbidden(f"failed to allocate secondary ip address ({name}:{address}): Address already in use")
        given.add(address)
    if any(overlaps((first, last), other) for other in others):
        raise Forbidden("Pool overlaps with other one on this address space", hint="choose another subnet")
    return wanted.replace(subnet=f"{addresses.text(first, family)}/{length}", gateway=gateway, auxiliary=auxiliary)


def _check_kind(subnet: str, span: Span) -> None:
    """Refuse what no network can have: moby ``validateIPv6Subnet``. Raises InvalidArgument."""
    for prefix, what in _NOT_FOR_NETWORKS:
        if overlaps(span, addresses.bounds(prefix)):
            raise InvalidArgument(f"invalid subnet {subnet}: it overlaps {prefix}, which is for {what}", hint="choose one in fd00::/8")


def from_pool(subnet: Subnet, subnets: Iterable[str]) -> bool:
    """It is just what :func:`choose` would give of ``subnets``, so that nobody is attached to exactly this one."""
    if subnet.ip_range or subnet.auxiliary or subnet.subnet not in subnets:
        return False
    family = addresses.version(subnet.subnet)
    return subnet.gateway == addresses.text(addresses.bounds(subnet.subnet)[0] + 1, family)


def overlaps(one: Span, other: Span) -> bool:
    """They have an address in common."""
    return one[0] <= other[1] and other[0] <= one[1]


def routed(links: RouteSocket, family: int = 4) -> list[Span]:
    """What the host has routes to in a family (4 or 6), but for default routes."""
    routes = links.routes(socket.AF_INET6 if family == 6 else socket.AF_INET)
    return [_span(route) for route in routes if route.prefix_length]


def _span(route: Route) -> Span:
    return addresses.bounds(f"{route.destination}/{route.prefix_length}")


def nameservers(resolv_conf: str, family: int = 4) -> list[Span]:
    """The name servers of a resolv.conf's text that have addresses of a family, as spans of one address."""
    found = []
    for line in resolv_conf.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                number = addresses.number(words[1])
            except InvalidArgument:
                continue
            if addresses.version(words[1]) == family:
                found.append((number, number))
    return found
