"""Containers grouped by compose project and service, as their labels tell, whoever started them. Pure.

The labels are docker compose's (``com.docker.compose.project``, ``…service``, ``…project.working_dir``,
``…project.config_files``) and podman-compose's, which sets the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import takewhile

from rich.style import Style

from engine.model.containers import Container
from engine.model.stats import Stats
from engine.model.value import Value
from tui.presenters.ansi import Styled, ink
from tui.presenters.containers import PROJECT, SERVICE, colour, ports_text, status_text
from tui.presenters.details import facts, section
from tui.presenters.table import Cell, Row
from tui.presenters.text import pad, percent, safe, short_size
from tui.words import mark, tr

PREFIX = "group:"
"""What the key of a heading begins with; no id does."""
STANDALONE = mark("no project")


class Group(Value):
    """A project, or a service of one with several replicas.

    Attributes:
        depth: 0 for a project, 1 for a service.
    """

    key: str
    title: str
    members: tuple[Container, ...]
    depth: int = 0

    @property
    def running(self) -> int:
        """How many of them run."""
        return sum(one.state.running for one in self.members)


def groups_of(containers: Sequence[Container]) -> list[Group]:
    """The projects by name, each followed by its services that have several replicas; those without a project last."""
    projects: dict[str, list[Container]] = {}
    for one in containers:
        projects.setdefault(one.labels.get(PROJECT, ""), []).append(one)
    found: list[Group] = []
    for name in sorted(projects, key=lambda name: (not name, name)):
        found.append(Group(key=f"{PREFIX}{name}", title=name or STANDALONE, members=tuple(projects[name])))
        services: dict[str, list[Container]] = {}
        for one in projects[name] if name else ():
            services.setdefault(one.labels.get(SERVICE, ""), []).append(one)
        for service in sorted(services):
            if len(services[service]) > 1 and service:
                members = tuple(services[service])
                found.append(Group(key=f"{PREFIX}{name}/{service}", title=service, members=members, depth=1))
    return found


def group_rows(
    rows: Sequence[Row], known: Mapping[str, Container], folded: Collection[str], columns: Sequence[str], stats: Mapping[str, Stats]
) -> tuple[list[Row], dict[str, Group]]:
    """Rows with headings above them, and the groups by their keys. The order within a group is that of the rows.

    Args:
        folded: keys of groups whose members are not shown.
        stats: the newest samples, added up in the headings.
    """
    by_key = {row.key: row for row in rows}
    groups = groups_of([known[row.key] for row in rows])
    whole = {group.key: group for group in groups_of(list(known.values()))}
    place = columns.index("name")
    shown: list[Row] = []

    def put(members: Sequence[Container], depth: int) -> None:
        shown.extend(_inset(by_key[one.id], place, 2 * depth) for one in members)

    def head(group: Group) -> bool:
        shut = group.key in folded
        shown.append(_heading(group, whole[group.key], columns, stats, folded=shut))
        return not shut

    for index, group in enumerate(groups):
        if not group.depth and head(group):
            services = list(takewhile(lambda later: later.depth, groups[index + 1 :]))
            replicas = {one.id for service in services for one in service.members}
            put([one for one in group.members if one.id not in replicas], 1)
            for service in services:
                if head(service):
                    put(service.members, 2)
    return shown, {group.key: group for group in groups}


def _inset(row: Row, place: int, cells: int) -> Row:
    text, style = row.cells[place]
    return row.replace(cells=(*row.cells[:place], (" " * cells + text, style), *row.cells[place + 1 :]))


def _heading(group: Group, whole: Group, columns: Sequence[str], stats: Mapping[str, Stats], *, folded: bool) -> Row:
    """``whole`` has the members that a filter hides too: they count."""
    samples = [stats[one.id] for one in group.members if one.id in stats and one.state.running]
    count = f"{whole.running}/{len(whole.members)}"
    tint = ink("green" if whole.running == len(whole.members) else "yellow" if whole.running else "bright_black")
    cells: Mapping[str, Cell] = {
        "status": (count, tint),
        "name": (f"{'  ' * group.depth}{'▸' if folded else '▾'} {safe(group.title)}", ink("", bold=True)),
        "cpu": (percent(sum(sample.cpu_percent for sample in samples)) if samples else "", Style.null()),
        "memory": (short_size(sum(sample.memory_usage for sample in samples)) if samples else "", Style.null()),
    }
    if "status" not in columns:
        cells = {**cells, "name": (f"{cells['name'][0]} {count}", cells["name"][1])}
    return Row(key=group.key, cells=tuple(cells.get(name, ("", Style.null())) for name in columns), search="", heading=True)


def project_lines(group: Group) -> list[Styled]:
    """A project as its Config tab tells it: where it comes from, its services and their replicas."""
    labels = group.members[0].labels if group.members else {}
    lines = facts(
        [
            (tr("Name"), group.title),
            (tr("Running"), tr("{running} of {count}", running=group.running, count=len(group.members))),
            (tr("Directory"), labels.get("com.docker.compose.project.working_dir", "")),
            (tr("Files"), labels.get("com.docker.compose.project.config_files", "").replace(",", " ")),
            (tr("Compose"), labels.get("com.docker.compose.version", "")),
        ]
    )
    services: dict[str, list[Container]] = {}
    for one in group.members:
        services.setdefault(one.labels.get(SERVICE, one.name), []).append(one)
    told: list[Styled] = []
    for service in sorted(services):
        members = services[service]
        running = sum(one.state.running for one in members)
        tint = "green" if running == len(members) else "yellow" if running else "red"
        count = (f"  {running}/{len(members)} ", ink(tint))
        told.append((count, (safe(service), ink("", bold=True)), (f"  {safe(members[0].image)}", ink("magenta"))))
        for one in members:
            status = (pad(status_text(one, 80), 20), ink(colour(one)))
            ports = (f"  {ports_text(one.ports)}" if one.ports else "", ink("yellow"))
            told.append((("      ", ink()), status, (safe(one.name), ink()), ports))
    return [*lines, *section(tr("Services"), told)]
