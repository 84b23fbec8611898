"""Hosts: the box with their states, going from one to another, and coming back to a list as it was left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence

import pytest

from engine.backends.fleet.engine import Fleet
from engine.errors import Conflict, EngineFault, NotFound, Unavailable
from engine.model.hosts import EMBEDDED, Host, HostState, Origin
from tests.tui.conftest import running
from tests.tui.fake import FakeEngine, harbour
from tui.feed.debugging import LABEL
from tui.snapshot import Noun


class FakeHosts:
    """Hosts over fake engines; one whose engine is None does not answer."""

    def __init__(self, engines: dict[str, FakeEngine | None]) -> None:
        self.engines = engines
        self.added: dict[str, Host] = {}
        self.current = EMBEDDED

    def list(self) -> Sequence[Host]:
        built_in = Host(name=EMBEDDED, url="embedded:", origin=Origin.BUILT_IN)
        others = [Host(name=name, url=f"ssh://{name}") for name in self.engines if name != EMBEDDED]
        return [host.replace(current=host.name == self.current) for host in (built_in, *others, *self.added.values())]

    def open(self, name: str) -> FakeEngine:
        engine = self.engines.get(name)
        if engine is None:
            raise Unavailable(f"cannot connect to {name}")
        return engine

    def open_all(self) -> Fleet:
        return Fleet({name: engine for name, engine in self.engines.items() if engine is not None})

    async def states(self, names: Sequence[str] = (), *, timeout: float = 10.0) -> AsyncGenerator[HostState, None]:
        for host in self.list():
            await asyncio.sleep(0)
            if self.engines.get(host.name) is None:
                yield HostState(host=host, problem="Permission denied (publickey)")
            else:
                yield HostState(host=host, engine="Docker", version="28.2.2", latency=0.0123)

    def add(self, host: Host) -> None:
        if host.name in self.added or host.name in self.engines:
            raise Conflict(f'host "{host.name}" already exists')
        self.added[host.name] = host

    def remove(self, name: str) -> None:
        if name not in self.added:
            raise NotFound(f'host "{name}" does not exist')
        del self.added[name]

    def use(self, name: str) -> None:
        self.current = name


def other() -> FakeEngine:
    engine = FakeEngine()
    engine.add_image("nginx:1.27")
    engine.add("far-away", "nginx:1.27", cpu=1, memory=1)
    return engine


async def test_going_to_another_host_and_back() -> None:
    home, prod = harbour(), other()
    hosts = FakeHosts({EMBEDDED: home, "prod": prod, "lost": None})
    async with running(home, hosts=hosts) as ui:
        await ui.press("down", "f7")
        await ui.shows("Docker 28.2.2")
        await ui.shows("Permission denied (publickey)")
        assert "12.3 ms" in ui.text()
        await ui.press("j", "enter")
        await ui.shows("far-away")
        await ui.until(lambda: prod.containers.open_streams and not home.containers.open_streams)
        assert "prod · " in ui.text().splitlines()[-1]
        assert "web" not in ui.text()
        await ui.select("far-away")
        await ui.press("r")
        await ui.until(lambda: prod.called("restart"))
        assert not home.called("restart")
        await ui.press("f7", "k", "enter")
        await ui.until(lambda: ui.main.desk.host == EMBEDDED)
        await ui.shows("web")
        assert ui.main.lists.panes[ui.main.stage.noun]._cursor == 1, "the cursor is where it was left"
        await ui.until(lambda: home.containers.open_streams and not prod.containers.open_streams)


async def test_a_host_that_can_not_be_opened_leaves_what_is_shown() -> None:
    home = harbour()
    async with running(home, hosts=FakeHosts({EMBEDDED: home, "lost": None})) as ui:
        await ui.press("f7", "j", "enter")
        await ui.until(lambda: "host lost: cannot connect to lost" in ui.toasts())
        assert ui.main.desk.host == EMBEDDED and "web" in ui.text()


async def test_hosts_are_added_made_current_and_forgotten() -> None:
    home = harbour()
    hosts = FakeHosts({EMBEDDED: home})
    async with running(home, hosts=hosts) as ui:
        await ui.press("f7", "n")
        await ui.shows("New host")
        await ui.type("all")
        await ui.press("enter")
        await ui.shows("reserved host name")
        await ui.press("backspace", "backspace", "backspace")
        await ui.type("lab")
        await ui.press("tab")
        await ui.type("ssh://lab")
        await ui.press("enter")
        await ui.until(lambda: "lab" in hosts.added)
        await ui.shows("Permission denied")
        await ui.press("j", "u")
        await ui.until(lambda: hosts.current == "lab")
        await ui.shows("lab      *")
        await ui.press("j", "d")
        await ui.shows("Forget host lab?")
        await ui.press("y")
        await ui.until(lambda: not hosts.added)


async def test_an_engine_that_was_handed_over_has_no_others() -> None:
    async with running(harbour()) as ui:
        await ui.press("f7")
        await ui.until(lambda: any("no others are known" in toast for toast in ui.toasts()))


async def test_all_hosts_in_one_list() -> None:
    """The same names on two hosts are two rows, and what is done is done on the row's own host."""
    home, prod, lab = harbour(), other(), other()
    hosts = FakeHosts({EMBEDDED: home, "prod": prod, "lab": lab})
    async with running(home, size=(160, 40), hosts=hosts) as ui:
        await ui.press("f7", "a")
        await ui.until(lambda: ui.main.desk.host == "all")
        await ui.until(lambda: len(ui.main.lists.snapshot.containers) == 10, "the containers of three hosts")
        assert "all hosts · 3 of 3" in ui.text().splitlines()[-1]
        rows = [row for row in ui.main.lists.panes[ui.main.stage.noun].rows if row.cells[1][0] == "far-away"]
        assert sorted(row.cells[2][0] for row in rows) == ["lab", "prod"]
        names = {row.cells[1][0] for row in ui.main.lists.panes[Noun.NETWORKS].rows}
        assert "bridge" in names and not any("@" in name for name in names), "the host has a column of its own"
        ui.main.lists.panes[Noun.CONTAINERS].select(next(row.key for row in rows if row.cells[2][0] == "lab"))
        await ui.press("r")
        await ui.until(lambda: lab.called("restart"))
        assert not prod.called("restart") and not home.called("restart")
        assert ui.main.desk.operations.journal.entries[-1].command == "restart far-away@lab"
        await ui.type("/")
        await ui.type("host:prod")
        await ui.press("enter")
        await ui.until(lambda: [row.cells[2][0] for row in ui.main.lists.panes[Noun.CONTAINERS].rows] == ["prod"])
        await ui.press("escape")
        await ui.press("2", "p")
        await ui.type("alpine@lab")
        await ui.press("enter")
        await ui.until(lambda: lab.called("pull alpine"))
        await ui.press("p")
        await ui.type("alpine")
        await ui.press("enter")
        await ui.until(lambda: any("no host is named" in toast for toast in ui.toasts()), "which host?")


async def test_a_second_container_beside_one_is_made_on_its_host() -> None:
    home, lab = harbour(), other()
    lab.add_image("busybox:latest")
    async with running(home, size=(160, 40), hosts=FakeHosts({EMBEDDED: home, "lab": lab})) as ui:
        await ui.press("f7", "a")
        await ui.until(lambda: len(ui.main.lists.snapshot.containers) == 9, "the containers of both hosts")
        rows = ui.main.lists.panes[Noun.CONTAINERS].rows
        ui.main.lists.panes[Noun.CONTAINERS].select(next(row.key for row in rows if row.cells[2][0] == "lab"))
        await ui.press("B")
        await ui.shows("Debug far-away")
        await ui.press("enter")
        await ui.shows("debug with busybox:latest")
        far = lab.containers.find("far-away").id
        await ui.until(lambda: any(LABEL in made.labels for made, _ in lab.containers.configs.values()))
        ((config, host),) = [made for made in lab.containers.configs.values() if LABEL in made[0].labels]
        assert (config.image, config.labels[LABEL]) == ("busybox:latest", far)
        assert host.pid_mode == host.network_mode == f"container:{far}"


async def test_a_lost_host_keeps_its_last_list_and_the_others_go_on() -> None:
    home, prod = harbour(), other()
    async with running(home, size=(160, 40), hosts=FakeHosts({EMBEDDED: home, "prod": prod})) as ui:
        await ui.press("f7", "a")
        await ui.until(lambda: len(ui.main.lists.snapshot.containers) == 9)
        await prod.hub.fail(EngineFault("no route to host"))
        await ui.shows("1 of 2 hosts unreachable: prod: no route to host")
        pane = ui.main.lists.panes[Noun.CONTAINERS]
        far = next(row for row in pane.rows if row.cells[2][0] == "prod")
        near = next(row for row in pane.rows if row.cells[1][0] == "web")
        assert {style.color.name for _, style in far.cells if style.color} == {"bright_black"}, "what it said last is grey"
        assert {style.color.name for _, style in near.cells if style.color} != {"bright_black"}
        assert not pane.has_class("stale")
        await home.containers.stop("web")
        await ui.until(lambda: not next(one for one in ui.main.lists.snapshot.containers if one.name == "web@embedded").state.running)
        await prod.hub.fail(None)
        await ui.press("ctrl+r")
        await ui.misses("unreachable")
        await ui.until(lambda: not ui.main.lists.snapshot.lost)


async def test_waiting_for_a_lost_engine_gets_longer_and_says_until_when(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = harbour()
    monkeypatch.setattr("tui.feed.watch.BACKOFF", (0.01, 30.0))
    async with running(engine) as ui:
        await engine.hub.fail(EngineFault("the socket is gone"))
        await ui.shows("engine unreachable: the socket is gone · next try at ")
        at = ui.main.lists.snapshot.retry_at
        assert 20 < at - time.time() <= 30
        await ui.press("ctrl+r")
        await ui.until(lambda: ui.main.lists.snapshot.retry_at > at, "it was asked, and the next time is later")
        assert "web" in ui.text()


async def test_the_box_names_all_its_keys_on_eighty_columns() -> None:
    home = harbour()
    async with running(home, size=(80, 24), hosts=FakeHosts({EMBEDDED: home})) as ui:
        await ui.press("f7")
        await ui.shows("u: default  r: ask  esc: close")
