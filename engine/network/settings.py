"""``config.toml``: IPv6 on the default bridge, which has none otherwise. dockerd's ``ipv6`` and ``fixed-cidr-v6``.

::

    [network]
    ipv6 = true
    fixed-cidr-v6 = "fd00:1::/64"      # otherwise a unique local subnet of the engine's own

The file is found as :mod:`engine.registry.settings` says. A change takes effect when no container is in the default bridge.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from engine.errors import InvalidArgument
from engine.registry import settings
from engine.store import addresses
from engine.store.networks import NetworkRecord

_TABLE = "network"
_EXAMPLE = 'write [network] with ipv6 = true and, if you like, fixed-cidr-v6 = "fd00:1::/64"'

Wanted = tuple[bool, str]
"""Whether the default bridge shall have IPv6, and its subnet; ``""`` is any."""


def load(path: str = "", environ: Mapping[str, str] | None = None) -> Wanted:
    """What the file ``path``, or the first that exists, says. Raises InvalidArgument when the file is wrong; says where."""
    for each in (path,) if path else settings.candidates(environ):
        try:
            with open(each, "rb") as file:
                data = file.read(settings.MAX_SIZE + 1)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise InvalidArgument(f"configuration file {each}: {os.strerror(error.errno or 0).lower()}") from None
        # Containers are made more often than this table is written, and the parser takes longer to load than the file to read.
        return decode(data, each) if _TABLE.encode() in data else (False, "")
    return False, ""


def decode(data: bytes, path: str) -> Wanted:
    """What the bytes of a file say; ``path`` is for messages. Raises InvalidArgument."""
    table = settings.document(data, path).get(_TABLE, {})
    where = f"configuration file {path}: [{_TABLE}]"
    if not isinstance(table, dict):
        raise InvalidArgument(f"configuration file {path}: {_TABLE} must be a table", hint=_EXAMPLE)
    ipv6, subnet = table.get("ipv6", False), table.get("fixed-cidr-v6", "")
    for key in table:
        if key not in ("ipv6", "fixed-cidr-v6"):
            raise InvalidArgument(f'{where}: unknown key "{key}"', hint=_EXAMPLE)
    if not isinstance(ipv6, bool) or not isinstance(subnet, str):
        raise InvalidArgument(f"{where}: ipv6 must be true or false and fixed-cidr-v6 a subnet", hint=_EXAMPLE)
    if subnet and not ipv6:
        raise InvalidArgument(f"{where}: fixed-cidr-v6 needs ipv6 = true")
    return ipv6, subnet


def follows(bridge: NetworkRecord, wanted: Wanted) -> bool:
    """The default bridge is as ``wanted``."""
    ipv6, subnet = wanted
    own = next((place.subnet for place in bridge.subnets if addresses.version(place.subnet) == 6), "")
    return bridge.enable_ipv6 is ipv6 and (not subnet or (bool(own) and addresses.bounds(subnet) == addresses.bounds(own)))
