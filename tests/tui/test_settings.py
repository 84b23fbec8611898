"""The settings file: what it may hold, how mistakes are told, and that a running TUI takes it up when it changes."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib
from collections.abc import AsyncGenerator
from typing import Any

import jsonschema
import pytest

from engine.errors import InvalidArgument
from tests.tui.conftest import Harness, running
from tests.tui.fake import harbour
from tui import columns, config
from tui.actions import ACTIONS, conflicts, with_keys
from tui.app import LongshoreApp
from tui.config import Settings
from tui.presets import PRESETS, keymap
from tui.screens.row_maker import KNOWN
from tui.settings_table import FIELDS, TABLE
from tui.shapes import Flag, Many, Number, Shape, Table, Text
from tui.snapshot import Noun

# --- one table for the reader and the schema -----------------------------------------------------------------------------


def test_every_setting_has_a_shape_and_names_that_stand_elsewhere_are_the_same() -> None:
    assert {name for name, _ in Settings().fields()} == set(FIELDS)
    assert {noun: set(names) for noun, names in columns.NAMES.items()} == {noun.value: set(KNOWN[noun]) for noun in Noun}
    sortable = {column.sort for column in KNOWN[Noun.CONTAINERS].values()}
    assert sortable == set(columns.CONTAINER_SORTS), "every column can be sorted by"
    jsonschema.Draft202012Validator.check_schema(TABLE.schema())


def _samples(shape: Shape) -> list[Any]:
    """Values that fit a shape and values that do not, the borders among them."""
    wrong: list[Any] = [None, [1], {"a": 1}, 1.5, "x\0"]
    match shape:
        case Flag():
            return [True, False, *wrong]
        case Number():
            return [*(edge + step for edge in (shape.least, shape.most) if edge is not None for step in (-1, 0, 1)), True, *wrong]
        case Text():
            return [*shape.choices, "", "other", 3, *wrong]
        case Many():
            inner = _samples(shape.of)
            return [[], *([one] for one in inner), *inner[:3], *wrong]
        case Table():
            found: list[Any] = [{}, {"nonsense": 1}, *wrong]
            base = {name: _good(shape.known[name]) for name in shape.needed if name in shape.known}
            for name, inside in list(shape.known.items())[:40]:
                found += [{**base, name: value} for value in _samples(inside)]
            if shape.others:
                found += [{"mine": value} for value in _samples(shape.others)]
            return found
    raise AssertionError(shape)


def _good(shape: Shape) -> Any:
    return next(value for value in ("x", True, 2, [], {}, *getattr(shape, "choices", ())) if not list(shape.problems(value, ())))


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_the_schema_and_the_reader_agree(name: str) -> None:
    shape = FIELDS[name]
    validator = jsonschema.Draft202012Validator(shape.schema())
    verdicts = set()
    for value in _samples(shape):
        fits = not list(shape.problems(value, ()))
        assert fits == validator.is_valid(value), value
        verdicts.add(fits)
    assert verdicts == {True, False}


# --- mistakes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, told",
    [
        ("[tui\ntheme = 1", "config.toml:1: no valid TOML: expected ']' at the end of a table declaration"),
        ("[tui]\nmouse = ", "config.toml: no valid TOML: invalid value"),
        ("[tui]\n\nmouze = true", "config.toml:3: tui.mouze: is no setting (did you mean mouse?)"),
        ("[tui]\nmouse = 3", "config.toml:2: tui.mouse: true or false is wanted, not a number"),
        ("# x\n[tui.keys]\n'containers.stopp' = 's'", 'config.toml:3: tui.keys."containers.stopp": is no action (did you mean containers.stop?)'),
        ("[tui]\nkeys.'containers.stop' = 5", 'config.toml:2: tui.keys."containers.stop": a text is wanted, not a number'),
        ("tui = 5", "config.toml:1: tui: a table is wanted, not a number"),
        ("[tui]\nlog_lines = 0", "config.toml:2: tui.log_lines: 0 is not at least 1"),
        ("[tui.columns]\nimages = ['size',\n 'colour']", "config.toml:2: tui.columns.images[2]: “colour” is not known"),
        (
            "[[tui.commands]]\nname = 'a'\ncommand = 'b'\n[[tui.commands]]\nname = 'c'\nscope = 'pods'\ncommand = 'd'",
            "config.toml:6: tui.commands[2].scope: “pods” is not known",
        ),
        ("[[tui.commands]]\nname = 'a'\n\n# c\ncommand = 'x {tag}'", "config.toml:5: tui.commands[1].command: {tag} is not known"),
        ("[[tui.commands]]\nname = 'a'", "config.toml:1: tui.commands[1]: command is missing"),
        ("[tui.themes.mine]\nshade = 'red'", "config.toml:2: tui.themes.mine.shade: is no colour"),
        ("[[tui.graphs]]\npath = 'cpus'", "config.toml:2: tui.graphs[1].path: “cpus” is not known"),
        ("[tui]\nx = " + "[" * 3000, "no valid TOML"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_what_would_be_right(tmp_path: pathlib.Path, text: str, told: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    found = config.read(str(path))
    assert told in found.told
    with pytest.raises(InvalidArgument):
        config.load(str(path))


def test_a_mistake_costs_its_setting_and_no_other(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[tui]\nmouse = 3\nlog_lines = 7\nkeys = {'containers.stop' = ['s', 'f5']}\n")
    found = config.read(str(path))
    assert len(found.problems) == 1
    assert found.settings.mouse and found.settings.log_lines == 7
    assert found.settings.keys == {"containers.stop": "s,f5"}


# --- presets -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_names_actions_and_hides_none_behind_another(name: str) -> None:
    assert set(PRESETS[name]) <= {action.id for action in ACTIONS}
    assert conflicts(with_keys(PRESETS[name])) == []
    assert keymap(name, {"global.menu": "f1"})["global.menu"] == "f1"


async def test_lazydockers_numbers_and_vims_keys_are_there() -> None:
    async with running(harbour(), settings=Settings(preset="lazydocker")) as ui:
        for key, noun in (("4", "images"), ("5", "volumes"), ("6", "networks"), ("3", "containers")):
            await ui.press(key)
            assert ui.noun == noun
        await ui.press("6", "c")
        await ui.shows("Commands of your own")
    async with running(harbour(), settings=Settings(preset="vim")) as ui:
        await ui.press("ctrl+n", "ctrl+n", "ctrl+p", "x")
        await ui.shows("Remove db")
        await ui.press("escape", "ctrl+w")
        assert ui.noun == "images"
        await ui.press("question_mark")
        await ui.shows("Images: ")


async def test_a_key_that_one_list_gives_away_stays_with_the_others() -> None:
    """``c`` is custom commands, cancel and connect in three lists; and a key can be taken away altogether."""
    async with running(harbour(), settings=Settings(keys={"containers.stop": "c", "containers.start": "", "lists.sort": "?"})) as ui:
        await ui.press("c")
        await ui.shows("Stop")
        await ui.press("n", "S")
        assert not ui.engine.called("start")
        before = ui.main.lists.sorts[Noun.CONTAINERS]
        await ui.press("question_mark")
        assert ui.main.lists.sorts[Noun.CONTAINERS] != before
        await ui.press("4", "c")
        await ui.shows("Connect to bridge")


# --- live ----------------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _watching(path: pathlib.Path) -> AsyncGenerator[Harness, None]:
    """An app that runs with the settings of a file and watches it, as ``longshore`` starts it."""
    engine = harbour()
    app = LongshoreApp(engine, settings=config.read(str(path)).settings.replace(remember=""), config=str(path))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        ui = Harness(app, engine, pilot)
        await ui.until(lambda: ui.main.lists.snapshot.loaded)
        await ui.until(lambda: app.watching, "the watch")
        yield ui


def _toast(ui: Harness, *parts: str) -> bool:
    return any(all(part in toast for part in parts) for toast in ui.toasts())


async def test_a_changed_file_is_taken_up_by_a_running_app(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "longshore" / "config.toml"  # not even the directory is there
    async with _watching(path) as ui:
        path.parent.mkdir()
        path.write_text(
            "[tui]\ntheme = 'longshore-light'\nkeys = {'containers.stop' = 'f5', 'images.run' = 'f7'}\ncolumns.containers = ['name', 'id']\n"
        )
        await ui.until(lambda: _toast(ui, "read again", "theme", "keys", "columns"))
        assert ui.app.theme == "longshore-light"
        assert _toast(ui, "f7 is images.run, so global.hosts (hosts) can not be reached with it")
        await ui.press("f5")
        await ui.shows("Stop")
        await ui.press("n")
        assert [column.name for column in ui.main.lists.panes[Noun.CONTAINERS]._columns] == ["name", "id"]
        db = next(one for one in ui.engine.containers.all.values() if one.name == "db")
        await ui.shows(db.short_id)

        # An editor's way: a new file that is renamed. It is broken, so nothing changes.
        new = path.with_suffix(".new")
        new.write_text("[tui]\ntheme = 'longshore-dark'\nmouse = 'no'\n")
        os.replace(new, path)
        await ui.until(lambda: _toast(ui, "settings stay as they were", "config.toml:3: tui.mouse: true or false is wanted"))
        assert ui.app.theme == "longshore-light"

        path.write_text(
            "[tui]\ntheme = 'dusk'\npreset = 'vim'\nside_ratio = 2\nreadonly = true\nlog_wrap = false\nscreen_mode = 'half'\n"
            "[[tui.commands]]\nname = 'look'\nkey = 'f3'\ncommand = 'echo seen {name}'\nreadonly = true\n"
        )
        (path.parent / "themes").mkdir()
        (path.parent / "themes" / "dusk.toml").write_text("primary = '#ff8800'\nforeground = '#333333'\n")
        await ui.until(lambda: ui.app.theme == "dusk")
        await ui.until(lambda: _toast(ui, "theme dusk: foreground on background has a contrast of "))
        await ui.shows("read only")
        assert ui.zoom == 1 and not ui.main.content.pane.log_view.wrapped
        await ui.press("f5", "x")
        assert ui.app.screen is ui.main
        await ui.press("f3")
        await ui.shows("seen ")
        await ui.press("escape")

        (path.parent / "themes" / "dusk.toml").write_text("primary = '#00ff88'\nbackground = '#102030'\n")
        await ui.until(lambda: ui.app.theme_variables["background"].lower() == "#102030")
        path.unlink()
        await ui.until(lambda: ui.app.theme == "longshore-dark")
        assert not ui.main.desk.readonly


async def test_a_file_that_is_linked_from_elsewhere_is_watched_where_it_is(tmp_path: pathlib.Path) -> None:
    real = tmp_path / "dotfiles" / "longshore.toml"
    real.parent.mkdir()
    real.write_text("[tui]\n")
    path = tmp_path / "config.toml"
    path.symlink_to(real)
    async with _watching(path) as ui:
        real.write_text("[tui]\ntheme = 'nord'\n")
        await ui.until(lambda: ui.app.theme == "nord")


async def test_reload_reads_the_settings_too(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "config.toml"
    async with _watching(path) as ui:
        assert ui.app._watch is not None
        ui.app._watch.close()
        path.write_text("[tui]\ntheme = 'nord'\n")
        await ui.press("ctrl+r")
        await ui.until(lambda: ui.app.theme == "nord")


# --- the verbs -----------------------------------------------------------------------------------------------------------


def _verb(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "engine.cli", "settings", *words], capture_output=True, text=True, check=False)


def test_the_verb_checks_the_file_its_themes_and_its_registries(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        "[registries.'registry.example']\nmirror = 'x'\n[tui]\ntheme = 'dusk'\nmouse = 3\n"
        "[tui.keys]\n'containers.stop' = 'slash'\n'containers.start' = 'ctlr+x,alt+f5,?'\n"
    )
    (tmp_path / "themes").mkdir()
    (tmp_path / "themes" / "dim.toml").write_text("primary = '#333333'")
    (tmp_path / "themes" / "bad.toml").write_text("primary = ")
    done = _verb("check", str(path))
    assert done.returncode == 1 and not done.stderr
    for told in (
        f"error: {path}:5: tui.mouse: true or false is wanted",
        f"error: {tmp_path}/themes/bad.toml: Invalid value",
        f"error: {path}: tui.theme: there is no theme “dusk”",
        'unknown key "mirror"',
        "note: " + f"{path}: keys: / is lists.filter, so containers.stop (stop) can not be reached",
        f"note: {path}: keys: ctlr+x is no key that a terminal sends\n",
        f"note: {tmp_path}/themes/dim.toml: theme dim: primary on background has a contrast of ",
    ):
        assert told in done.stdout, told
    assert "alt+f5" not in done.stdout
    path.write_text("[tui]\ntheme = 'dim'\n")
    (tmp_path / "themes" / "bad.toml").unlink()
    done = _verb("check", str(path))
    assert done.returncode == 0 and f"{path}: no mistakes" in done.stdout
    assert "none.toml: no such file" in _verb("check", str(tmp_path / "none.toml")).stdout
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nowhere"))
    assert "not there, so everything has its default" in _verb("check").stdout


def test_the_verb_prints_a_schema_that_takes_the_readmes_example_and_refuses_mistakes() -> None:
    done = _verb("schema")
    assert done.returncode == 0
    validator = jsonschema.Draft202012Validator(json.loads(done.stdout))
    readme = (pathlib.Path(__file__).parents[2] / "README.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", readme.partition("## Settings")[2], re.DOTALL)[:1]
    document = tomllib.loads(example)
    assert not config.checked(document["tui"])[1]
    validator.validate(document)
    mistakes: list[Any] = [{"tui": {"mouse": 3}}, {"registries": {"x": {"mirror": []}}}, {"tui": {"keys": {"containers.stopp": "s"}}}]
    for wrong in mistakes:
        assert not validator.is_valid(wrong)
