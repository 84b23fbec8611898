"""Parts of a service's containers and of their placement that are seldom changed: capabilities, names, limits, checks of their health."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from engine.dockerapi.create import encode_healthcheck
from engine.dockerapi.swarm import section_of
from engine.errors import InvalidArgument
from engine.model.services import ServiceChange


def merge_generic(task: dict[str, Any], change: ServiceChange) -> None:
    """Change what a task reserves beside processors and memory.

    Raises:
        InvalidArgument: one is to be taken away that is not there (docker's words).
    """
    if not (change.generic_resources or change.remove_generic_resources):
        return
    reserved = section_of(task, "Resources", "Reservations")
    kinds = {_kind(one): one for one in reserved.get("GenericResources") or ()}
    for kind in change.remove_generic_resources:
        if kind not in kinds:
            raise InvalidArgument(f"could not find generic-resource `{kind}` to remove it")
        del kinds[kind]
    for kind, count in change.generic_resources.items():
        kinds[kind] = {"DiscreteResourceSpec": {"Kind": kind, "Value": count}}
    reserved["GenericResources"] = list(kinds.values())


def _kind(resource: Mapping[str, Any]) -> str:
    return str((resource.get("DiscreteResourceSpec") or resource.get("NamedResourceSpec") or {}).get("Kind"))


def merge_credentials(container: dict[str, Any], change: ServiceChange, ids: Mapping[str, str]) -> None:
    """Change the credential spec. One in a config is named among the service's configs too, so that its nodes get it."""
    if change.credential_spec is None:
        return
    scheme, _, name = change.credential_spec.partition("://")
    privileges = section_of(container, "Privileges")
    before = (privileges.get("CredentialSpec") or {}).get("Config")
    kept = [one for one in container.get("Configs") or () if not ("Runtime" in one and one.get("ConfigID") == before)]
    if scheme == "config":
        privileges["CredentialSpec"] = {"Config": ids[name]}
        kept.append({"ConfigID": ids[name], "ConfigName": name, "Runtime": {}})
    else:
        privileges["CredentialSpec"] = {{"file": "File", "registry": "Registry"}[scheme]: name} if scheme else None
    if kept or container.get("Configs"):
        container["Configs"] = kept


def merge_container(container: dict[str, Any], change: ServiceChange) -> None:
    """Change a ``ContainerSpec``."""
    _merge_capabilities(container, change)
    for field, added, removed in (
        ("Nameservers", change.dns, change.remove_dns),
        ("Options", change.dns_options, change.remove_dns_options),
        ("Search", change.dns_search, change.remove_dns_search),
    ):
        if added or removed:
            merge_list(section_of(container, "DNSConfig"), field, added, removed, key=str)
    merge_list(container, "Groups", change.groups, change.remove_groups, key=str)
    merge_list(container, "Hosts", change.hosts, change.remove_hosts, key=_host)
    set_pairs(container, "Sysctls", change.sysctls, change.remove_sysctls)
    limits = [{"Name": limit.name, "Soft": limit.soft, "Hard": limit.hard} for limit in change.ulimits]
    merge_list(container, "Ulimits", limits, change.remove_ulimits, key=lambda limit: str(limit.get("Name")))
    if change.healthcheck is not None:
        asked = encode_healthcheck(change.healthcheck)
        known = section_of(container, "Healthcheck")
        if change.healthcheck.test == ("NONE",) or known.get("Test") == ["NONE"]:
            known.clear()
        known.update(asked)


def _merge_capabilities(container: dict[str, Any], change: ServiceChange) -> None:
    """What was dropped and is to be added is no more dropped, and that is all, as with docker; and the other way round."""
    before = {field: list(container.get(field) or ()) for field in ("CapabilityAdd", "CapabilityDrop")}
    for field, opposite, wanted in (
        ("CapabilityAdd", "CapabilityDrop", change.cap_add),
        ("CapabilityDrop", "CapabilityAdd", change.cap_drop),
    ):
        names = [name if name.startswith("CAP_") or name == "ALL" else f"CAP_{name}" for name in map(str.upper, wanted)]
        merge_list(container, opposite, (), [name for name in names if name in before[opposite]], key=str)
        merge_list(container, field, [name for name in names if name not in before[opposite]], (), key=str)


def merge_placement(placement: dict[str, Any], change: ServiceChange) -> None:
    """Change a ``Placement``."""
    spread = [{"Spread": {"SpreadDescriptor": by}} for by in change.spread]
    merge_list(placement, "Preferences", spread, change.remove_spread, key=_spread_by)


def merge_list(where: dict[str, Any], field: str, added: Sequence[Any], removed: Iterable[str], *, key: Callable[[Any], str]) -> None:
    """Take away what has a key that is to go or that comes anew, then add; what stays keeps its place."""
    gone = {*removed, *map(key, added)}
    if gone:
        where[field] = [item for item in where.get(field) or () if key(item) not in gone] + list(added)


def set_pairs(where: dict[str, Any], field: str, added: Mapping[str, str], removed: Iterable[str]) -> None:
    """Take some names away, then set others."""
    for name in removed:
        section_of(where, field).pop(name, None)
    if added:
        section_of(where, field).update(added)


def _spread_by(preference: dict[str, Any]) -> str:
    return str((preference.get("Spread") or {}).get("SpreadDescriptor"))


def _host(line: str) -> str:
    """``ADDRESS NAME`` as the command line spells it: ``NAME:ADDRESS``."""
    address, _, name = line.partition(" ")
    return f"{name}:{address}" if name else line
