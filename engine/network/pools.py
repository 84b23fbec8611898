"""Which subnet a network gets when the person names none: docker's default pools, without what is in use.

Docker skips a candidate that overlaps a route of the host or holds one of its name servers; so do we, which also keeps
two engines on one host apart. (moby libnetwork/ipamutils)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.errors import Conflict, InvalidArgument, NotFound
from engine.linux.netlink_route import Route, RouteSocket
from engine.model.networks import Subnet
from engine.store import addresses

_POOLS = (
    *((f"172.{number}.0.0/16", 16) for number in (17, 18, 19)),
    *((f"172.{number}.0.0/14", 16) for number in (20, 24, 28)),
    ("192.168.0.0/16", 20),
)

Span = tuple[int, int]


def candidates() -> Iterator[str]:
    """The subnets of the default pools, in docker's order."""
    for pool, length in _POOLS:
        first, last = addresses.bounds(pool)
        for start in range(first, last + 1, 1 << (32 - length)):
            yield f"{addresses.text(start, 4)}/{length}"


def choose(busy: Iterable[Span]) -> Subnet:
    """The first subnet that overlaps nothing busy, with its first address as gateway.

    Raises:
        NotFound: every subnet is in use, in docker's words.
    """
    spans = tuple(busy)
    for candidate in candidates():
        span = addresses.bounds(candidate)
        if not any(overlaps(span, other) for other in spans):
            return Subnet(subnet=candidate, gateway=addresses.text(span[0] + 1, 4))
    raise NotFound("all predefined address pools have been fully subnetted", hint="name a subnet, or remove networks that are not used")


def check(wanted: Subnet, others: Iterable[Span]) -> Subnet:
    """A person's subnet, validated and with a gateway.

    Raises:
        InvalidArgument: it is no IPv4 CIDR, or its gateway or range lies outside.
        Conflict: it overlaps another network's.
    """
    if addresses.version(wanted.subnet) != 4:
        raise InvalidArgument(f"invalid subnet {wanted.subnet}: only IPv4 subnets are supported")
    first, last = addresses.bounds(wanted.subnet)
    if addresses.text(first, 4) != wanted.subnet.partition("/")[0]:
        length = addresses.prefix_length(wanted.subnet)
        raise InvalidArgument(f"invalid subnet {wanted.subnet}: it should be {addresses.text(first, 4)}/{length}")
    if last - first < 3:
        raise InvalidArgument(f"invalid subnet {wanted.subnet}: it has no room for containers")
    gateway = wanted.gateway or addresses.text(first + 1, 4)
    if not first < addresses.number(gateway) < last:
        raise InvalidArgument(f"no matching subnet for gateway {gateway}")
    if wanted.ip_range:
        low, high = addresses.bounds(wanted.ip_range)
        if not first <= low <= high <= last:
            raise InvalidArgument(f"no matching subnet for range {wanted.ip_range}")
    if any(overlaps((first, last), other) for other in others):
        raise Conflict("Pool overlaps with other one on this address space", hint="choose another subnet")
    return wanted.replace(gateway=gateway)


def from_pools(subnet: Subnet) -> bool:
    """It is just what :func:`choose` would give, so that nobody is attached to exactly this one."""
    if subnet.ip_range or subnet.subnet not in candidates():
        return False
    return subnet.gateway == addresses.text(addresses.bounds(subnet.subnet)[0] + 1, 4)


def overlaps(one: Span, other: Span) -> bool:
    """They have an address in common."""
    return one[0] <= other[1] and other[0] <= one[1]


def routed(links: RouteSocket) -> list[Span]:
    """What the host has routes to, but for default routes."""
    return [_span(route) for route in links.routes() if route.prefix_length]


def _span(route: Route) -> Span:
    return addresses.bounds(f"{route.destination}/{route.prefix_length}")


def nameservers(resolv_conf: str) -> list[Span]:
    """The IPv4 name servers of a resolv.conf's text, as spans of one address."""
    found = []
    for line in resolv_conf.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                number = addresses.number(words[1])
            except InvalidArgument:
                continue
            if addresses.version(words[1]) == 4:
                found.append((number, number))
    return found
