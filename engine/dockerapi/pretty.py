"""``inspect --pretty`` of services, nodes, configs and secrets: documents as docker lays them out for people.

What is aligned with tabs and what with blanks, and where a line ends in a blank, is docker's, so that outputs compare equal.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Iterator, Mapping
from typing import Any

from engine.dockerapi import times
from engine.model.health import go_duration
from engine.model.units import bytes_size, human_duration

Item = Mapping[str, Any]
_NANO = 1_000_000_000


def service(item: Item, networks: Mapping[str, str]) -> str:
    """A service; ``networks`` has names by id."""
    spec = _at(item, "Spec")
    task = _at(spec, "TaskTemplate")
    lines = ["", f"ID:\t\t{item.get('ID', '')}", f"Name:\t\t{spec.get('Name', '')}", *_labels(spec.get("Labels"), " ")]
    lines += [*_mode(_at(spec, "Mode")), *_update_status(_at(item, "UpdateStatus")), *_placement(_at(task, "Placement"))]
    for name, word in (("UpdateConfig", "Update"), ("RollbackConfig", "Rollback")):
        if name in spec:
            lines += [f"{name}:", *_rollout(_at(spec, name), word)]
    lines += _container(_at(task, "ContainerSpec"))
    if isinstance(task.get("LogDriver"), Mapping):
        lines += _log_driver(_at(task, "LogDriver"))
    lines += _resources(task)
    if names := [networks.get(one.get("Target", ""), one.get("Target", "")) for one in task.get("Networks") or ()]:
        lines.append(f"Networks: {' '.join(names)} ")
    lines.append(f"Endpoint Mode:\t{_at(spec, 'EndpointSpec').get('Mode', '')}")
    lines += _ports(_at(item, "Endpoint").get("Ports") or ())
    health = _at(task, "ContainerSpec").get("Healthcheck")
    return "\n".join([*lines, *(_health(health) if isinstance(health, Mapping) else ()), ""])


def node(item: Item) -> str:
    """A node."""
    spec, about, status = _at(item, "Spec"), _at(item, "Description"), _at(item, "Status")
    manager, engine, resources = _at(item, "ManagerStatus"), _at(about, "Engine"), _at(about, "Resources")
    platform, tls = _at(about, "Platform"), _at(about, "TLSInfo")
    memory = resources.get("MemoryBytes") or 0
    lines = [
        f"ID:\t\t\t{item.get('ID', '')}",
        *([f"Name:\t\t\t{spec['Name']}"] if spec.get("Name") else []),
        *_labels(spec.get("Labels"), " - "),
        f"Hostname:              \t{about.get('Hostname', '')}",
        f"Joined at:             \t{_moment(item.get('CreatedAt'))}",
        "Status:",
        f" State:\t\t\t{_capital(status.get('State'))}",
        *([f" Message:              \t{_capital(status['Message'])}"] if status.get("Message") else []),
        f" Availability:         \t{_capital(spec.get('Availability'))}",
        *([f" Address:\t\t{status['Addr']}"] if status.get("Addr") else []),
    ]
    if manager:
        lines += ["Manager Status:", f" Address:\t\t{manager.get('Addr', '')}", f" Raft Status:\t\t{_capital(manager.get('Reachability'))}"]
        lines.append(f" Leader:\t\t{'Yes' if manager.get('Leader') else 'No'}")
    lines += ["Platform:", f" Operating System:\t{platform.get('OS', '')}", f" Architecture:\t\t{platform.get('Architecture', '')}"]
    lines += [
        "Resources:",
        f" CPUs:\t\t\t{int(resources.get('NanoCPUs') or 0) // _NANO}",
        f" Memory:\t\t{bytes_size(memory) if memory else ''}",
    ]
    plugins: dict[str, list[str]] = {}
    for plugin in engine.get("Plugins") or ():
        plugins.setdefault(plugin.get("Type", ""), []).append(plugin.get("Name", ""))
    if plugins:
        lines += ["Plugins:", *(f" {kind}:\t\t{', '.join(names)}" for kind, names in sorted(plugins.items()))]
    lines += [f"Engine Version:\t\t{engine.get('EngineVersion', '')}", *_labels(engine.get("Labels"), " - ", "Engine Labels:")]
    if tls:
        lines += ["TLS Info:", " TrustRoot:", str(tls.get("TrustRoot", "")), f" Issuer Subject:\t{tls.get('CertIssuerSubject', '')}"]
        lines.append(f" Issuer Public Key:\t{tls.get('CertIssuerPublicKey', '')}")
    return "\n".join(lines)


def config(item: Item) -> str:
    """A config, with what is in it."""
    spec = _at(item, "Spec")
    try:
        data = base64.b64decode(spec.get("Data") or "").decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        data = ""
    lines = [f"ID:\t\t\t{item.get('ID', '')}", f"Name:\t\t\t{spec.get('Name', '')}", *_labels(spec.get("Labels"), " - ")]
    lines += [f"Created at:            \t{_moment(item.get('CreatedAt'))}", f"Updated at:            \t{_moment(item.get('UpdatedAt'))}"]
    return "\n".join([*lines, "Data:", data])


def secret(item: Item) -> str:
    """A secret, without what is in it, which no engine tells."""
    spec = _at(item, "Spec")
    lines = [f"ID:              {item.get('ID', '')}", f"Name:              {spec.get('Name', '')}", *_labels(spec.get("Labels"), " - ")]
    lines.append(f"Driver:            {_at(spec, 'Driver').get('Name', '')}")
    lines += [f"Created at:        {_moment(item.get('CreatedAt'))}", f"Updated at:        {_moment(item.get('UpdatedAt'))}"]
    return "\n".join(lines)


def _at(item: Item, key: str) -> Item:
    found = item.get(key)
    return found if isinstance(found, Mapping) else {}


def _labels(labels: Any, indent: str, title: str = "Labels:") -> list[str]:
    pairs = sorted(labels.items()) if isinstance(labels, Mapping) else []
    return [title, *(f"{indent}{key}={value}" if value else f"{indent}{key}" for key, value in pairs)] if pairs else []


def _mode(mode: Item) -> Iterator[str]:
    if "Global" in mode:
        yield "Service Mode:\tGlobal"
    elif "Replicated" in mode:
        yield "Service Mode:\tReplicated"
        if (count := _at(mode, "Replicated").get("Replicas")) is not None:
            yield f" Replicas:\t{count}"
    else:
        yield "Service Mode:"


def _update_status(status: Item) -> Iterator[str]:
    if not status.get("State"):
        return
    yield "UpdateStatus:"
    yield f" State:\t\t{status['State']}"
    if status.get("StartedAt"):
        yield f" Started:\t{_ago(status['StartedAt'])}"
    if status["State"] == "completed" and status.get("CompletedAt"):
        yield f" Completed:\t{_ago(status['CompletedAt'])}"
    yield f" Message:\t{status.get('Message', '')}"


def _placement(placement: Item) -> Iterator[str]:
    yield "Placement:"
    if constraints := placement.get("Constraints"):
        yield f" Constraints:\t[{' '.join(constraints)}]"
    spread = [_at(one, "Spread").get("SpreadDescriptor", "") for one in placement.get("Preferences") or () if "Spread" in one]
    if spread:
        yield f" Preferences:   [{' '.join(f'spread={by}' for by in spread)}]"
    if most := placement.get("MaxReplicas"):
        yield f" Max Replicas Per Node:   {most}"


def _rollout(config: Item, word: str) -> Iterator[str]:
    yield f" Parallelism:\t{config.get('Parallelism', 0)}"
    if delay := config.get("Delay"):
        yield f" Delay:\t\t{_duration(delay)}"
    yield f" On failure:\t{config.get('FailureAction', '')}"
    if monitor := config.get("Monitor"):
        yield f" Monitoring Period: {_duration(monitor)}"
    yield f" Max failure ratio: {config.get('MaxFailureRatio') or 0:g}"
    yield f" {f'{word} order:':<19}{config.get('Order', '')}"


def _container(container: Item) -> Iterator[str]:
    yield "ContainerSpec:"
    yield f" Image:\t\t{container.get('Image', '')}"
    for key in ("Args", "Env"):
        if words := container.get(key):
            yield f" {key}:\t\t" + "".join(f"{word} " for word in words)
    if directory := container.get("Dir"):
        yield f" Dir:\t\t{directory}"
    if (init := container.get("Init")) is not None:
        yield f" Init:\t\t{str(init).lower()}"
    if user := container.get("User"):
        yield f" User: {user}"
    if (added := container.get("CapabilityAdd")) or container.get("CapabilityDrop"):
        yield "Capabilities:"
        if added:
            yield f" Add: {', '.join(added)}"
        if dropped := container.get("CapabilityDrop"):
            yield f" Drop: {', '.join(dropped)}"
    if sysctls := container.get("Sysctls"):
        yield "SysCtls:"
        yield from (f" {key}: {value}" if value else f" {key}" for key, value in sorted(sysctls.items()))
    if limits := container.get("Ulimits"):
        yield "Ulimits:"
        yield from sorted(f" {limit.get('Name', '')}: {limit.get('Soft', 0)}:{limit.get('Hard', 0)}" for limit in limits)
    yield from _files(container)


def _files(container: Item) -> Iterator[str]:
    if mounts := container.get("Mounts"):
        yield "Mounts:"
        for mount in mounts:
            yield f" Target:\t{mount.get('Target', '')}"
            yield f"  Source:\t{mount.get('Source', '')}"
            yield f"  ReadOnly:\t{str(bool(mount.get('ReadOnly'))).lower()}"
            yield f"  Type:\t\t{mount.get('Type', '')}"
    for title, name in (("Configs", "ConfigName"), ("Secrets", "SecretName")):
        if grants := container.get(title):
            yield f"{title}:"
            for grant in grants:
                yield f" Target:\t{_at(grant, 'File').get('Name', '')}"
                yield f"  Source:\t{grant.get(name, '')}"


def _log_driver(driver: Item) -> Iterator[str]:
    yield "Log Driver:"
    if name := driver.get("Name"):
        yield f" Name:\t\t{name}"
    if options := driver.get("Options"):
        yield " LogOpts:"
        yield from (f"  {key}:       {value}" if value else f"  {key}" for key, value in sorted(options.items()))
    yield ""


def _resources(task: Item) -> Iterator[str]:
    if not isinstance(task.get("Resources"), Mapping):
        return
    resources = _at(task, "Resources")
    yield "Resources:"
    for key in ("Reservations", "Limits"):
        part = _at(resources, key)
        cpus, memory = part.get("NanoCPUs") or 0, part.get("MemoryBytes") or 0
        if cpus or memory or (key == "Limits" and part.get("Pids")):
            yield f" {key}:"
        if cpus:
            yield f"  CPU:\t\t{cpus / _NANO:.10g}"
        if memory:
            yield f"  Memory:\t{bytes_size(memory)}"
    if pids := _at(resources, "Limits").get("Pids"):
        yield f"  PIDs:\t\t{pids}"


def _ports(ports: Any) -> list[str]:
    lines = []
    for port in ports:
        lines += [f" PublishedPort = {port.get('PublishedPort', 0)}", f"  Protocol = {port.get('Protocol', '')}"]
        lines += [f"  TargetPort = {port.get('TargetPort', 0)}", f"  PublishMode = {port.get('PublishMode', '')}"]
    return ["Ports:", *lines[:-1], f"{lines[-1]} "] if lines else []


def _health(check: Item) -> list[str]:
    lines = [" Healthcheck:", f"  Interval = {_duration(check.get('Interval') or 0)}", f"  Retries = {check.get('Retries', 0)}"]
    lines += [f"  StartPeriod =\t{_duration(check.get('StartPeriod') or 0)}", f"  Timeout =\t{_duration(check.get('Timeout') or 0)}"]
    if test := check.get("Test"):
        lines += ["  Tests:", *(f"\t Test = {word}" for word in test)]
        lines[-1] += " "
    return lines


def _capital(text: Any) -> str:
    return text.capitalize() if isinstance(text, str) else ""


def _moment(text: Any) -> str:
    """RFC 3339 as docker prints a time here: ``2026-01-02 03:04:05.6 +0000 utc``."""
    return f"{text.removesuffix('Z').replace('T', ' ')} +0000 utc" if isinstance(text, str) else ""


def _ago(text: str) -> str:
    return f"{human_duration(max(0.0, time.time() - times.seconds(text)))} ago"


def _duration(nanoseconds: int) -> str:
    return go_duration(nanoseconds / _NANO)
