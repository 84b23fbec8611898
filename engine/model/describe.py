"""Docker's words for containers: status, ports, commands. Shared by every front end."""

from __future__ import annotations

import time
from collections.abc import Iterable

from engine.model.containers import Container, ContainerStatus, PortBinding
from engine.model.units import human_duration


def status_text(container: Container, now: float | None = None) -> str:
    """The STATUS column: ``Up 5 minutes (healthy)``, ``Exited (0) 3 hours ago``, ``Created``, …"""
    state = container.state
    current = time.time() if now is None else now
    since_start = human_duration(max(0.0, current - state.started_at))
    since_end = human_duration(max(0.0, current - state.finished_at))
    match state.status:
        case ContainerStatus.RUNNING:
            health = {"": "", "none": "", "starting": " (health: starting)"}.get(state.health, f" ({state.health})")
            return f"Up {since_start}{health}"
        case ContainerStatus.PAUSED:
            return f"Up {since_start} (Paused)"
        case ContainerStatus.RESTARTING:
            return f"Restarting ({state.exit_code}) {since_end} ago"
        case ContainerStatus.REMOVING:
            return "Removal In Progress"
        case ContainerStatus.DEAD:
            return "Dead"
        case ContainerStatus.CREATED:
            return "Created"
        case _:
            return f"Exited ({state.exit_code}) {since_end} ago"


def ports_text(ports: Iterable[PortBinding]) -> str:
    """The PORTS column: ``0.0.0.0:8080->80/tcp, 443/tcp``; runs of ports are joined (``80-82/tcp``)."""
    groups: list[tuple[str, str, list[tuple[int, int]]]] = []
    ordered = sorted(set(ports), key=lambda port: (port.container_port, port.protocol, port.host_ip, port.host_port))
    for port in sorted(ordered, key=lambda port: (port.host_port != 0, port.protocol, port.host_ip)):
        where = port.host_ip or "0.0.0.0"
        place = (f"[{where}]" if ":" in where else where) if port.host_port else ""
        pair = (port.host_port, port.container_port)
        step = 1 if port.host_port else 0
        last = groups[-1] if groups else None
        if last and last[:2] == (place, port.protocol) and last[2][-1] == (pair[0] - step, pair[1] - 1):
            last[2].append(pair)
        else:
            groups.append((place, port.protocol, [pair]))
    texts = []
    for place, protocol, pairs in sorted(groups, key=lambda group: (group[2][0][1], group[1], group[0])):
        inner = _span(pairs[0][1], pairs[-1][1])
        texts.append(f"{place}:{_span(pairs[0][0], pairs[-1][0])}->{inner}/{protocol}" if place else f"{inner}/{protocol}")
    return ", ".join(texts)


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
