"""Networks."""

from __future__ import annotations

from collections.abc import Mapping

from engine.model.containers import Endpoint
from engine.model.value import EMPTY, Value


class Subnet(Value):
    """One address pool: a CIDR, its gateway, and the part of it that is given out (``""``: all).

    ``auxiliary`` are addresses of others in it, by name, which no container gets by itself.
    """

    subnet: str
    gateway: str = ""
    ip_range: str = ""
    auxiliary: Mapping[str, str] = EMPTY


class NetworkSpec(Value):
    """What is asked for at create.

    ``subnets`` holds at most one of each family; for a family that is wanted and not named the engine picks one from its pools.
    ``enable_ipv4``, ``scope``, ``ingress``, what ``ipam`` says, and configurations for other networks (``config_only``, ``config_from``)
    are for engines that have them.
    """

    name: str
    driver: str = "bridge"
    internal: bool = False
    attachable: bool = False
    enable_ipv4: bool = True
    enable_ipv6: bool = False
    subnets: tuple[Subnet, ...] = ()
    options: Mapping[str, str] = EMPTY
    labels: Mapping[str, str] = EMPTY
    scope: str = ""
    ingress: bool = False
    ipam_driver: str = "default"
    ipam_options: Mapping[str, str] = EMPTY
    config_only: bool = False
    config_from: str = ""


class NetworkMember(Value):
    """A container in a network."""

    container_id: str
    container_name: str
    endpoint: Endpoint


class Network(Value):
    """A network. ``members`` is filled by inspect only; ``host`` is set where several engines are listed as one."""

    id: str
    name: str
    driver: str = "bridge"
    scope: str = "local"
    created_at: float = 0.0
    internal: bool = False
    attachable: bool = False
    enable_ipv6: bool = False
    subnets: tuple[Subnet, ...] = ()
    options: Mapping[str, str] = EMPTY
    labels: Mapping[str, str] = EMPTY
    members: tuple[NetworkMember, ...] = ()
    host: str = ""
    raw: str = "{}"

    @property
    def short_id(self) -> str:
        """The first 12 hex digits."""
        return self.id[:12]
