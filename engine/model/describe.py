"""Docker's words for containers: status, ports, commands. Shared by every front end."""

from __future__ import annotations

import time
from collections.abc import Collection

from engine.model.containers import Container, ContainerStatus, PortBinding
from engine.model.units import human_duration


def status_text(container: Container, now: float | None = None) -> str:
    """The STATUS column: ``Up 5 minutes (healthy)``, ``Exited (0) 3 hours ago``, ``Created``, …"""
    state = container.state
    current = time.time() if now is None else now

    def since(moment: float) -> str:
        return human_duration(max(0.0, current - moment))

    match state.status:
        case ContainerStatus.RUNNING:
            health = {"": "", "none": "", "starting": " (health: starting)"}.get(state.health, f" ({state.health})")
            return f"Up {since(state.started_at)}{health}"
        case ContainerStatus.PAUSED:
            return f"Up {since(state.started_at)} (Paused)"
        case ContainerStatus.RESTARTING:
            return f"Restarting ({state.exit_code}) {since(state.finished_at)} ago"
        case ContainerStatus.REMOVING:
            return "Removal In Progress"
        case ContainerStatus.DEAD:
            return "Dead"
        case ContainerStatus.CREATED:
            return "Created"
        case _:
            return f"Exited ({state.exit_code}) {since(state.finished_at)} ago"


def ports_text(ports: Collection[PortBinding]) -> str:
    """The PORTS column: ``443/tcp, 0.0.0.0:8080->80/tcp``; runs of ports are joined (``80-82/tcp``).

    As docker's formatter has it: unpublished ports and those published under their own number are joined where they follow
    each other and come first, ports published under another number stand alone at the end.
    """
    if not ports:
        return ""
    ordered = sorted(set(ports), key=lambda port: (port.container_port, port.host_ip, port.host_port, port.protocol))
    groups: dict[tuple[str, str], list[int]] = {}
    joined: list[str] = []
    single: list[str] = []
    for port in ordered:
        place = _address(port.host_ip) if port.host_port else ""
        if place and port.host_port != port.container_port:
            single.append(f"{place}:{port.host_port}->{port.container_port}/{port.protocol}")
            continue
        run = groups.setdefault((place, port.protocol), [])
        if run and port.container_port != run[-1] + 1:
            joined.append(_span(place, port.protocol, run))
            run.clear()
        run.append(port.container_port)
    joined.extend(_span(place, protocol, run) for (place, protocol), run in groups.items())
    return ", ".join((*joined, *single))


def _address(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip or "0.0.0.0"


def _span(place: str, protocol: str, run: list[int]) -> str:
    text = str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}"
    return f"{place}:{text}->{text}/{protocol}" if place else f"{text}/{protocol}"
