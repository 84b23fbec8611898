"""Security modules as create, inspect and info see them. See :mod:`engine.runtime.confinement` for what is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from engine.backends.embedded.core import Core
from engine.errors import EngineFault
from engine.linux import apparmor, labels, selinux
from engine.model.containers import HostConfig
from engine.model.value import Value
from engine.runtime import confinement
from engine.runtime.host import HostFacts
from engine.store.containers import ContainerRecord
from engine.supervisor.specs import load_spec


class Shown(Value):
    """What inspect tells of a container: its AppArmor profile, and the SELinux contexts of its processes and files."""

    profile: str = ""
    process: str = ""
    mount: str = ""


def level(core: Core, facts: HostFacts) -> str:
    """An SELinux level for one more container, ``""`` where SELinux is not to be had."""
    if not facts.contexts.process:
        return ""
    return selinux.fresh_level({selinux.split(shown.mount).get("level", "") for shown in _others(core)})


def _others(core: Core) -> Iterator[Shown]:
    for record in core.containers.all():
        yield of(core, record)


def joined(core: Core, host: HostConfig, facts: HostFacts) -> str:
    """The process context of the container whose shared memory or processes ``host`` joins, ``""`` where there is none."""
    if not facts.contexts.process:
        return ""
    modes = (host.ipc_mode, host.pid_mode)
    name = next((mode.removeprefix("container:") for mode in modes if mode.startswith("container:")), "")
    return of(core, core.containers.get(name)).process if name else ""


def of(core: Core, record: ContainerRecord) -> Shown:
    """The labels of a container, as its configuration has them."""
    asked = (confinement.options_of(record.host_config.security_opt, "apparmor") or [""])[-1]
    if not labels.apparmor() and not labels.selinux():  # spares the file
        return Shown(profile=asked)
    try:
        spec = load_spec(core.roots, record.id)
    except EngineFault:
        return Shown(profile=asked)
    process = spec["process"]
    return Shown(
        profile=process.get("apparmorProfile") or asked,
        process=process.get("selinuxLabel") or "",
        mount=spec["linux"].get("mountLabel") or "",
    )


def ignored(host: HostConfig) -> list[str]:
    """A warning for each wish that needs a security module which this machine has not."""
    profile = (confinement.options_of(host.security_opt, "apparmor") or [""])[-1]
    wishes = [option for option in confinement.options_of(host.security_opt, "label") if option != "disable"]
    found = []
    if profile not in ("", apparmor.UNCONFINED) and not labels.apparmor():
        found.append(f"AppArmor is not enabled on this machine. Profile {profile} discarded.")
    if wishes and not selinux.contexts().process:
        why = "The SELinux policy of this machine knows no containers" if labels.selinux() else "SELinux is not enabled on this machine"
        found.append(f"{why}. Label {', '.join(wishes)} discarded.")
    return found


def modules() -> list[str]:
    """What info lists among the security options, in docker's notation."""
    return [*(["name=apparmor"] if apparmor.can_load() else []), *(["name=selinux"] if selinux.contexts().process else [])]


def troubles() -> list[str]:
    """Why containers run without a module that this machine has."""
    found = []
    if labels.apparmor() and not apparmor.can_load():
        why = f"{apparmor.KERNEL} is not mounted (securityfs)" if apparmor.parser() else "apparmor_parser is missing (package apparmor)"
        found.append(f"AppArmor is enabled, but no profile can be loaded: {why}; containers run unconfined by it")
    if labels.selinux() and not selinux.contexts().process:
        found.append("SELinux is enabled, but its policy knows no containers: install container-selinux; containers run in our own context")
    return found
