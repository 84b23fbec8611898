"""The monitor: all running containers with their numbers, and the machine above them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from rich.style import Style

from engine.model.containers import Container
from engine.model.stats import Stats
from tui.presenters.ansi import Styled, ink
from tui.presenters.stats import graph, nice_top, rates
from tui.presenters.table import Cell, Column, Row
from tui.presenters.text import age, binary_size, clip, percent, rate, safe, short_size
from tui.snapshot import HostStats
from tui.words import tr

COLUMNS = (
    Column(title="NAME", name="name", sort="name", flexible=True, least=12),
    Column(title="CPU", name="cpu", sort="cpu", right=True),
    Column(title="", name="history", priority=8),
    Column(title="MEM", name="memory", sort="memory", right=True),
    Column(title="MEM %", name="share", sort="share", right=True, priority=3),
    Column(title="NET IN", name="received", sort="received", right=True, priority=4),
    Column(title="NET OUT", name="sent", sort="sent", right=True, priority=4),
    Column(title="READ", name="read", sort="read", right=True, priority=5),
    Column(title="WRITTEN", name="written", sort="written", right=True, priority=5),
    Column(title="PIDS", name="pids", sort="pids", right=True, priority=6),
    Column(title="UP", name="up", sort="up", right=True, priority=7),
)
SORTS = tuple(column.sort for column in COLUMNS if column.sort)
HISTORY = 20
"""Samples in the small graph of a row."""
_HOT, _WARM = 90, 50


class _Numbers(NamedTuple):
    """What is known of a container that runs."""

    one: Container
    last: Stats | None
    received: float
    sent: float
    read: float
    written: float
    cpus: Sequence[float]


def _numbers(one: Container, history: Sequence[Stats]) -> _Numbers:
    recent = history[-2:]
    times = [sample.read_at for sample in recent]

    def growth(name: str) -> float:
        return next(iter(rates([float(getattr(sample, name)) for sample in recent], times)), 0.0)

    names = ("network_rx", "network_tx", "block_read", "block_write")
    received, sent, read, written = (growth(name) for name in names)
    cpus = [sample.cpu_percent for sample in history[-HISTORY:]]
    return _Numbers(one, history[-1] if history else None, received, sent, read, written, cpus)


_KEYS: Mapping[str, Callable[[_Numbers], object]] = {
    "name": lambda one: 0,
    "cpu": lambda one: -(one.last.cpu_percent if one.last else -1.0),
    "memory": lambda one: -(one.last.memory_usage if one.last else -1),
    "share": lambda one: -(one.last.memory_percent if one.last else -1.0),
    "received": lambda one: -one.received,
    "sent": lambda one: -one.sent,
    "read": lambda one: -one.read,
    "written": lambda one: -one.written,
    "pids": lambda one: -(one.last.pids if one.last else -1),
    "up": lambda one: one.one.state.started_at or 0.0,
}


def rows(
    containers: Sequence[Container], history: Callable[[str], Sequence[Stats]], *, sort: str, reverse: bool, now: float, plain: bool = False
) -> list[Row]:
    """A row for each container that runs, in order; equal ones by name. With ``plain`` without graphs."""
    found = [_numbers(one, history(one.id)) for one in containers if one.state.running]
    found.sort(key=lambda one: (_KEYS[sort](one), one.one.name), reverse=reverse)
    return [_row(one if not plain else one._replace(cpus=()), now) for one in found]


def _row(one: _Numbers, now: float) -> Row:
    last, started = one.last, one.one.state.started_at
    top = nice_top(one.cpus, 10.0)
    small = graph(one.cpus, width=HISTORY, height=1, top=top)[0] if one.cpus else ""
    cells: tuple[Cell, ...] = (
        (safe(one.one.name), Style.null()),
        (percent(last.cpu_percent) if last else "…", _heat(last.cpu_percent if last else 0.0)),
        (small, ink("cyan")),
        (short_size(last.memory_usage) if last else "", Style.null()),
        (percent(last.memory_percent) if last else "", _heat(last.memory_percent if last else 0.0)),
        *((rate(value) if last else "", Style.null()) for value in (one.received, one.sent, one.read, one.written)),
        (str(last.pids) if last else "", Style.null()),
        (age(now - started) if started else "", ink("bright_black")),
    )
    return Row(key=one.one.id, cells=cells, search=one.one.name.lower())


def _heat(value: float) -> Style:
    return ink("red" if value > _HOT else "yellow" if value > _WARM else "")


def host_lines(host: HostStats | None, *, width: int, where: str, plain: bool = False) -> list[Styled]:
    """The machine in a few lines, with ``plain`` without bars.

    ``where`` says whose engine it is when the figures of that machine can not be had.
    """
    if host is None:
        return [
            (
                (
                    clip(
                        tr("{where} is another machine: its own figures are not told, those of its containers are.", where=safe(where)),
                        width,
                    ),
                    ink("yellow"),
                ),
            )
        ]
    size = 0 if plain else max(6, min(30, width // 2 - 32))
    busy = max(host.cpus, default=0.0)
    memory = host.memory_used * 100.0 / host.memory_total if host.memory_total else 0.0
    disk = host.disk_used * 100.0 / (host.disk_used + host.disk_free) if host.disk_used + host.disk_free else 0.0
    load = "  ".join(f"{value:.2f}" for value in host.load)
    pieces = [
        _meter(
            tr("CPU"),
            host.cpu,
            size,
            tr("{percent} of {count} CPUs, busiest {busiest}", percent=percent(host.cpu), count=len(host.cpus), busiest=percent(busy)),
        ),
        _meter(tr("MEM"), memory, size, f"{binary_size(host.memory_used)} / {binary_size(host.memory_total)}"),
        (
            (tr("LOAD "), ink("", bold=True)),
            (tr("{load}  over 1, 5, 15 min · {processes} processes", load=load, processes=host.processes), ink()),
        ),
    ]
    if host.disk_total:
        free = tr(
            "{free} free of {total} at {root}", free=binary_size(host.disk_free), total=binary_size(host.disk_total), root=safe(host.root)
        )
        pieces.insert(2, _meter(tr("DISK"), disk, size, free))
    if host.swap_total:
        pieces.insert(
            2,
            _meter(
                tr("SWAP"),
                host.swap_used * 100.0 / host.swap_total,
                size,
                f"{binary_size(host.swap_used)} / {binary_size(host.swap_total)}",
            ),
        )
    return [_clipped(piece, width) for piece in pieces]


def _clipped(line: Styled, width: int) -> Styled:
    """The line, its last piece cut where it would not fit."""
    *front, (text, style) = line
    return (*front, (clip(text, max(0, width - sum(len(part) for part, _ in front))), style))


def _meter(title: str, value: float, size: int, text: str) -> Styled:
    filled = max(0, min(size, round(value / 100 * size)))
    return (
        (f"{title:<5}", ink("", bold=True)),
        ("█" * filled, ink("red" if value > _HOT else "yellow" if value > 70 else "green")),
        ("░" * (size - filled), ink("bright_black")),
        (f" {text}", ink()),
    )
