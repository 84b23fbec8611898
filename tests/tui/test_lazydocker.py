"""lazydocker's settings in ours: what is taken, what is told, and that a hostile file costs nothing."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from engine.errors import InvalidArgument
from tests.tui.conftest import Harness
from tests.tui.fake import harbour
from tui import config
from tui.app import LongshoreApp
from tui.custom import filled
from tui.lazydocker.document import DEEPEST, LARGEST, NODES, read_document
from tui.lazydocker.settings import _RULES, existing_path, import_settings
from tui.screens.confirm import ConfirmModal
from tui.screens.reader import ReaderModal

FILE = """\
gui:
  language: de
  mouseEvents: true
  theme:
    activeBorderColor: [cyan, bold]
    selectedLineBgColor:
      - '#fc0'
  wrapMainPanel: false
  sidePanelWidth: 0.25
  screenMode: half
  wrongKey: 3
confirmOnQuit: true
logs:
  timestamps: 'yes'
  tail: '200'
commandTemplates:
  dockerCompose: podman-compose
customCommands:
  containers:
    - name: bash
      attach: true
      command: docker exec -it {{ .Container.ID }} bash -c 'echo $HOME; ls'
    - name: env
      shell: true
      command: "docker exec {{ .Container.Name }} env | grep '${HOME}'"
    - name: bad
      command: '{{ .Container.Details.State }} x'
  services:
    - name: logs
      command: '{{ .DockerCompose }} logs {{ .Service.Name }}'
bulkCommands:
  services:
    - {name: up, command: '{{ .DockerCompose }} up -d'}
stats:
  graphs:
    - caption: CPU (%)
      statPath: DerivedStats.CPUPercentage
      color: blue
      maxType: static
      max: 100
    - {caption: cache, statPath: ClientStats.MemoryStats.Stats.Cache}
"""


def test_what_maps_is_mapped_and_every_line_is_accounted_for() -> None:
    found = import_settings(FILE.encode(), "config.yml")
    settings_, problems = config.checked(tomllib.loads(found.toml("config.yml"))["tui"])
    assert not problems
    assert not settings_.mouse, "it means the opposite there"
    assert settings_.preset == "lazydocker" and not settings_.log_wrap and settings_.side_ratio == 4
    assert settings_.screen_mode == "half" and settings_.log_lines == 200 and not settings_.log_timestamps
    assert settings_.confirm == {"global.quit": "ask"}
    assert settings_.theme == "lazydocker"
    assert settings_.themes["lazydocker"]["variables"] == {"frame-focus": "#5fd7d7", "selection": "#fc0", "selection-text": "#000000"}
    (graph,) = settings_.graphs
    assert (graph.path, graph.title, graph.colour, graph.unit, graph.max) == ("cpu_percent", "CPU (%)", "blue", "percent", 100.0)
    bash, env, logs, up = settings_.commands
    values = {"id": "abc", "name": "web", "service": "front"}
    # Without a shell there, quoted here; with one, as it stands.
    assert filled(bash.command, values) == "docker exec -it abc bash -c 'echo $HOME; ls'" and bash.output == "terminal"
    assert filled(env.command, values) == "docker exec web env | grep '${HOME}'"
    assert filled(logs.command, values) == "podman-compose logs front" and logs.scope == "containers"
    assert up.scope == "global" and up.command == "podman-compose up -d"
    told = "\n".join(found.told)
    for line in (
        "2: gui.language: not taken: ",
        "5: gui.theme.activeBorderColor: a theme of your own",
        "11: gui.wrongKey: not taken: lazydocker knows no such key",
        "14: logs.timestamps: not taken: lazydocker would not understand 'yes'",
        "26: customCommands.containers[3]: not taken: 'bad': '{{ .Container.Details.State }}' can not be filled in",
        "41: stats.graphs[2]: not taken: the engine's samples have no 'ClientStats.MemoryStats.Stats.Cache'",
    ):
        assert line in told, told
    assert [one.line for one in found.report] == sorted(one.line for one in found.report)


def test_every_key_that_lazydocker_has_is_known() -> None:
    """The keys of its documentation's list of defaults."""
    keys = (
        "gui.scrollHeight gui.language gui.scrollPastBottom gui.mouseEvents gui.theme.activeBorderColor gui.theme.inactiveBorderColor "
        "gui.theme.selectedLineBgColor gui.theme.optionsTextColor gui.showAllContainers gui.returnImmediately gui.wrapMainPanel "
        "gui.legacySortContainers gui.sidePanelWidth gui.showBottomLine gui.expandFocusedSidePanel gui.screenMode "
        "gui.containerStatusHealthStyle gui.border confirmOnQuit logs.timestamps logs.since logs.tail commandTemplates.dockerCompose "
        "commandTemplates.restartService commandTemplates.viewAlLogs customCommands.containers customCommands.services "
        "customCommands.images customCommands.volumes customCommands.networks bulkCommands.services oS.openCommand oS.openLinkCommand "
        "stats.graphs stats.maxDuration replacements.imageNamePrefixes ignore"
    ).split()
    assert set(keys) <= set(_RULES)


@pytest.mark.parametrize(
    "data, problem",
    [
        (b"a: [1", "config.yml:1: no valid YAML: "),
        (b"a: \xff", "no UTF-8 text"),
        (b"- 1", "a table of settings is wanted"),
        (b"a: &x [1]\nb: *x", "config.yml:2: aliases are not taken"),
        (b"a: " + b"[" * (DEEPEST + 5), "nested too deeply"),
        (b"a: [" + b"1," * NODES + b"]", f"more than {NODES} values"),
        (b"# " + b"x" * LARGEST, "larger than"),
        (b"a: !!python/object/apply:os.system [id]", "no valid YAML: could not determine a constructor"),
        (b"a: 2020-13-77", "no valid YAML: month must be in 1..12"),
        (b"a: " + b"9" * 5000, "no valid YAML: Exceeds the limit"),
        (b"a: [{[1]: 2}]", "no valid YAML"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        import_settings(data, "config.yml")
    assert problem in caught.value.message


_SCALARS = some.one_of(some.none(), some.booleans(), some.integers(), some.floats(), some.text(max_size=12))
_VALUES = some.recursive(
    _SCALARS, lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3), max_leaves=8
)


@settings(max_examples=150, deadline=None)
@given(some.dictionaries(some.sampled_from(sorted(_RULES)), _VALUES, min_size=1, max_size=6))
def test_whatever_the_values_are_the_answer_is_valid_settings_or_a_reason(values: dict[str, object]) -> None:
    import yaml

    document: dict[str, object] = {}
    for key, value in values.items():
        *tables, last = key.split(".")
        place = document
        for name in tables:
            inside = place.setdefault(name, {})
            assert isinstance(inside, dict)
            place = inside
        place[last] = value
    data = yaml.safe_dump(document, allow_unicode=False).encode()
    try:
        found = import_settings(data, "config.yml")
    except InvalidArgument as error:
        assert "aliases" in error.message or "YAML" in error.message, error.message
        return
    assert config.checked(tomllib.loads(found.toml("x\ny"))["tui"])[1] == []


def test_an_empty_file_says_only_whose_keys_are_wanted() -> None:
    assert import_settings(b"", "config.yml").settings == {"preset": "lazydocker"}
    assert read_document(b"a: 1\nb: [2,\n 3]", "x")[1] == {("a",): 1, ("b",): 2, ("b", 0): 2, ("b", 1): 3}


def test_the_verb_prints_or_writes_and_never_over_something(tmp_path: pathlib.Path) -> None:
    (tmp_path / "lazydocker").mkdir()
    source = tmp_path / "lazydocker" / "config.yml"
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    environment.pop("CONFIG_DIR", None)

    def verb(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "engine.cli", "settings", "import-lazydocker", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    missing = verb()
    assert missing.returncode == 1 and "there is no config.yml of lazydocker" in missing.stderr
    source.write_text(FILE)
    printed = verb()
    assert printed.returncode == 0 and tomllib.loads(printed.stdout)["tui"]["side_ratio"] == 4
    assert f"{source}:2: gui.language: not taken" in printed.stderr
    target = tmp_path / "longshore" / "config.toml"
    assert verb("--write").returncode == 0 and not config.read(str(target)).problems
    target.write_text("mine")
    again = verb("-w", str(source))
    assert again.returncode == 1 and "is there already" in again.stderr
    assert target.read_text() == "mine" and os.listdir(target.parent) == ["config.toml"]


@pytest.mark.parametrize("answer", ["y", "n"])
async def test_a_newcomer_is_asked_once(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("CONFIG_DIR", raising=False)
    (tmp_path / "lazydocker").mkdir()
    (tmp_path / "lazydocker" / "config.yml").write_text(FILE)
    assert existing_path()
    target = tmp_path / "longshore" / "config.toml"
    for asked in (True, False):
        engine = harbour()
        found = config.read()
        app = LongshoreApp(engine, settings=found.settings, config=found.path)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            ui = Harness(app, engine, pilot)
            await ui.until(lambda app=app: app.watching)  # type: ignore[misc]  # bound at once
            if not asked:
                assert app.screen is ui.main
                continue
            await ui.until(lambda ui=ui: isinstance(ui.app.screen, ConfirmModal))  # type: ignore[misc]
            await ui.press(answer)
            if answer == "n":
                await ui.until(lambda ui=ui: any("does it later" in toast for toast in ui.toasts()))  # type: ignore[misc]
                assert not target.exists()
                continue
            await ui.until(lambda ui=ui: isinstance(ui.app.screen, ReaderModal))  # type: ignore[misc]
            await ui.shows("gui.wrongKey: not taken")
            await ui.press("escape", "4")
            assert ui.noun == "images" and app.theme == "lazydocker"
            await ui.press("q")
            await ui.shows("Leave")
