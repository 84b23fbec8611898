"""Compose projects: found by their labels, grouped at a key, acted on as a whole."""

from __future__ import annotations

from collections.abc import Mapping

from engine.model.containers import ContainerStatus
from tests.tui.conftest import Harness, running
from tests.tui.fake import FakeEngine, FakeLog, harbour
from tui.config import Settings
from tui.presenters.ansi import text_of
from tui.presenters.projects import groups_of, project_lines
from tui.screens.preview import PreviewModal
from tui.snapshot import Noun


def labels(project: str, service: str) -> Mapping[str, str]:
    return {
        "com.docker.compose.project": project,
        "com.docker.compose.service": service,
        "com.docker.compose.project.working_dir": f"/srv/{project}",
        "com.docker.compose.project.config_files": f"/srv/{project}/compose.yaml",
    }


def town() -> FakeEngine:
    engine = harbour()
    for name, project, service, status in (
        ("blog-web-1", "blog", "web", ContainerStatus.RUNNING),
        ("blog-web-2", "blog", "web", ContainerStatus.EXITED),
        ("blog-db-1", "blog", "db", ContainerStatus.RUNNING),
        ("wiki-app-1", "wiki", "app", ContainerStatus.EXITED),
    ):
        log = FakeLog(3, lambda index, name=name: f"{name} says {index}\n".encode())  # type: ignore[misc]
        engine.add(name, "busybox:latest", status, labels=labels(project, service), cpu=1.5, memory=2_000_000, log=log)
    return engine


def shown(ui: Harness) -> list[str]:
    return [f"{row.cells[0][0]}|{row.cells[1][0]}" if row.heading else row.cells[1][0] for row in ui.main.lists.panes[Noun.CONTAINERS].rows]


GROUPED = [
    "2/3|▾ blog",
    "  blog-db-1",
    "1/2|  ▾ web",
    "    blog-web-1",
    "    blog-web-2",
    "0/1|▾ wiki",
    "  wiki-app-1",
    "5/8|▾ no project",
]


async def test_the_list_is_grouped_by_project_and_service_and_flat_again() -> None:
    async with running(town()) as ui:
        flat = shown(ui)
        await ui.press("P")
        assert shown(ui)[:8] == GROUPED
        assert len(shown(ui)) == 12 + 4
        await ui.shows("of 12")
        await ui.press("g")
        await ui.shows("─ 12 ─╯")
        await ui.press("P")
        assert shown(ui) == flat


async def test_groups_fold_and_the_grouping_is_remembered(tmp_path: object) -> None:
    settings = Settings(remember=f"{tmp_path}/tui.json")
    async with running(town(), settings=settings) as ui:
        await ui.press("P", "g", "z")
        assert shown(ui)[:2] == ["2/3|▸ blog", "0/1|▾ wiki"]
        await ui.press("z")
        assert shown(ui)[:8] == GROUPED
        await ui.press("j", "j", "j", "z")
        assert shown(ui)[:4] == ["2/3|▾ blog", "  blog-db-1", "1/2|  ▸ web", "0/1|▾ wiki"]
    async with running(town(), settings=settings) as ui:
        assert shown(ui)[:8] == GROUPED


async def test_a_flat_list_has_nothing_to_fold() -> None:
    async with running(town()) as ui:
        await ui.press("z")
        await ui.until(lambda: any("P groups the list" in toast for toast in ui.toasts()))


async def test_a_heading_stands_for_its_members_in_every_action() -> None:
    async with running(town()) as ui:
        await ui.press("P", "g", "s")
        await ui.until(lambda: isinstance(ui.app.screen, PreviewModal))
        await ui.shows("Stop 2 containers?")
        await ui.shows("stop blog-web-1")
        await ui.shows("1 more of the marked ones need nothing.")
        await ui.press("y")
        await ui.until(lambda: len(ui.engine.called("stop")) == 2)
        await ui.until(lambda: shown(ui)[0] == "0/3|▾ blog")
        assert ui.engine.containers.find("web").state.running


async def test_marking_a_heading_marks_its_members_and_ranges_never_mark_headings() -> None:
    async with running(town()) as ui:
        await ui.press("P", "g", "space")
        marks = ui.main.lists.panes[Noun.CONTAINERS].marks
        assert {one.name for one in ui.main.lists.snapshot.containers if one.id in marks.keys} == {"blog-db-1", "blog-web-1", "blog-web-2"}
        await ui.press("escape", "g", "v", "G")
        assert len(marks.keys) == 12
        await ui.press("escape", "asterisk")
        assert len(marks.keys) == 12


async def test_a_filter_keeps_the_headings_of_what_it_shows_and_the_counts_tell_all() -> None:
    async with running(town()) as ui:
        await ui.press("P", "slash")
        await ui.type("project:blog status:exited")
        await ui.press("enter")
        assert shown(ui) == ["2/3|▾ blog", "  blog-web-2"]
        await ui.press("slash", *["backspace"] * 30)
        await ui.type("service:app")
        assert shown(ui) == ["0/1|▾ wiki", "  wiki-app-1"]


async def test_the_main_pane_shows_the_logs_of_a_project_as_one_and_tells_of_its_services() -> None:
    async with running(town()) as ui:
        await ui.press("P", "g")
        await ui.shows("blog-db-1  │ blog-db-1 says 2")
        await ui.shows("blog-web-1 │ blog-web-1 says 2")
        await ui.shows("3 logs")
        await ui.press("j")
        await ui.misses("3 logs")
        await ui.press("k")
        await ui.shows("3 logs")
        await ui.press("enter", "o")
        await ui.shows("of 3 logs")
        alone = ui.main.content.solo
        await ui.press("escape", "j")
        await ui.misses("3 logs")
        await ui.press("k")  # back at the group: its status is told before its log is open, and tells which one is alone
        await ui.shows(f"{ui.engine.containers.find(alone).name} of 3 logs")
        await ui.press("enter", "o", "o", "o")
        await ui.shows("─ 3 logs")
        await ui.press("escape", "j")
        await ui.misses("3 logs")
        await ui.shows("blog-db-1 says 2")
        await ui.press("k", "right_square_bracket")
        await ui.shows("Choose a container of this group")
        await ui.press("right_square_bracket", "right_square_bracket")
        await ui.shows("/srv/blog/compose.yaml")
        await ui.shows("1/2 web")


async def test_one_log_of_a_group_of_one_still_has_its_name() -> None:
    async with running(town()) as ui:
        await ui.press("P")
        ui.main.lists.panes[Noun.CONTAINERS].select("group:wiki")
        await ui.shows("wiki-app-1 │ wiki-app-1 says 2")


def test_groups_are_by_name_and_those_without_a_project_last() -> None:
    groups = groups_of(list(town().containers.all.values()))
    assert [(group.title, group.depth, group.running) for group in groups] == [
        ("blog", 0, 2), ("web", 1, 1), ("wiki", 0, 0), ("no project", 0, 5),
    ]  # fmt: skip
    text = "\n".join(text_of(line) for line in project_lines(groups[0]))
    assert "Running:   2 of 3" in text and "/srv/blog" in text
