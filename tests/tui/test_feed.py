"""The feed: snapshots from lists and events, samples for what is seen, pulls that can be cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.message import Message

from engine.errors import EngineFault, PullDenied
from engine.model.containers import ContainerConfig, HostConfig
from engine.model.images import PullPhase, PullProgress
from tests.tui.conftest import running
from tests.tui.fake import FakeEngine, harbour
from tui.feed.pulls import Pulls
from tui.feed.sampler import Sampler
from tui.feed.watch import FEW, Feed
from tui.late import Late
from tui.messages import OperationFailed, PullsChanged, SnapshotChanged
from tui.snapshot import Noun


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


async def test_events_that_come_together_cost_one_list_and_idling_costs_none() -> None:
    engine = harbour()
    posted: list[Message] = []
    feed = Feed(engine, posted.append)
    task = asyncio.create_task(feed.run())
    await eventually(lambda: engine.called("events"))
    before = len(engine.hub.calls)
    await engine.hub.burst(*[("container", "start", "x"), ("container", "exec_create: sh", "x")] * 50)
    await eventually(lambda: len(engine.hub.calls) > before)
    await asyncio.sleep(0.1)
    assert engine.hub.calls[before:] == ["list containers x"]
    snapshots = [message.snapshot for message in posted if isinstance(message, SnapshotChanged)]
    assert [(one.loaded, one.info is not None) for one in snapshots] == [(True, False), (True, True)], "the lists, then the engine's name"
    await engine.hub.emit("network", "create", "n")
    await eventually(lambda: engine.hub.calls[-1] == "list networks")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_container_that_died_is_asked_for_until_the_list_knows() -> None:
    engine = harbour()
    feed = Feed(engine, lambda message: None)
    task = asyncio.create_task(feed.run())
    await eventually(lambda: engine.called("events"))
    web, cache = engine.containers.find("web"), engine.containers.find("cache")
    before = len(engine.hub.calls)
    await engine.hub.emit("container", "die", web.id)  # as dockerd: its list does not know yet, and no event comes when it does
    await eventually(lambda: len(engine.hub.calls) > before)
    engine.containers.all[web.id] = web.replace(state=web.state.replace(status="exited", exit_code=137))
    await eventually(lambda: not next(one for one in feed.snapshot.containers if one.id == web.id).state.running)
    asked = len(engine.hub.calls)
    await asyncio.sleep(0.5)
    assert len(engine.hub.calls) == asked, "it is known: nobody asks any more"
    await engine.hub.burst(("container", "die", cache.id), ("container", "start", cache.id))  # the restart policy
    await eventually(lambda: len(engine.hub.calls) > asked)
    asked = len(engine.hub.calls)
    await asyncio.sleep(0.3)
    assert len(engine.hub.calls) == asked, "it runs again: nobody asks any more"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_of_containers_only_those_that_events_named_are_read_again() -> None:
    engine = harbour()
    feed = Feed(engine, lambda message: None)
    task = asyncio.create_task(feed.run())
    await eventually(lambda: engine.called("events"))
    before = feed.snapshot.containers
    web, gone = engine.containers.find("web"), engine.containers.find("db")
    await engine.containers.stop(web.id)
    await engine.containers.remove(gone.id, force=True)
    await eventually(lambda: len(feed.snapshot.containers) == len(before) - 1)
    now = {one.id: one for one in feed.snapshot.containers}
    assert not now[web.id].state.running and gone.id not in now
    assert all(now[one.id] is one for one in before if one.id not in (web.id, gone.id)), "the others are what they were"
    made = await engine.containers.create(ContainerConfig(image="busybox:latest"), HostConfig(), name="late")
    await eventually(lambda: any(one.id == made.id for one in feed.snapshot.containers))
    assert "list containers" not in engine.hub.calls[engine.hub.calls.index("events") :]
    await engine.hub.burst(*(("container", "update", f"{number:064x}") for number in range(FEW + 1)))
    await eventually(lambda: "list containers" in engine.hub.calls[engine.hub.calls.index("events") :])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_after_trouble_everything_is_listed_again() -> None:
    engine = harbour()
    feed = Feed(engine, lambda message: None)
    task = asyncio.create_task(feed.run())
    await eventually(lambda: engine.called("events"))
    await engine.hub.fail(EngineFault("gone"))
    await eventually(lambda: feed.snapshot.trouble == "gone")
    assert feed.snapshot.containers
    await engine.hub.fail(None)
    feed.reload()
    await eventually(lambda: not feed.snapshot.trouble)
    assert len(engine.called("list images")) >= 2
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_mark_goes_with_the_list_that_tells_what_became_of_it() -> None:
    engine = harbour()
    feed = Feed(engine, lambda message: None)
    task = asyncio.create_task(feed.run())
    await eventually(lambda: engine.called("events"))
    web = engine.containers.find("web")
    feed.mark([web.id], "stopping")
    assert feed.snapshot.pending == {web.id: "stopping"}
    feed.settle(web.id, Noun.CONTAINERS)
    await eventually(lambda: not feed.snapshot.pending)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_only_watched_containers_are_sampled() -> None:
    engine = harbour()
    sampler = Sampler(engine, lambda message: None)
    web, db = engine.containers.find("web"), engine.containers.find("db")
    sampler.watch([web.id, db.id])
    await eventually(lambda: sampler.latest(web.id) and sampler.latest(db.id))
    sampler.watch([db.id])
    await eventually(lambda: engine.containers.open_streams == 1)
    assert sampler.latest(web.id) is None
    assert sampler.history(web.id)
    sampler.forget([db.id])
    assert not sampler.history(web.id)
    await sampler.close()
    assert engine.containers.open_streams == 0


async def test_samples_follow_what_is_on_the_screen() -> None:
    engine = FakeEngine()
    engine.add_image("busybox:latest")
    for index in range(40):
        engine.add(f"c{index:02}", "busybox:latest", cpu=1, memory=1)
    async with running(engine, size=(80, 24)) as ui:
        await ui.until(lambda: len(engine.called("stats")) >= 12)
        assert engine.containers.open_streams <= 14
        await ui.press("G")
        await ui.until(lambda: engine.called(f"stats {engine.containers.find('c39').id}"))
        await ui.press("2")
        await ui.until(lambda: engine.containers.open_streams <= 2)


async def test_a_pull_tells_how_far_it_is_fails_and_is_cancelled() -> None:
    engine = harbour()
    posted: list[Message] = []
    pulls = Pulls(engine, posted.append)
    engine.images.hold.clear()
    engine.images.steps = [PullProgress(phase=PullPhase.DOWNLOADING, layer="a" * 12, current=index, total=100) for index in range(100)]
    task = pulls.start("alpine")
    assert pulls.start("alpine") is task
    await eventually(lambda: pulls.states[0].layers)
    assert len(pulls.states[0].layers) == 1
    assert sum(isinstance(message, PullsChanged) for message in posted) < 10
    pulls.cancel("alpine")
    await asyncio.gather(task, return_exceptions=True)
    assert pulls.states[0].outcome == "cancelled"
    engine.images.hold.set()
    engine.images.pull_error = PullDenied("pull access denied for nope, repository does not exist or may require 'docker login'")
    assert await pulls.start("nope") is False
    assert any(isinstance(message, OperationFailed) and message.title == "pull nope" for message in posted)
    engine.images.pull_error = None
    assert await pulls.start("alpine") is True
    assert [state.outcome for state in pulls.states] == ["failed", "done"]
    assert pulls.clear()
    assert not pulls.states
    await pulls.close()


async def test_browsing_on_while_an_image_comes() -> None:
    engine = harbour()
    engine.images.hold.clear()
    engine.images.steps = [PullProgress(phase=PullPhase.DOWNLOADING, layer="abcdefabcdef", current=5_000_000, total=10_000_000)]
    async with running(engine) as ui:
        await ui.press("2", "p")
        await ui.type("alpine")
        await ui.press("enter")
        await ui.shows("abcdefabcdef Downloading")
        await ui.shows("5MB / 10MB")
        await ui.press("1", "j", "enter")
        await ui.shows("pulling alpine")
        await ui.press("escape", "2", "c")
        await ui.shows("cancelled alpine")
        await ui.press("p")
        await ui.type("alpine")
        engine.images.hold.set()
        await ui.press("enter")
        await ui.shows("alpine          latest")
        await ui.press("escape")
        await ui.until(lambda: not ui.main.pulls.states)


async def test_work_that_is_given_up_before_its_first_step_is_never_made() -> None:
    begun: list[int] = []

    async def work(number: int) -> int:
        begun.append(number)
        return number

    async with running(harbour()) as ui:
        ui.app.run_worker(Late(work, 1)).cancel()
        assert await ui.app.run_worker(Late(work, 2)).wait() == 2
    assert begun == [2]
