"""The forms that make something offer the drivers of the connected host."""

from __future__ import annotations

from textual.widgets import Input

from tests.tui.conftest import Harness, running
from tests.tui.fake import FakeEngine, harbour


def _docker() -> FakeEngine:
    engine = harbour()
    engine.system.described = engine.system.described.replace(
        volume_drivers=("local", "rclone"),
        network_drivers=("bridge", "host", "ipvlan", "macvlan", "null", "overlay"),
        log_drivers=("awslogs", "journald", "json-file"),
    )
    return engine


async def _complete(ui: Harness, field: str, typed: str) -> Input:
    """Type into a field and take what it suggests."""
    found = ui.app.screen.query_one(f"#{field}", Input)
    found.focus()
    await ui.until(lambda: ui.app.focused is found)
    await ui.type(typed)
    await ui.until(lambda: found._suggestion, what=f"a suggestion for {typed}")
    await ui.press("right")
    return found


async def test_volumes_and_networks_by_the_host_s_drivers() -> None:
    async with running(_docker()) as ui:
        await ui.until(lambda: ui.main.lists.snapshot.info)
        await ui.press("3", "n")
        await ui.until(lambda: len(ui.app.screen_stack) == 2)
        assert ui.app.screen.query_one("#field-driver", Input).placeholder == "local; or rclone"
        await ui.type("far")
        assert (await _complete(ui, "field-driver", "rc")).value == "rclone"
        await ui.press("enter")
        await ui.until(lambda: "far" in ui.engine.volumes.all)
        assert ui.engine.volumes.all["far"].driver == "rclone"
        await ui.press("4", "n")
        await ui.until(lambda: len(ui.app.screen_stack) == 2)
        assert ui.app.screen.query_one("#field-driver", Input).placeholder == "bridge; or ipvlan, macvlan, overlay"
        await ui.type("wide")
        assert (await _complete(ui, "field-driver", "mac")).value == "macvlan"
        await ui.press("enter")
        await ui.until(lambda: any(one.name == "wide" and one.driver == "macvlan" for one in ui.engine.networks.all.values()))


async def test_a_container_s_log_and_network() -> None:
    async with running(_docker()) as ui:
        await ui.until(lambda: ui.main.lists.snapshot.info and ui.main.lists.snapshot.networks)
        await ui.press("2", "R")
        await ui.until(lambda: len(ui.app.screen_stack) == 2)
        assert (await _complete(ui, "run-log", "jo")).value == "journald"
        assert (await _complete(ui, "run-network", "bri")).value == "bridge"
        await ui.press("enter")
        made = ui.engine.containers.configs
        await ui.until(lambda: any(host.log_driver == "journald" and host.network_mode == "bridge" for _, host in made.values()))


async def test_a_host_that_says_nothing_is_asked_for_its_default() -> None:
    async with running(harbour()) as ui:
        await ui.press("3", "n")
        await ui.until(lambda: len(ui.app.screen_stack) == 2)
        assert ui.app.screen.query_one("#field-driver", Input).placeholder == "local"
