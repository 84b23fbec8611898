"""The networks that ``run`` and ``create`` put a container in: ``--network`` in both its forms, and the flags for the first of them.

Source: docker/cli ``opts/network.go`` and ``cli/command/container/opts.go`` (``parseNetworkOpts``).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence

from engine.cli.flags import FlagError, Options
from engine.errors import InvalidArgument
from engine.model.containers import Endpoint, EndpointOptions

_LONG = re.compile(r"\w+=\w+")
_MAC = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}")
_ONCE = (
    ("aliases", "--network-alias and per-network alias"),
    ("requested_ip", "--ip and per-network IPv4 address"),
    ("requested_ipv6", "--ip6 and per-network IPv6 address"),
    ("mac_address", "--mac-address and per-network MAC address"),
    ("link_local", "--link-local-ip and per-network link-local IP addresses"),
)


def networks(options: Options) -> tuple[Endpoint, ...]:
    """The container's networks, the first one with what the flags ask for; without any it is the engine's default.

    Raises:
        FlagError: a value is malformed.
        InvalidArgument: the flags contradict each other; docker's words.
    """
    texts = (*options.values("network"), *options.values("net"))
    first, *further = [_parsed(text) for text in texts] or [Endpoint(network="default")]
    first = _with_flags(first, options)
    seen: set[str] = set()
    for place in (first, *further):
        if place.network in seen:
            raise InvalidArgument(f'network "{place.network}" is specified multiple times')
        seen.add(place.network)
    if len(set(map(_is_named, seen))) > 1:
        raise InvalidArgument("conflicting options: cannot attach both user-defined and non-user-defined network-modes")
    return (first, *further)


def driver_options(texts: Sequence[str]) -> Mapping[str, str]:
    """``--driver-opt`` of a network. Raises InvalidArgument."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise InvalidArgument("invalid key/value pair format in driver options")
        found[key.strip().lower()] = value.strip()
    return found


def _is_named(mode: str) -> bool:
    """A network that can be one of several."""
    return mode not in ("default", "host", "none") and not mode.startswith("container:")


def _with_flags(place: Endpoint, options: Options) -> Endpoint:
    """The first network, which the flags for addresses are for."""
    given = {
        "aliases": options.values("network-alias"),
        "requested_ip": options.text("ip"),
        "requested_ipv6": options.text("ip6"),
        "mac_address": options.text("mac-address"),
        "link_local": options.values("link-local-ip"),
    }
    for key, both in _ONCE:
        inner = place.options if key in ("mac_address", "link_local") else place
        if given[key] and getattr(inner, key):
            raise InvalidArgument(f"conflicting options: cannot specify both {both}")
    further = {key: given[key] for key in ("mac_address", "link_local") if given[key]}
    plain = {key: value for key, value in given.items() if value and key not in further}
    return place.replace(**plain, options=place.options.replace(**further))


def _parsed(text: str) -> Endpoint:
    """``NETWORK``, or ``name=NETWORK,alias=…,ip=…``, which docker reads in lower case."""
    if not _LONG.search(text):
        return Endpoint(network=text)
    single: dict[str, str] = {}
    several: dict[str, list[str]] = {"alias": [], "link-local-ip": [], "driver-opt": []}
    for field in next(csv.reader([text])):
        key, equals, value = (part.strip() for part in field.lower().partition("="))
        if not equals or not key:
            raise _malformed(text, f"invalid field {field}")
        if key in several:
            several[key].append(value)
        elif key in ("name", "ip", "ip6", "mac-address", "gw-priority"):
            single[key] = value
        else:
            raise _malformed(text, f"invalid field key {key}")
    if not single.get("name"):
        raise _malformed(text, "network name/id is not specified")
    mac, priority = single.get("mac-address", ""), single.get("gw-priority", "0")
    if mac and not _MAC.fullmatch(mac):
        raise _malformed(text, f"{mac} is not a valid mac address")
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", priority):
        raise _malformed(text, f"invalid gw-priority ({priority}): invalid syntax")
    try:
        driver = driver_options(several["driver-opt"])
    except InvalidArgument as error:
        raise _malformed(text, error.message) from None
    return Endpoint(
        network=single["name"],
        aliases=tuple(several["alias"]),
        requested_ip=single.get("ip", ""),
        requested_ipv6=single.get("ip6", ""),
        options=EndpointOptions(mac_address=mac, link_local=tuple(several["link-local-ip"]), gateway_priority=int(priority), driver=driver),
    )


def _malformed(text: str, why: str) -> FlagError:
    return FlagError(f'invalid argument "{text}" for "--network" flag: {why}')
