"""Rows of the containers' list: lazydocker's columns and colours, with memory, age and what is being done now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.style import Style

from engine.model.containers import Container, ContainerStatus, PortBinding
from engine.model.stats import Stats
from tui.presenters.ansi import ink
from tui.presenters.table import Column, Row
from tui.presenters.text import age, percent, safe, short_size

SORTS = ("state", "name", "cpu", "memory", "age", "image")

COLUMNS = (
    Column(title="STATUS"),
    Column(title="NAME", flexible=True, least=12),
    Column(title="CPU", right=True, priority=1),
    Column(title="MEM", right=True, priority=2),
    Column(title="AGE", right=True, priority=3),
    Column(title="PORTS", priority=4, most=40),
    Column(title="IMAGE", priority=5, most=50),
    Column(title="×", right=True, priority=6),
)

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


def row(container: Container, stats: Stats | None, pending: str, *, width: int, now: float) -> Row:
    """One row. ``width`` is that of the pane, for the form of the status."""
    running = container.state.running
    status = (f"{pending}…", ink("cyan")) if pending else (status_text(container, width), ink(colour(container)))
    cpu = stats.cpu_percent if stats and running else 0.0
    heat = "red" if cpu > 90 else "yellow" if cpu > 50 else ""
    quiet = ink("bright_black")
    restarts = container.state.restart_count
    cells = (
        status,
        (safe(container.name), Style.null() if running else quiet),
        (percent(cpu) if stats and running else "", ink(heat)),
        (short_size(stats.memory_usage) if stats and running else "", Style.null()),
        (age_text(container, now), quiet),
        (ports_text(container.ports) if running else "", ink("yellow")),
        (image_text(container), ink("magenta")),
        (f"×{restarts}" if restarts else "", ink("yellow")),
    )
    labels = " ".join(f"{key}={value}" for key, value in container.labels.items())
    search = " ".join((status_text(container, WIDE), container.name, ports_text(container.ports), container.image, container.id, labels))
    return Row(key=container.id, cells=cells, search=search.lower())


def arrange(
    containers: Sequence[Container], stats: Callable[[str], Stats | None], *, sort: str, reverse: bool, hide_stopped: bool
) -> list[Container]:
    """The containers to show, in order. Equal ones are ordered by name."""

    def number(container: Container, name: str) -> float:
        sample = stats(container.id)
        return -float(getattr(sample, name)) if sample else 0.0

    keys: Mapping[str, Callable[[Container], object]] = {
        "state": lambda one: _RANKS.get(one.state.status, 0),
        "name": lambda one: 0,
        "cpu": lambda one: number(one, "cpu_percent"),
        "memory": lambda one: number(one, "memory_usage"),
        "age": lambda one: -one.created_at,
        "image": lambda one: one.image,
    }
    key = keys[sort]
    alive = (ContainerStatus.EXITED, ContainerStatus.CREATED, ContainerStatus.DEAD)
    shown = [one for one in containers if not (hide_stopped and one.state.status in alive)]
    return sorted(shown, key=lambda one: (key(one), one.name), reverse=reverse)
