"""Graphs of a person's own, the monitor of all containers, and the figures of the machine."""

from __future__ import annotations

import asyncio
import json
import os

import psutil
import pytest

from engine.model.stats import InterfaceStats, Stats
from tests.tui.conftest import running
from tests.tui.fake import NOW, FakeEngine, harbour, samples
from tui.config import Settings
from tui.feed.host import is_here, look
from tui.graphs import PATHS, UNITS, Graph
from tui.presenters import monitor
from tui.presenters.ansi import text_of
from tui.presenters.lines import width_of
from tui.presenters.stats import stats_lines
from tui.screens.monitor import MonitorModal
from tui.snapshot import HostStats, Noun

# --- graphs --------------------------------------------------------------------------------------------------------------


def test_own_graphs_stand_below_ours_in_every_unit_and_fit() -> None:
    engine = harbour()
    container = engine.containers.find("db")
    history = samples(container.id, 1.0, 1 << 20)
    graphs = [Graph(path=path, title=f"T{path}", per_second=place % 2 == 0, unit=UNITS[place % 3]) for place, path in enumerate(PATHS)]
    for width in (30, 60, 89, 90, 133):
        lines = stats_lines(container, history, width=width, height=30, now=NOW, graphs=graphs)
        assert all(width_of(line) <= width for line in lines), width
        shown = "\n".join(text_of(line) for line in lines)
        assert all(f"T{path}"[: max(4, width // 2 - 14)] in shown for path in PATHS), width
    assert stats_lines(container, history, width=90, height=30, now=NOW) == stats_lines(
        container, history, width=90, height=30, now=NOW, graphs=()
    )


def test_an_own_graph_shows_growth_and_keeps_its_edge() -> None:
    container = harbour().containers.find("db")
    history = [
        Stats(
            container_id=container.id, read_at=NOW + second, interfaces=(InterfaceStats(name="eth0", rx_bytes=second * 2048),), pids=second
        )
        for second in range(5)
    ]
    graphs = (Graph(path="network_rx", title="In", per_second=True, unit="bytes", max=4096), Graph(path="pids", colour="red"))
    shown = [text_of(line) for line in stats_lines(container, history, width=60, height=60, now=NOW, graphs=graphs)]
    at = next(place for place, line in enumerate(shown) if line.startswith("In"))
    assert "2.05kB/s" in shown[at] and "4.1kB/s" in shown[at + 1]
    rows = shown[at + 1 : shown.index("", at)]
    assert len(rows) // 2 <= sum("████" in row for row in rows) <= len(rows) // 2 + 1, "it reaches half of the edge"
    assert any(line.startswith("pids") and "4" in line for line in shown)


async def test_graphs_of_the_settings_are_in_the_stats_tab() -> None:
    graphs = (Graph(path="network_rx", title="Received", per_second=True, unit="bytes"),)
    async with running(harbour(), settings=Settings(graphs=graphs), size=(160, 48)) as ui:
        await ui.press("j", "j", "right_square_bracket")
        await ui.shows("Received")


# --- the monitor ---------------------------------------------------------------------------------------------------------


async def test_the_monitor_lists_all_that_run_in_any_order_and_leads_there(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "tui.json")
    engine = harbour()
    async with running(engine, size=(160, 48), settings=Settings(remember=path)) as ui:
        before = engine.containers.open_streams
        await ui.press("e", "f6")
        await ui.until(lambda: isinstance(ui.app.screen, MonitorModal))
        modal = ui.app.screen
        assert isinstance(modal, MonitorModal)
        await ui.shows("over 1, 5, 15 min")
        await ui.shows("NET OUT")
        await ui.shows("by cpu · 1 of 5")
        pane = modal._pane
        assert [row.cells[0][0] for row in pane.rows][:2] == ["worker-1", "db"]
        await ui.until(lambda: pane.rows[0].cells[1][0] == "93.40%", "the newest sample")
        await ui.press("o")
        await ui.shows("by memory")
        assert next(row.cells[0][0] for row in pane.rows) == "worker-1"
        await ui.press("O")
        await ui.shows("by memory ↑")
        await ui.pilot.click(pane, offset=(3, 1))
        await ui.shows("by name")
        await ui.press("G", "k", "j", "g", "down", "up", "j")
        chosen = pane.selected
        name = engine.containers.all[chosen].name
        await ui.press("enter")
        await ui.until(lambda: ui.app.screen is ui.main)
        assert ui.noun == "containers" and ui.main.content.tab == "stats"
        assert ui.main.lists.panes[Noun.CONTAINERS].selected == chosen, name
        await ui.until(lambda: engine.containers.open_streams <= before + 1, "closed streams")
        await ui.press("f6", "escape")
        assert ui.app.screen is ui.main
    with open(path, encoding="utf-8") as file:
        assert json.load(file)["sort.monitor"] == "name"


async def test_the_monitor_samples_what_is_not_on_the_screen_and_only_while_it_is_open() -> None:
    engine = FakeEngine()
    engine.add_image("busybox:latest")
    for index in range(40):
        one = engine.add(f"c{index:02d}", "busybox:latest", minutes=index + 1)
        engine.containers.samples[one.id] = samples(one.id, float(index), 1 << 20, count=3)
    async with running(engine, size=(120, 40)) as ui:
        await ui.until(lambda: 0 < engine.containers.open_streams < 30)
        await ui.press("f6")
        await ui.until(lambda: engine.containers.open_streams >= 40)
        await ui.shows("c39")
        await ui.press("q")
        await ui.until(lambda: engine.containers.open_streams < 30)


async def test_the_monitor_of_another_machine_says_that_it_has_no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = harbour()
    monkeypatch.setattr(FakeEngine, "url", property(lambda _: "ssh://deck.example"))
    async with running(engine, size=(120, 40)) as ui:
        await ui.press("f6")
        await ui.shows("is another machine")
        await ui.shows("worker-1")
    assert [is_here(url) for url in ("embedded:", "unix:///run/x.sock", "tcp://10.0.0.1:2375", "ssh://a", "")] == [
        True,
        True,
        False,
        False,
        True,
    ]


# --- the machine ---------------------------------------------------------------------------------------------------------


async def test_the_figures_are_those_of_the_machine() -> None:
    look("/")
    await asyncio.sleep(0.05)
    host = look("/")
    assert len(host.cpus) == psutil.cpu_count() and all(0 <= value <= 100 for value in host.cpus)
    assert host.memory_total == psutil.virtual_memory().total and 0 < host.memory_used < host.memory_total
    assert host.disk_total == psutil.disk_usage("/").total
    assert host.processes > 1
    nowhere = look("/nowhere/at/all")
    assert not nowhere.disk_total and nowhere.cpus


def test_the_machine_is_told_in_any_width() -> None:
    host = HostStats(
        cpus=(100.0, 0.0), memory_used=3 << 30, memory_total=4 << 30, load=(0.5, 1.25, 2.0), root="/var/lib/longshore",
        disk_used=90, disk_total=100, disk_free=10, swap_used=1, swap_total=4, processes=7,
    )  # fmt: skip
    for width in (20, 40, 80, 200):
        lines = monitor.host_lines(host, width=width, where="here")
        assert len(lines) == 5 and all(width_of(line) <= width for line in lines)
    text = "\n".join(text_of(line) for line in monitor.host_lines(host, width=120, where="here"))
    assert "50.00% of 2 CPUs, busiest 100.00%" in text and "3GiB / 4GiB" in text and "0.50  1.25  2.00" in text
    assert "at /var/lib/longshore" in text
