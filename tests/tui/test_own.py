"""What a person makes their own: commands, keys, questions, read-only mode, themes."""

from __future__ import annotations

import os
import subprocess

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from engine.errors import InvalidArgument
from tests.tui.conftest import Harness, running
from tests.tui.fake import harbour
from tui import config
from tui.actions import ACTIONS, CHANGING, conflicts, custom_actions, unknown_ids, with_keys
from tui.config import Settings
from tui.custom import CustomCommand, custom_command, filled, placeholders
from tui.screens.confirm import ConfirmModal
from tui.screens.output import OutputModal
from tui.screens.prompt import PromptModal
from tui.snapshot import Noun
from tui.themes import CONTRAST, DARK, LIGHT, contrast, fallbacks, own_theme

# --- commands ----------------------------------------------------------------------------------------------------------


def test_a_line_is_filled_in_and_quoted() -> None:
    line = "echo {name} {{x}} {ask:Port} ${{HOME}}"
    assert placeholders(line) == ["name", "ask:Port"]
    assert filled(line, {"name": "a b; rm -rf /", "ask:Port": "80"}) == "echo 'a b; rm -rf /' {x} 80 ${HOME}"
    assert filled("echo {project}", {}) == "echo ''"


EVIL = (
    "a b",
    "x'; touch OUT; '",
    'x"; touch OUT; "',
    "$(touch OUT)",
    "`touch OUT`",
    "x; touch OUT",
    "x\ntouch OUT\n",
    "\\",
    "x\\",
    "'\"'\"",
    "!!",
)
LINES = (
    "{name}",
    "'{name}'",
    '"{name}"',
    "'a {name} b'",
    '"a {name} b"',
    "\\{name}",
    '"\\{name}"',
    "a\\'{name}",
    "'a'{name}\"b\"",
    "$(printf %s {name})",
)


@pytest.mark.parametrize("line", LINES)
def test_no_name_or_label_gets_out_of_the_quotes_of_a_line(line: str, tmp_path: os.PathLike[str]) -> None:
    for value in EVIL:
        shown = subprocess.run(
            ["/bin/sh", "-c", filled(f"printf %s {line}", {"name": value})], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert not os.listdir(tmp_path), (line, value)
        assert value.replace("\n", " ").strip().split(" ")[0] in shown.stdout or line.startswith("$("), (line, value, shown)


def test_a_place_that_no_quoting_makes_safe_is_a_mistake() -> None:
    with pytest.raises(InvalidArgument, match=r"tui.commands\[0\]: \{name\} can not stand"):
        custom_command({"name": "x", "command": 'echo "$(wc {name})"'}, 0)
    for line in ('echo "`wc {name}`"', "echo `wc {name}`", 'echo "$(wc "{name}")"', "cat <<END\n{name}\nEND"):
        with pytest.raises(InvalidArgument):
            custom_command({"name": "x", "command": line}, 0)
    assert custom_command({"name": "x", "command": "echo $(wc {name})"}, 0).command


@pytest.mark.parametrize(
    "table, problem",
    [
        ({"name": "x"}, "name and command are needed"),
        ({"name": "x", "command": "y", "colour": "red"}, "colour is no field"),
        ({"name": "x", "command": "y", "confirm": "yes"}, "confirm wants bool"),
        ({"name": "x", "command": "y", "scope": "pods"}, "scope is one of"),
        ({"name": "x", "command": "y", "output": "printer"}, "output one of"),
        ({"name": "x", "command": "{tag}"}, "{tag} is not known"),
        ("x", "is no table"),
    ],
)
def test_a_wrong_command_is_named(table: object, problem: str) -> None:
    with pytest.raises(InvalidArgument, match=r"tui\.commands\[2\]") as caught:
        custom_command(table, 2)
    assert problem in caught.value.message


async def test_a_command_runs_for_all_that_is_marked_and_its_output_is_shown() -> None:
    command = CustomCommand(name="greet", key="f3", command="echo hello {name}; echo {image} >&2; exit 3")
    async with running(harbour(), settings=Settings(commands=(command,))) as ui:
        await ui.press("space", "space", "f3")
        await ui.until(lambda: isinstance(ui.app.screen, OutputModal))
        await ui.shows("$ echo hello cache; echo redis:7.4-alpine >&2; exit 3")
        await ui.shows("hello db")
        await ui.shows("postgres:17")
        await ui.shows("exit code 3")
        await ui.shows("greet: done")
        await ui.press("escape", "at")
        await ui.shows("✘ echo hello cache")
        await ui.press("escape", "x")
        await ui.shows("greet: echo hello {name}")


async def test_output_is_made_harmless_and_closing_the_box_ends_the_command(tmp_path: os.PathLike[str]) -> None:
    alive = os.path.join(tmp_path, "alive")
    line = f"printf 'a\\033[2Jb\\n'; touch {alive}; trap 'rm {alive}; exit' TERM; sleep 100 & wait"
    async with running(harbour(), settings=Settings(commands=(CustomCommand(name="long", scope="global", command=line, key="f4"),))) as ui:
        await ui.press("f4")
        await ui.shows("│ ab")
        await ui.until(lambda: os.path.exists(alive))
        await ui.press("q")
        await ui.until(lambda: not os.path.exists(alive))


async def test_a_command_asks_for_what_it_wants_and_for_a_yes_and_can_be_silent(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "out")
    command = CustomCommand(name="note", scope="volumes", command=f"echo {{name}} {{ask:Text}} >> {path}", output="none", confirm=True)
    async with running(harbour(), settings=Settings(commands=(command,))) as ui:
        await ui.press("3", "X")
        await ui.shows("Commands of your own")
        await ui.shows("note")
        await ui.press("enter")
        await ui.shows("note: Text")
        await ui.type("two words")
        await ui.press("enter")
        await ui.until(lambda: isinstance(ui.app.screen, ConfirmModal))
        await ui.shows("'two words'")
        await ui.press("y")
        await ui.until(lambda: any(toast == "note: done" for toast in ui.toasts()))
        with open(path, encoding="utf-8") as file:
            assert file.read() == "pgdata two words\n"
        await ui.press("X", "enter", "escape")
        await ui.press("X", "enter")
        await ui.type("x")
        await ui.press("enter", "n")
        with open(path, encoding="utf-8") as file:
            assert len(file.read().splitlines()) == 1


async def test_the_menu_of_commands_is_for_containers_that_have_some_and_types_any(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    async with running(harbour(), settings=Settings(commands=(CustomCommand(name="fail", command="exit 2", output="none"),))) as ui:

        async def shell(lines: list[str]) -> list[int]:
            given.extend(lines)
            return [0] * len(lines)

        monkeypatch.setattr(ui.main.desk, "shell", shell)
        await ui.press("c")
        await ui.shows("fail")
        await ui.press("enter")
        await ui.until(lambda: any("1 of 1 ended badly" in toast for toast in ui.toasts()))
        await ui.press("X", "X")
        await ui.until(lambda: isinstance(ui.app.screen, PromptModal))
        await ui.type("df -h")
        await ui.press("enter")
        await ui.until(lambda: given == ["df -h"])
    async with running(harbour()) as ui:
        await ui.press("c")
        assert ui.app.screen is ui.main


# --- keys --------------------------------------------------------------------------------------------------------------


def test_the_registry_itself_has_no_conflicts_and_a_changed_keymap_tells_them() -> None:
    assert conflicts(ACTIONS) == []
    assert conflicts(with_keys({"containers.stop": "f12"})) == []
    (told,) = conflicts(with_keys({"containers.stop": "slash"}))[:1]
    assert told == "/ is lists.filter, so containers.stop (stop) can not be reached with it"
    assert unknown_ids({"containers.stop": "x", "containers.stopp": "x"}) == ["containers.stopp"]
    own = custom_actions((CustomCommand(name="mine", command="true", key="s"),))
    assert "s is containers.stop, so custom.0 (mine)" in conflicts((*ACTIONS, *own))[0]


async def test_conflicts_and_unknown_actions_are_told_at_the_start() -> None:
    async with running(harbour(), settings=Settings(keys={"containers.stop": "slash", "nonsense": "a"})) as ui:
        await ui.until(lambda: any("nonsense is no action" in toast and "/ is lists.filter" in toast for toast in ui.toasts()))
    async with running(harbour(), settings=Settings(keys={"containers.stop": "f12"})) as ui:
        assert ui.toasts() == []


# --- questions ---------------------------------------------------------------------------------------------------------


async def test_what_is_asked_before_an_action_is_a_persons_choice() -> None:
    settings = Settings(confirm={"containers.restart": "ask", "containers.stop": "never", "volumes.remove": "name"})
    async with running(harbour(), settings=settings) as ui:
        await ui.press("r")
        await ui.until(lambda: isinstance(ui.app.screen, ConfirmModal))
        await ui.shows("Restart it")
        await ui.press("n")
        assert not ui.engine.called("restart")
        await ui.press("r", "y")
        await ui.called("restart")
        await ui.press("s")
        await ui.called("stop")
        await ui.press("3", "j", "d")
        await ui.shows("type uploads to go on")
        await ui.type("upload")
        await ui.press("enter")
        await ui.until(lambda: any("upload is not uploads" in toast for toast in ui.toasts()))
        await ui.press("d")
        await ui.type("uploads")
        await ui.press("enter")
        await ui.called("remove volume uploads")


# --- read only ---------------------------------------------------------------------------------------------------------


async def test_read_only_mode_leaves_out_whatever_changes_something() -> None:
    commands = (
        CustomCommand(name="look", command="echo looked", key="f3", readonly=True),
        CustomCommand(name="change", command="echo changed", key="f4"),
    )
    async with running(harbour(), settings=Settings(readonly=True, commands=commands)) as ui:
        await ui.shows("read only")
        offered = {action.id for action in ui.main.keys.offered()}
        assert not offered & CHANGING
        for number, noun in enumerate(Noun, 1):
            await ui.press(str(number))
            for action in ACTIONS:
                if action.id in CHANGING and action.id.startswith(noun.value):
                    await ui.press(action.keys[0])
                    assert ui.app.screen is ui.main, action.id
        await ui.press("1", "f4")
        assert ui.app.screen is ui.main
        await ui.press("f3")
        await ui.shows("looked")
        await ui.press("escape", "f8")
        await ui.shows("810MB")
        assert "remove images" not in ui.text()
        changing = (
            "start",
            "stop",
            "restart",
            "kill",
            "pause",
            "remove",
            "create",
            "pull",
            "push",
            "tag",
            "exec",
            "attach",
            "update",
            "commit",
        )
        assert not [call for call in ui.engine.hub.calls if call.startswith(changing)]


def test_every_action_that_names_an_engine_operation_is_known_to_change_something() -> None:
    harmless = {"logs", "mix", "open", "hide", "group", "fold", "custom", "save", "cancel", "files", "hang_up", "next_terminal", "layers"}
    nouns = tuple(f"{noun.value}." for noun in Noun)
    assert {action.id for action in ACTIONS if action.id.startswith(nouns)} - CHANGING == {
        action.id for action in ACTIONS if action.id.startswith(nouns) and action.id.partition(".")[2] in harmless
    }


# --- themes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in BUILTIN_THEMES if not name.startswith("ansi") and name != "textual-ansi"])
def test_what_a_theme_of_textual_does_not_name_is_mixed_to_be_legible(name: str) -> None:
    theme = BUILTIN_THEMES[name]
    mixed = fallbacks(theme)
    background = Color.parse(theme.to_color_system().generate()["background"])
    assert contrast(Color.parse(mixed["quiet"]), background) >= CONTRAST
    assert contrast(Color.parse(mixed["selection-text"]), Color.parse(mixed["selection"])) >= CONTRAST


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_our_themes_are_legible(theme: object) -> None:
    assert theme in (DARK, LIGHT)
    variables = {**DARK.variables} if theme is DARK else {**LIGHT.variables}
    one = DARK if theme is DARK else LIGHT
    background = Color.parse(one.background or "")
    for name in ("foreground", "primary", "success", "warning", "error", "accent"):
        assert contrast(Color.parse(getattr(one, name)), background) >= CONTRAST, name
    assert contrast(Color.parse(variables["quiet"]), background) >= CONTRAST
    assert contrast(Color.parse(variables["selection-text"]), Color.parse(variables["selection"])) >= CONTRAST


@pytest.mark.parametrize("name", sorted(BUILTIN_THEMES))
async def test_every_theme_of_textual_can_be_drawn(name: str) -> None:
    async with running(harbour(), settings=Settings(theme=name)) as ui:
        await ui.shows("worker-1")


async def test_a_theme_is_chosen_from_the_menu_and_remembered(tmp_path: os.PathLike[str]) -> None:
    settings = Settings(
        remember=os.path.join(tmp_path, "tui.json"), themes={"mine": {"primary": "#ff8800", "variables": {"frame": "#123456"}}}
    )

    async def choose(ui: Harness) -> None:
        await ui.press("ctrl+t")
        await ui.shows("longshore-light")
        await ui.press("j", "j", "enter")

    async with running(harbour(), settings=settings) as ui:
        assert "mine" in ui.main.desk.themes
        await choose(ui)
        chosen = ui.app.theme
        assert chosen != "longshore-dark"
    async with running(harbour(), settings=settings) as ui:
        assert ui.app.theme == chosen


@pytest.mark.parametrize(
    "table, problem",
    [
        ({}, "primary is missing"),
        ({"primary": "bluish"}, "bluish is no colour"),
        ({"primary": "#fff", "shade": "#fff"}, "shade is no colour"),
        ({"primary": "#fff", "variables": {"frame": "x"}}, "frame: x is no colour"),
        ({"primary": "#fff", "variables": 1}, "variables is no table"),
    ],
)
async def test_a_wrong_theme_is_told_and_keeps_nobody_out(table: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidArgument, match="theme mine"):
        own_theme("mine", table)
    async with running(harbour(), settings=Settings(theme="mine", themes={"mine": table})) as ui:
        await ui.until(lambda: any(problem in toast for toast in ui.toasts()))
        assert ui.app.theme == "longshore-dark"


def test_a_light_theme_of_ones_own_has_a_light_ground() -> None:
    theme = own_theme("mine", {"primary": "#005faf", "dark": False})
    assert Color.parse(theme.background or "").brightness > 0.9


# --- the settings file -------------------------------------------------------------------------------------------------


def test_the_settings_file_holds_all_of_it(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "config.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            "[tui]\nreadonly = true\n[tui.confirm]\n'containers.stop' = 'never'\n"
            "[tui.themes.mine]\nprimary = '#abcdef'\n"
            "[[tui.commands]]\nname = 'a'\ncommand = 'echo {name}'\nkey = 'f3'\n"
        )
    settings = config.load(path)
    assert settings.readonly and settings.confirm == {"containers.stop": "never"}
    assert settings.commands == (CustomCommand(name="a", command="echo {name}", key="f3"),)
    for wrong in ("[tui.confirm]\nx = 'maybe'", "[tui]\ncommands = 1", "[[tui.commands]]\nname = 'a'", "[tui.themes]\nmine = 1"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(wrong)
        with pytest.raises(InvalidArgument, match=r"config\.toml"):
            config.load(path)
