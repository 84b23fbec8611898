"""The Stats tab: graphs of three minutes and the numbers of ``docker stats``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest

from engine.model.containers import Container
from engine.model.stats import Stats
from tui.graphs import Graph
from tui.presenters.ansi import Styled, ink
from tui.presenters.text import age, binary_size, clip, decimal_size, pad, percent, rate, safe
from tui.words import tr

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_TWO_COLUMNS = 90


def graph(values: Sequence[float], *, width: int, height: int, top: float) -> list[str]:
    """A filled graph of the last ``width`` values, newest at the right, ``top`` at the upper edge. First row on top."""
    shown = list(values)[-width:]
    heights = [0 if top <= 0 else max(1 if value > 0 else 0, round(min(value / top, 1.0) * height * 8)) for value in shown]
    rows: list[str] = []
    for level in range(height - 1, -1, -1):
        row = "".join(_EIGHTHS[min(8, max(0, size - level * 8))] for size in heights)
        rows.append(row.rjust(width))
    return rows


def rates(values: Sequence[float], times: Sequence[float]) -> list[float]:
    """Growth a second between samples of a counter; a counter that was reset grows by nothing."""
    pairs = zip(zip(values, times, strict=True), zip(values[1:], times[1:], strict=True), strict=False)
    return [max(0.0, (value - before) / (now - then)) if now > then else 0.0 for (before, then), (value, now) in pairs]


def nice_top(values: Sequence[float], least: float) -> float:
    """An upper edge that the values fit under, and that does not jump with each of them: 1, 2 or 5 times a power of ten."""
    highest = max([least, *values])
    power = 1.0
    while power * 10 <= highest:
        power *= 10
    while power > highest:
        power /= 10
    return next(step * power for step in (1, 2, 5, 10) if step * power >= highest)


class _Panel:
    """One graph with its caption and axis labels."""

    def __init__(self, title: str, colour: str, values: Sequence[float], *, top: float, caption: str, edge: str) -> None:
        self.title, self.colour, self.values, self.top, self.caption, self.edge = title, colour, values, top, caption, edge

    def lines(self, width: int, height: int) -> list[Styled]:
        title = clip(f"{self.title:<4}", max(4, width - 12)) + " "
        head: Styled = ((title, ink(self.colour, bold=True)), (clip(self.caption, max(0, width - len(title))), ink()))
        plot = max(4, width - 10)
        rows = graph(self.values, width=plot, height=height, top=self.top)
        out: list[Styled] = [head]
        for index, row in enumerate(rows):
            label = self.edge if index == 0 else "0" if index == height - 1 else ""
            edge = ((f"{clip(label, 8):>8} ", ink("bright_black")), ("┤" if label else "│", ink("bright_black")))
            out.append((*edge, (row, ink(self.colour))))
        return out


def _panels(history: Sequence[Stats]) -> list[_Panel]:
    now = history[-1]
    times = [sample.read_at for sample in history]
    cpu = [sample.cpu_percent for sample in history]
    memory = [float(sample.memory_usage) for sample in history]
    received = rates([float(sample.network_rx) for sample in history], times)
    sent = rates([float(sample.network_tx) for sample in history], times)
    read = rates([float(sample.block_read) for sample in history], times)
    written = rates([float(sample.block_write) for sample in history], times)
    network = [one + two for one, two in zip(received, sent, strict=True)]
    block = [one + two for one, two in zip(read, written, strict=True)]
    cpu_top = nice_top(cpu, 10.0)
    memory_top = min(float(now.memory_limit or 1 << 62), nice_top(memory, 1_000_000.0))
    network_top, block_top = nice_top(network, 1000.0), nice_top(block, 1000.0)

    def last(values: Sequence[float]) -> float:
        return values[-1] if values else 0.0

    used = f"{binary_size(now.memory_usage)} / {binary_size(now.memory_limit)}  {percent(now.memory_percent)}"
    traffic = tr("in {received}  out {sent}", received=rate(last(received)), sent=rate(last(sent)))
    disk = tr("read {read}  written {written}", read=rate(last(read)), written=rate(last(written)))
    return [
        _Panel(
            tr("CPU"),
            "cyan",
            cpu,
            top=cpu_top,
            caption=tr("{percent} of {online_cpus} × 100%", percent=percent(now.cpu_percent), online_cpus=now.online_cpus),
            edge=f"{cpu_top:g}%",
        ),
        _Panel(tr("MEM"), "green", memory, top=memory_top, caption=used, edge=binary_size(memory_top)),
        _Panel(tr("NET"), "magenta", network, top=network_top, caption=traffic, edge=rate(network_top)),
        _Panel(tr("DISK"), "yellow", block, top=block_top, caption=disk, edge=rate(block_top)),
    ]


def _own_panel(graph: Graph, history: Sequence[Stats]) -> _Panel:
    """A graph of a person's own."""
    values = [float(getattr(sample, graph.path)) for sample in history]
    if graph.per_second:
        values = rates(values, [sample.read_at for sample in history])
    write = _UNITS[graph.unit, graph.per_second]
    top = graph.max or nice_top(values, 1.0)
    title = safe(graph.title or graph.path)
    return _Panel(title, graph.colour, values, top=top, caption=write(values[-1] if values else 0.0), edge=write(top))


_UNITS: Mapping[tuple[str, bool], Callable[[float], str]] = {
    ("bytes", False): lambda value: binary_size(int(value)),
    ("bytes", True): rate,
    ("percent", False): percent,
    ("percent", True): lambda value: f"{percent(value)}/s",
    ("", False): lambda value: f"{value:g}" if value < 1e5 else f"{value:.3g}",
    ("", True): lambda value: f"{value:.3g}/s",
}


def stats_lines(
    container: Container,
    history: Sequence[Stats],
    *,
    width: int,
    height: int,
    now: float,
    graphs: Sequence[Graph] = (),
    plain: bool = False,
) -> list[Styled]:
    """The whole tab, fitted to ``width`` × ``height`` cells; ``graphs`` of a person's own stand below ours.

    With ``plain`` it is a line of text for each number, and no graph.
    """
    sample = history[-1]
    started = container.state.started_at
    numbers = (
        (tr("CPU %"), percent(sample.cpu_percent)),
        (tr("MEM USAGE / LIMIT"), f"{binary_size(sample.memory_usage)} / {binary_size(sample.memory_limit)}"),
        (tr("MEM %"), percent(sample.memory_percent)),
        (tr("NET I/O"), f"{decimal_size(sample.network_rx)} / {decimal_size(sample.network_tx)}"),
        (tr("BLOCK I/O"), f"{decimal_size(sample.block_read)} / {decimal_size(sample.block_write)}"),
        (tr("PIDS"), f"{sample.pids}{f' / {sample.pids_limit}' if sample.pids_limit else ''}"),
        (tr("UP"), age(now - started) if started else ""),
    )
    if plain:
        own = ((graph.title or graph.path, _own_panel(graph, history).caption) for graph in graphs)
        return [((clip(f"{title}: {value}", width), ink()),) for title, value in (*numbers, *own) if value]
    wide = sum(max(len(title), len(value)) + 2 for title, value in numbers) - 2 <= width
    lines: list[Styled] = _numbers(numbers if wide else [pair for pair in numbers if pair[0] != "MEM %"], width)
    lines.append(())
    panels = [*_panels(history), *(_own_panel(graph, history) for graph in graphs)]
    if width >= _TWO_COLUMNS:
        half = (width - 3) // 2
        pairs = -(-len(panels) // 2)
        tall = max(3, min(24, (height - len(lines) - 3) // pairs - (1 if pairs == 2 else 2)))
        for left, right in zip_longest(panels[::2], panels[1::2]):
            others = right.lines(half, tall) if right else [()] * (tall + 1)
            lines += [_beside(one, two, half) for one, two in zip(left.lines(half, tall), others, strict=True)]
            lines.append(())
    else:
        tall = max(2, min(10, (height - len(lines)) // len(panels) - 2))
        for panel in panels:
            lines += [*panel.lines(width, tall), ()]
    seconds = history[-1].read_at - history[0].read_at
    words = tr("last {age}, a sample a second; CPU and memory are counted as docker stats does", age=age(seconds))
    lines.append(((clip(words, width), ink("bright_black")),))
    return lines


def _numbers(pairs: Sequence[tuple[str, str]], width: int) -> list[Styled]:
    """Titles over values, in as many bands as the width asks for."""
    lines: list[Styled] = []
    titles: list[tuple[str, str]] = []
    used = 0
    for title, value in (*pairs, ("", "")):
        size = max(len(title), len(value)) + 2
        if (not title or used + size > width) and titles:
            sizes = [max(len(name), len(text)) + 2 for name, text in titles]
            lines.append((("".join(pad(name, room) for (name, _), room in zip(titles, sizes, strict=True)), ink("bright_black")),))
            lines.append((("".join(pad(text, room) for (_, text), room in zip(titles, sizes, strict=True)), ink("", bold=True)),))
            titles, used = [], 0
        if title:
            titles.append((title, value))
            used += size
    return lines


def _beside(left: Styled, right: Styled, half: int) -> Styled:
    size = sum(len(text) for text, _ in left)
    return (*left, (" " * max(0, half + 3 - size), ink()), *right)
