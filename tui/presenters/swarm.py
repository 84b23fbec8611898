"""Rows of the lists of a swarm, and what the main pane says of an object."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from rich.style import Style

from engine.model.services import Service, Stack, ports_text, short_image
from engine.model.swarm import Node, SwarmFile, Task
from engine.model.value import EMPTY
from tui.presenters.ansi import Styled, ink, parse_bytes
from tui.presenters.details import facts, labels_of, note, section
from tui.presenters.table import Cell, Column, Row
from tui.presenters.text import age, binary_size, clip, pad, rough_age, safe
from tui.presenters.yaml_view import yaml_lines
from tui.swarm_snapshot import SwarmNoun, SwarmSnapshot, SwarmThing, key_of, label_of, tasks_of
from tui.words import tr, trn

_FILES = (
    Column(title="NAME", flexible=True, least=12),
    Column(title="DRIVER", priority=1),
    Column(title="AGE", right=True),
    Column(title="ID", priority=2),
)
COLUMNS: Mapping[SwarmNoun, tuple[Column, ...]] = {
    SwarmNoun.SERVICES: (
        Column(title="TASKS"),
        Column(title="NAME", flexible=True, least=12),
        Column(title="IMAGE", priority=2, most=40),
        Column(title="MODE", priority=4),
        Column(title="UPDATE", priority=1),
        Column(title="PORTS", priority=3, most=40),
    ),
    SwarmNoun.NODES: (
        Column(title="STATE"),
        Column(title="NAME", flexible=True, least=10),
        Column(title="AVAILABILITY"),
        Column(title="ROLE", priority=1),
        Column(title="ADDRESS", priority=2),
        Column(title="ENGINE", priority=3),
    ),
    SwarmNoun.TASKS: (
        Column(title="STATE"),
        Column(title="NAME", flexible=True, least=12),
        Column(title="NODE", priority=1, most=20),
        Column(title="SINCE", right=True, priority=2),
        Column(title="ERROR", priority=3, most=60),
    ),
    SwarmNoun.STACKS: (Column(title="TASKS"), Column(title="NAME", flexible=True, least=12), Column(title="SERVICES", priority=1)),
    SwarmNoun.CONFIGS: _FILES,
    SwarmNoun.SECRETS: _FILES,
}
_QUIET = "bright_black"
_STATES = {
    "running": "green",
    "ready": "green",
    "complete": "blue",
    "failed": "red",
    "rejected": "red",
    "down": "red",
    "disconnected": "red",
}
CONTENT_LINES = 500
"""Lines of a config that are shown."""
CONTENT_BYTES = 64 * 1024


Kept = dict[str, tuple[tuple[object, ...], Row]]
"""Rows by their keys, each with what it was made from."""


def rows(noun: SwarmNoun, things: Sequence[SwarmThing], snapshot: SwarmSnapshot, now: float, kept: Kept | None = None) -> list[Row]:
    """A row for each object. Those in ``kept`` that are still right are taken from there, and the new ones are put in their place.

    A swarm of thousands of tasks is read every two seconds, and next to nothing in it changes.
    """
    pending = snapshot.pending
    names = snapshot.task_names if noun is SwarmNoun.TASKS else EMPTY
    nodes = snapshot.node_names if noun is SwarmNoun.TASKS else EMPTY
    before = kept or {}
    made: Kept = {}
    for thing in things:
        key = key_of(thing)
        if isinstance(thing, Task):
            node = nodes.get(thing.node_id, thing.node_id[:12])
            facts: tuple[object, ...] = (thing, pending.get(key, ""), rough_age(now, thing.changed_at), names.get(key, key), node)
        else:
            when = rough_age(now, thing.created_at) if isinstance(thing, SwarmFile) else ""
            facts = (thing, pending.get(key, ""), when, key == snapshot.own)
        found = before.get(key)
        made[key] = found if found is not None and found[0] == facts else (facts, _row(key, *facts))
    if kept is not None:
        kept.clear()
        kept.update(made)
    return [row for _, row in made.values()]


def _row(key: str, thing: object, doing: object, *more: object) -> Row:
    makers: Mapping[type, Callable[..., tuple[Cell, ...]]] = {Service: _service, Node: _node, Task: _task, Stack: _stack, SwarmFile: _file}
    cells = makers[type(thing)](thing, *more)
    if doing:
        cells = ((f"{doing}…", ink("cyan")), *cells[1:])
    labels = " ".join(f"{name}={value}" for name, value in getattr(thing, "labels", EMPTY).items())
    search = " ".join((*(text for text, _ in cells), key, labels)).lower()
    return Row(key=key, cells=cells, search=search)


def _share(running: int, desired: int) -> Style:
    if not desired:
        return ink(_QUIET)
    return ink("green" if running >= desired else "yellow" if running else "red")


def _service(one: Service, when: str, own: bool) -> tuple[Cell, ...]:
    state = "rolled back" if one.update_state == "rollback_completed" else one.update_state.replace("_", " ").removeprefix("completed")
    tint = "red" if "paused" in state else _QUIET if state == "rolled back" else "yellow"
    return (
        (f"{one.running}/{one.desired}", _share(one.running, one.desired)),
        (safe(one.name), Style.null()),
        (safe(short_image(one.image)), ink(_QUIET)),
        (one.mode if one.mode != "replicated" else "", ink(_QUIET)),
        (safe(state), ink(tint)),
        (safe(ports_text(one.ports)), ink("yellow")),
    )


def _node(one: Node, when: str, own: bool) -> tuple[Cell, ...]:
    return (
        (safe(one.state), ink(_STATES.get(one.state, "yellow"))),
        (safe(one.title) + (" *" if own else ""), Style.null()),
        (safe(one.availability), ink(_QUIET if one.availability == "active" else "yellow")),
        (safe(_role(one)), ink("magenta" if one.leader else "yellow" if one.reachability == "unreachable" else _QUIET)),
        (safe(one.address), ink(_QUIET)),
        (safe(one.engine_version), ink(_QUIET)),
    )


def _role(one: Node) -> str:
    return "leader" if one.leader else f"{one.role}, {one.reachability}" if one.reachability not in ("", "reachable") else one.role


def _task(one: Task, when: str, name: str, node: str) -> tuple[Cell, ...]:
    past = one.final and one.state not in ("failed", "rejected")
    tint = _QUIET if past and one.state != "complete" else _STATES.get(one.state, "yellow")
    return (
        (safe(one.state), ink(tint)),
        (safe(name), ink(_QUIET) if one.final else Style.null()),
        (safe(node), ink(_QUIET)),
        (when, ink(_QUIET)),
        (safe(one.error), ink("red")),
    )


def _stack(one: Stack, when: str, own: bool) -> tuple[Cell, ...]:
    count = len(one.services)
    return (
        (f"{one.running}/{one.desired}", _share(one.running, one.desired)),
        (safe(one.name), Style.null()),
        (trn("{count} service", "{count} services", count), ink(_QUIET)),
    )


def _file(one: SwarmFile, when: str, own: bool) -> tuple[Cell, ...]:
    return (safe(one.name), Style.null()), (safe(one.driver), ink(_QUIET)), (when, ink(_QUIET)), (one.id[:12], ink(_QUIET))


def task_table(thing: SwarmThing, snapshot: SwarmSnapshot, now: float) -> list[Styled]:
    """The Tasks tab: those of a service, of a stack or of a node, in columns."""
    tasks = tasks_of(snapshot, thing)
    if not tasks:
        return note(tr("No tasks."))
    names, nodes = snapshot.task_names, snapshot.node_names
    cells = [_task(one, rough_age(now, one.changed_at), names[one.id], nodes.get(one.node_id, one.node_id[:12])) for one in tasks]
    sizes = [min(40, max(len(row[column][0]) for row in cells)) for column in range(4)]
    lines: list[Styled] = []
    for row in cells:
        parts: list[tuple[str, Style]] = []
        for (text, style), size in zip(row[:4], sizes, strict=True):
            parts += [(pad(clip(text, size), size), style), ("  ", ink())]
        lines.append((*parts, row[4]))
    return lines


def config_lines(thing: SwarmThing, snapshot: SwarmSnapshot, *, now: float, reveal: bool) -> list[Styled]:
    """The Config tab: a summary, then the full document."""
    makers = {Service: _service_facts, Node: _node_facts, Task: _task_facts, Stack: _stack_facts, SwarmFile: _file_facts}
    lines = facts(makers[type(thing)](thing, snapshot, now))  # type: ignore[operator]  # each maker gets its own kind
    if isinstance(thing, Stack):
        return [*lines, *section(tr("Services"), [_stack_line(one) for one in thing.services])]
    labels = section(tr("Labels"), labels_of(thing.labels))
    content = section(tr("Content"), _content(thing.data)) if isinstance(thing, SwarmFile) and thing.data else []
    return [*lines, *labels, *content, *section(tr("Full details"), yaml_lines(_without_data(thing.raw), reveal=reveal))]


def _without_data(raw: str) -> str:
    """A document without what a config holds, which is shown as what it is."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    if isinstance(document, dict) and isinstance(document.get("Spec"), dict):
        document["Spec"].pop("Data", None)
    return json.dumps(document)


def _content(data: bytes) -> list[Styled]:
    shown = data[:CONTENT_BYTES].split(b"\n")[:CONTENT_LINES]
    lines = [parse_bytes(line) for line in shown]
    left = len(data) - sum(len(line) + 1 for line in shown)
    return [*lines, ((tr("… {left} bytes more", left=left), ink(_QUIET)),)] if left > 0 else lines


def _when(moment: float, now: float) -> str:
    return tr("{age} ago", age=age(now - moment)) if moment else ""


Facts = list[tuple[str, str] | tuple[str, str, str]]


def _service_facts(one: Service, snapshot: SwarmSnapshot, now: float) -> Facts:
    return [
        ("ID", one.id),
        (tr("Name"), one.name),
        (tr("Stack"), one.stack),
        (tr("Image"), one.image, "magenta"),
        (tr("Mode"), one.mode),
        (tr("Replicas"), one.count),
        (tr("Command"), " ".join(one.args)),
        (tr("Ports"), ", ".join(f"{port.published or '?'}→{port.target}/{port.protocol} {port.mode}" for port in one.ports), "yellow"),
        (tr("Update"), f"{one.update_state.replace('_', ' ')}: {one.update_message}" if one.update_state else ""),
        (tr("Rollback"), tr("b goes back to the specification before") if one.can_roll_back else ""),
        (tr("Created"), _when(one.created_at, now)),
        (tr("Updated"), _when(one.updated_at, now)),
    ]


def _node_facts(one: Node, snapshot: SwarmSnapshot, now: float) -> Facts:
    return [
        ("ID", one.id),
        (tr("Host name"), one.hostname),
        (tr("Name"), one.name),
        (tr("State"), f"{one.state}{f': {one.message}' if one.message else ''}", _STATES.get(one.state, "yellow")),
        (tr("Availability"), one.availability, "" if one.availability == "active" else "yellow"),
        (tr("Role"), _role(one)),
        (tr("Address"), one.address),
        (tr("Manager"), one.manager_address),
        (tr("Engine"), one.engine_version),
        (tr("Platform"), f"{one.os}/{one.architecture}"),
        ("CPUs", f"{one.nano_cpus / 1e9:g}" if one.nano_cpus else ""),
        (tr("Memory"), binary_size(one.memory) if one.memory else ""),
        (tr("Joined"), _when(one.created_at, now)),
    ]


def _task_facts(one: Task, snapshot: SwarmSnapshot, now: float) -> Facts:
    return [
        ("ID", one.id),
        (tr("Name"), label_of(one, snapshot)),
        (tr("Node"), snapshot.node_names.get(one.node_id, one.node_id)),
        (
            tr("State"),
            tr(
                "{state}, wanted {desired_state} · since {when}",
                state=one.state,
                desired_state=one.desired_state,
                when=_when(one.changed_at, now),
            ),
            _STATES.get(one.state, "yellow"),
        ),
        (tr("Message"), one.message),
        (tr("Error"), one.error, "red"),
        (tr("Exit code"), str(one.exit_code) if one.final and one.container_id else ""),
        (tr("Image"), one.image, "magenta"),
        (tr("Container"), one.container_id),
    ]


def _stack_facts(one: Stack, snapshot: SwarmSnapshot, now: float) -> Facts:
    return [(tr("Name"), one.name), (tr("Tasks"), f"{one.running}/{one.desired}"), (tr("Services"), str(len(one.services)))]


def _stack_line(one: Service) -> Styled:
    return (
        (f"  {one.count:<8} ", _share(one.running, one.desired)),
        (safe(one.name), ink()),
        (f"  {safe(short_image(one.image))}", ink(_QUIET)),
    )


def _file_facts(one: SwarmFile, snapshot: SwarmSnapshot, now: float) -> Facts:
    return [
        ("ID", one.id),
        (tr("Name"), one.name),
        (tr("Driver"), one.driver),
        (tr("Created"), _when(one.created_at, now)),
        (tr("Updated"), _when(one.updated_at, now)),
    ]
