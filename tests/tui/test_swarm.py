"""The lists and texts of a swarm, and that nothing of it is there where an engine is in none."""

from __future__ import annotations

from engine.model.services import Service
from engine.model.swarm import Node, SwarmFile, Task
from tests.tui.conftest import running
from tests.tui.fake import harbour
from tui.presenters.ansi import text_of
from tui.presenters.swarm import Kept, config_lines, rows, task_table
from tui.screens.swarm import SwarmScreen
from tui.swarm_snapshot import SwarmNoun, SwarmSnapshot, swarm_things

NOW = 1_000_000.0
HOSTILE = "x\x1b]0;owned\x07\x1b[2J\u202ey"


def snapshot() -> SwarmSnapshot:
    services = (
        Service(id="s1", name="web", image="busybox:1@sha256:ab", replicas=2, running=1, desired=2, update_state="updating"),
        Service(id="s2", name=HOSTILE, image=HOSTILE, labels={"com.docker.stack.namespace": HOSTILE, HOSTILE: HOSTILE}, args=(HOSTILE,)),
    )
    nodes = (Node(id="n1", hostname="node1", state="ready", leader=True, role="manager"), Node(id="n2", hostname=HOSTILE, state=HOSTILE))
    tasks = (
        Task(id="t1", service_id="s1", slot=1, node_id="n1", state="running", changed_at=NOW - 120),
        Task(id="t2", service_id="s1", slot=2, node_id="n2", state="failed", error=HOSTILE, changed_at=NOW - 30),
    )
    config = SwarmFile(id="c1", name=HOSTILE, data=HOSTILE.encode() + b"\n\xff\xfe" + b"z\n" * 1000, raw='{"Spec": {"Data": "aGk="}}')
    return SwarmSnapshot(services=services, nodes=nodes, tasks=tasks, configs=(config,), secrets=(config.replace(data=b""),), own="n1")


def test_nothing_that_others_wrote_reaches_the_terminal_as_it_is() -> None:
    shown = snapshot()
    for noun in SwarmNoun:
        things = swarm_things(shown, noun)
        texts = [text for row in rows(noun, things, shown, NOW) for text, _ in row.cells]
        for thing in things:
            texts += [text_of(line) for line in config_lines(thing, shown, now=NOW, reveal=True)]
            texts += [text_of(line) for line in task_table(thing, shown, NOW)]
        assert things and texts
        assert not [text for text in texts if not text.replace("\n", "").isprintable()], noun


def test_rows_say_what_is_missing() -> None:
    shown = snapshot()
    services = rows(SwarmNoun.SERVICES, swarm_things(shown, SwarmNoun.SERVICES), shown, NOW)
    assert [text for text, _ in services[0].cells[:5]] == ["1/2", "web", "busybox:1", "", "updating"]
    tasks = rows(SwarmNoun.TASKS, swarm_things(shown, SwarmNoun.TASKS), shown, NOW)
    assert [text for text, _ in tasks[0].cells] == ["running", "web.1", "node1", "2m", ""]
    assert tasks[1].cells[0][0] == "failed" and tasks[1].cells[4][0].startswith("x␛]0;owned")
    nodes = rows(SwarmNoun.NODES, swarm_things(shown, SwarmNoun.NODES), shown, NOW)
    assert [text for text, _ in nodes[0].cells[:4]] == ["ready", "node1 *", "active", "leader"]
    busy = shown.replace(pending={"s1": "scaling"})
    assert rows(SwarmNoun.SERVICES, swarm_things(busy, SwarmNoun.SERVICES), busy, NOW)[0].cells[0][0] == "scaling…"


def test_rows_that_are_still_right_are_kept() -> None:
    shown = snapshot()
    kept: Kept = {}
    tasks = swarm_things(shown, SwarmNoun.TASKS)
    before = rows(SwarmNoun.TASKS, tasks, shown, NOW, kept)
    changed = shown.replace(tasks=(shown.tasks[0], shown.tasks[1].replace(state="running", error="")))
    after = rows(SwarmNoun.TASKS, swarm_things(changed, SwarmNoun.TASKS), changed, NOW, kept)
    assert after[0] is before[0] and after[1].cells[0][0] == "running"
    assert set(kept) == {"t1", "t2"}


def test_a_config_shows_its_content_and_its_document_without_it() -> None:
    shown = snapshot()
    text = "\n".join(text_of(line) for line in config_lines(shown.configs[0], shown, now=NOW, reveal=False))
    assert "bytes more" in text and "aGk=" not in text and "Full details" in text


async def test_an_engine_without_a_swarm_offers_none() -> None:
    async with running(harbour()) as ui:
        assert "swarm" not in ui.text()
        await ui.press("f5")
        assert not any(isinstance(screen, SwarmScreen) for screen in ui.app.screen_stack)
        assert not [action for action in ui.main.keys.offered() if action.id == "global.swarm"]
