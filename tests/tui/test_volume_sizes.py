"""Sizes of volumes: counted while they are looked at, behind the list, and not again and again."""

from __future__ import annotations

from engine.errors import Unavailable
from engine.model.volumes import Volume
from tests.tui.conftest import running
from tests.tui.fake import NOW, FakeEngine, harbour
from tui.feed.volume_sizes import FRESH, PAUSE, VolumeSizes


async def test_sizes_come_while_volumes_are_looked_at() -> None:
    engine = harbour()
    async with running(engine) as ui:
        assert "17MB" not in ui.text()
        assert not engine.called("disk usage")
        await ui.press("3")
        await ui.shows("17MB")
        await ui.shows("51MB")
        await ui.shows("Size")  # in the details too
        await ui.press("o", "o", "o", "O")
        await ui.until(lambda: ui.main.lists.panes[ui.main.stage.noun].rows[0].key == "pgdata")
        await ui.press("1", "3", "down", "up")
        assert len(engine.called("disk usage")) == 1


async def test_they_are_counted_again_after_a_while_or_for_a_new_volume() -> None:
    engine, now = FakeEngine(), 1000.0
    sizes = VolumeSizes(engine, lambda: now)
    volumes = [Volume(name="a", created_at=NOW)]
    engine.volumes.all["a"] = volumes[0]
    assert await sizes.count(volumes)
    assert sizes.sized(volumes)[0].size == 17_000_000
    assert not await sizes.count(volumes)
    volumes.append(Volume(name="b"))
    assert sizes.sized(volumes)[1].size == -1
    now += PAUSE - 1
    assert not await sizes.count(volumes)
    now += 1
    engine.volumes.all["b"] = volumes[1]
    assert await sizes.count(volumes)
    now += FRESH
    assert not await sizes.count(volumes)  # nothing new
    now += FRESH
    await engine.hub.fail(Unavailable("gone"))
    assert not await sizes.count(volumes)
    assert sizes.sized(volumes)[1].size == 34_000_000
    assert len(engine.called("disk usage")) == 4
