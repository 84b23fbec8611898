"""Rows of the containers' list: lazydocker's columns and colours, with memory, age and what is being done now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from rich.style import Style

from engine.model.containers import Container, ContainerStatus, PortBinding
from engine.model.stats import Stats
from tui.presenters.ansi import ink
from tui.presenters.table import Cell, Column, Row
from tui.presenters.text import age, decimal_size, numeric_address, percent, safe, short_size

COLUMNS: Mapping[str, Column] = {
    column.name: column
    for column in (
        Column(name="status", title="STATUS", sort="state"),
        Column(name="name", title="NAME", sort="name", flexible=True, least=12),
        Column(name="host", title="HOST", sort="host", priority=1, most=16),
        Column(name="cpu", title="CPU", sort="cpu", right=True, priority=1),
        Column(name="memory", title="MEM", sort="memory", right=True, priority=2),
        Column(name="age", title="AGE", sort="age", right=True, priority=3),
        Column(name="ports", title="PORTS", sort="ports", priority=4, most=40),
        Column(name="image", title="IMAGE", sort="image", priority=5, most=50),
        Column(name="restarts", title="×", sort="restarts", right=True, priority=6),
        Column(name="exit", title="EXIT", sort="exit", right=True, priority=7),
        Column(name="health", title="HEALTH", sort="health", priority=7),
        Column(name="project", title="PROJECT", sort="project", priority=7, most=24),
        Column(name="service", title="SERVICE", sort="service", priority=7, most=24),
        Column(name="network", title="NETWORK", sort="network", priority=7, most=30),
        Column(name="address", title="ADDRESS", sort="address", priority=7, most=40),
        Column(name="size", title="SIZE", sort="size", right=True, priority=7),
        Column(name="command", title="COMMAND", sort="command", priority=8, most=50),
        Column(name="id", title="ID", sort="id", priority=8),
    )
}
SHOWN = ("status", "name", "cpu", "memory", "age", "ports", "image", "restarts")
"""The columns, unless the settings say otherwise."""

COLOURS = {
    ContainerStatus.RUNNING: "green",
    ContainerStatus.EXITED: "yellow",
    ContainerStatus.CREATED: "cyan",
    ContainerStatus.PAUSED: "yellow",
    ContainerStatus.RESTARTING: "blue",
    ContainerStatus.REMOVING: "magenta",
    ContainerStatus.DEAD: "red",
}
ICONS = {
    ContainerStatus.RUNNING: "▶",
    ContainerStatus.EXITED: "⨯",
    ContainerStatus.CREATED: "+",
    ContainerStatus.PAUSED: "◫",
    ContainerStatus.RESTARTING: "⟳",
    ContainerStatus.REMOVING: "−",
    ContainerStatus.DEAD: "!",
}
_RANKS = {ContainerStatus.RUNNING: 1, ContainerStatus.PAUSED: 1, ContainerStatus.EXITED: 2, ContainerStatus.CREATED: 3}
_HEALTH = {"healthy": ("✔", "green"), "unhealthy": ("✘", "red"), "starting": ("…", "yellow")}
_HEALTH_RANKS = {"unhealthy": 0, "starting": 1, "healthy": 2}
PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
NARROW = 34
WIDE = 64


def colour(container: Container) -> str:
    """The ANSI colour of the container's state."""
    state = container.state
    if state.status is ContainerStatus.EXITED and state.exit_code:
        return "red"
    if state.status is ContainerStatus.RUNNING and state.health in ("unhealthy", "starting"):
        return _HEALTH[state.health][1]
    return COLOURS[state.status]


def status_text(container: Container, width: int) -> str:
    """The state in the words that fit a pane of that width: an icon, a word, or docker's long form."""
    state = container.state
    health = _HEALTH.get(state.health, ("", ""))[0] if state.status is ContainerStatus.RUNNING else ""
    if width < NARROW:
        return ICONS[state.status] + health
    if state.status is ContainerStatus.EXITED:
        return f"exited ({state.exit_code})" if width >= WIDE else f"exited {state.exit_code}"
    if health:
        return f"running ({state.health})" if width >= WIDE else f"running {health}"
    return state.status.value


def ports_text(ports: Sequence[PortBinding]) -> str:
    """``80->80/tcp``; the address only where it is not every one."""
    shown = sorted({_port(port) for port in ports})
    return ", ".join(text for _, text in shown)


def _port(port: PortBinding) -> tuple[int, str]:
    inside = f"{port.container_port}/{port.protocol}"
    if not port.host_port:
        return port.container_port, safe(inside)
    address = "" if port.host_ip in ("", "0.0.0.0", "::") else f"{port.host_ip}:"
    return port.container_port, safe(f"{address}{port.host_port}->{inside}")


def image_text(container: Container) -> str:
    """The image as it was asked for, a bare digest shortened."""
    image = container.image.removeprefix("sha256:")
    return safe(image[:12] if image != container.image else image)


def age_text(container: Container, now: float) -> str:
    """Since when it is what it is."""
    state = container.state
    since = state.started_at if state.running else state.finished_at
    return age(now - (since or container.created_at)) if (since or container.created_at) else ""


class _Facts(NamedTuple):
    """What the cells of one row are made of."""

    one: Container
    stats: Stats | None
    pending: str
    width: int
    now: float


def _status_cell(facts: _Facts) -> Cell:
    if facts.pending:
        return (f"{facts.pending}…", ink("cyan"))
    return (status_text(facts.one, facts.width), ink(colour(facts.one)))


def _cpu_cell(facts: _Facts) -> Cell:
    cpu = facts.stats.cpu_percent if facts.stats else 0.0
    heat = "red" if cpu > 90 else "yellow" if cpu > 50 else ""
    return (percent(cpu) if facts.stats else "", ink(heat))


def _exit_cell(facts: _Facts) -> Cell:
    state = facts.one.state
    ended = bool(state.finished_at) and not state.running
    return (str(state.exit_code) if ended else "", ink("red" if state.exit_code else _QUIET))


def _health_cell(facts: _Facts) -> Cell:
    health = facts.one.state.health if facts.one.state.running and facts.one.state.health != "none" else ""
    return (safe(health), ink(_HEALTH.get(health, ("", ""))[1]))


_QUIET = "bright_black"
_CELLS: Mapping[str, Callable[[_Facts], Cell]] = {
    "status": _status_cell,
    "name": lambda facts: (safe(facts.one.name), Style.null() if facts.one.state.running else ink(_QUIET)),
    "host": lambda facts: (safe(facts.one.host), ink("blue")),
    "cpu": _cpu_cell,
    "memory": lambda facts: (short_size(facts.stats.memory_usage) if facts.stats else "", Style.null()),
    "age": lambda facts: (age_text(facts.one, facts.now), ink(_QUIET)),
    "ports": lambda facts: (ports_text(facts.one.ports) if facts.one.state.running else "", ink("yellow")),
    "image": lambda facts: (image_text(facts.one), ink("magenta")),
    "restarts": lambda facts: (f"×{facts.one.state.restart_count}" if facts.one.state.restart_count else "", ink("yellow")),
    "exit": _exit_cell,
    "health": _health_cell,
    "project": lambda facts: (safe(facts.one.labels.get(PROJECT, "")), ink("cyan")),
    "service": lambda facts: (safe(facts.one.labels.get(SERVICE, "")), ink("cyan")),
    "network": lambda facts: (safe(" ".join(end.network for end in facts.one.networks)), ink(_QUIET)),
    "address": lambda facts: (safe(" ".join(end.ip_address for end in facts.one.networks if end.ip_address)), ink(_QUIET)),
    "size": lambda facts: (decimal_size(facts.one.size_rw) if facts.one.size_rw is not None else "", Style.null()),
    "command": lambda facts: (safe(facts.one.command), ink(_QUIET)),
    "id": lambda facts: (facts.one.short_id, ink(_QUIET)),
}


def row(container: Container, stats: Stats | None, pending: str, *, width: int, now: float, columns: Sequence[str] = SHOWN) -> Row:
    """One row.

    Args:
        width: that of the pane, for the form of the status.
        columns: which cells, by name.
    """
    facts = _Facts(container, stats if container.state.running else None, pending, width, now)
    cells = tuple(_CELLS[name](facts) for name in columns)
    return Row(key=container.id, cells=cells, search=search_text(container))


def search_text(container: Container) -> str:
    """What a filter's words are looked for in."""
    labels = " ".join(f"{key}={value}" for key, value in container.labels.items())
    parts = (status_text(container, WIDE), container.name, ports_text(container.ports), container.image, container.id, labels)
    return " ".join(parts).lower()


def arrange(
    containers: Sequence[Container], stats: Callable[[str], Stats | None], *, sort: str, reverse: bool, hide_stopped: bool
) -> list[Container]:
    """The containers to show, in order. Equal ones are ordered by name."""

    def number(container: Container, name: str) -> float:
        sample = stats(container.id)
        return -float(getattr(sample, name)) if sample else 1.0  # behind those that do nothing

    keys: Mapping[str, Callable[[Container], object]] = {
        "state": lambda one: _RANKS.get(one.state.status, 0),
        "name": lambda one: 0,
        "cpu": lambda one: number(one, "cpu_percent"),
        "memory": lambda one: number(one, "memory_usage"),
        "age": lambda one: -one.created_at,
        "image": lambda one: one.image,
        "restarts": lambda one: -one.state.restart_count,
        "exit": lambda one: -one.state.exit_code if not one.state.running else 1,
        "health": lambda one: _HEALTH_RANKS.get(one.state.health if one.state.running else "", 9),
        "ports": lambda one: min((port.host_port or 70000 for port in one.ports), default=80000),
        "project": lambda one: (one.labels.get(PROJECT, "\uffff"), one.labels.get(SERVICE, "")),
        "service": lambda one: (one.labels.get(SERVICE, "\uffff"), one.labels.get(PROJECT, "")),
        "network": lambda one: min((end.network for end in one.networks), default="\uffff"),
        "address": lambda one: min((numeric_address(end.ip_address) for end in one.networks if end.ip_address), default=(9,)),
        "size": lambda one: -(one.size_rw or 0),
        "host": lambda one: one.host,
        "command": lambda one: one.command,
        "id": lambda one: one.id,
    }
    key = keys[sort]
    alive = (ContainerStatus.EXITED, ContainerStatus.CREATED, ContainerStatus.DEAD)
    shown = [one for one in containers if not (hide_stopped and one.state.status in alive)]
    return sorted(shown, key=lambda one: (key(one), one.name), reverse=reverse)
