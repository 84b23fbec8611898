"""Links: what a container alone calls others, asked for as ``TARGET[:ALIAS]`` (docker's ``--link``).

docker writes a link in the default network into ``/etc/hosts`` and in others into its name server. Here it is a name that the
embedded name server answers to that container only, in every network and afresh at each question, so that a target that was started
again is found at its new address. docker's environment variables of links (``DB_PORT_5432_TCP_ADDR``) are not set.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.errors import InvalidArgument, NotFound
from engine.model.containers import HostConfig
from engine.store.containers import Containers


def targets(links: Iterable[str]) -> dict[str, str]:
    """The container that each alias, in lower case, stands for."""
    parted = (link.partition(":") for link in links)
    return {(alias or target).removeprefix("/").lower(): target for target, _, alias in parted}


def check(host: HostConfig, containers: Containers) -> None:
    """What create refuses.

    Raises:
        InvalidArgument: there is no such container, or its network is not a bridge's, in docker's words.
    """
    if not host.links:
        return
    if host.network_mode in ("host", "none") or host.network_mode.startswith("container:"):
        mode = host.network_mode.partition(":")[0]
        raise InvalidArgument(f"conflicting options: {mode} type networking can't be used with links")
    for link in host.links:
        target, colon, alias = link.partition(":")
        if not target or (colon and not alias) or ":" in alias:
            raise InvalidArgument(f"bad format for links: {link}")
        try:
            containers.resolve(target)
        except NotFound as error:
            raise InvalidArgument(f"could not get container for {target}: {error.message}") from None
