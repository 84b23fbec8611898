"""The TUI speaks other languages: catalogues are fresh and complete, nothing visible is left in English, and it fits."""

from __future__ import annotations

import ast
import gettext
import os
import re
import string
import subprocess
import sys
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog, Message
from rich.cells import cell_len

from tests.support import catalogues
from tests.tui.conftest import running
from tests.tui.fake import harbour
from tui import config, words
from tui.actions import ACTIONS, Scope, in_scopes
from tui.app import LongshoreApp
from tui.config import Settings
from tui.presenters.keybar import hints

LANGUAGES = catalogues.LANGUAGES
MARKUP = re.compile(r"\[@[^\]]*\]|\[/\]")
FRESH = "`python3 -m tests.support.catalogues` brings the catalogues up to date"


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    words.use("")


def _both(message: Message) -> Iterator[tuple[str, str]]:
    """Each form of a sentence with what it is translated to."""
    if isinstance(message.id, str):
        yield from [(message.id, str(message.string))] if message.id else []
    else:
        yield from zip(message.id, message.string or (), strict=True)


def _pairs(language: str) -> list[tuple[str, str]]:
    return [pair for message in catalogues.read(catalogues.po_path(language)) for pair in _both(message)]


# --- the files ------------------------------------------------------------------------------------------------------------


def test_there_are_the_languages_that_are_promised() -> None:
    assert words.languages() == ("en", *LANGUAGES) and {"de", "es", "fr"} <= {*LANGUAGES}


def test_the_template_is_what_the_source_has_to_say() -> None:
    with open(catalogues.TEMPLATE, "rb") as file:
        assert file.read() == catalogues.written(catalogues.extracted()), FRESH


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_is_complete_and_compiled(language: str) -> None:
    def told(catalog: Catalog) -> dict[object, object]:
        return {message.id: message.string for message in catalog if message.id}

    catalog = catalogues.read(catalogues.po_path(language))
    assert {message.id for message in catalog} == {message.id for message in catalogues.extracted()}, FRESH
    assert not [message.id for message in catalog if message.id and message.fuzzy]
    assert not [english for english, other in _pairs(language) if not other.strip()]
    with open(catalogues.mo_path(language), "rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in catalog:
        if isinstance(message.id, str):
            assert not message.id or compiled.gettext(message.id) == message.string, FRESH
        else:
            forms = [compiled.ngettext(message.id[0], message.id[1], count) for count in (1, 2)]
            assert forms == [*(message.string or ())], FRESH


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_says_the_same_things(language: str) -> None:
    """Placeholders with their formats, markup, lines and the blanks at the edges, which other texts stand beside."""

    def places(text: str) -> set[tuple[str, str]]:
        return {(name, form or "") for _, name, form, _ in string.Formatter().parse(text) if name is not None}

    for english, other in _pairs(language):
        assert places(english) == places(other), (english, other)
        assert sorted(MARKUP.findall(english)) == sorted(MARKUP.findall(other)), (english, other)
        assert english.count("\n") == other.count("\n"), (english, other)
        assert english.endswith(" ") == other.endswith(" "), (english, other)
        assert not english.startswith(" ") or other.startswith(" "), (english, other)


# --- the source ------------------------------------------------------------------------------------------------------------

SHOWN = {
    "tell", "tell_error", "notify", "ConfirmModal", "PromptModal", "MenuModal", "FormModal", "ReaderModal", "PreviewModal", "note",
    "section", "show_placeholder", "TickBox", "Label",
}  # fmt: skip
"""Calls whose arguments are read by people."""
FIELDS = {"label": ("Entry", "Field"), "title": ("Plan",), "told": ("Plan", "perform"), "consequence": ("Plan",), "about": ("PromptModal",)}
SAME = {"CPUs", "lazydocker", "active", "pause", "drain"}
"""What is the same everywhere: names, and Docker's own words."""


def _words_in(node: ast.expr) -> str:
    """The letters of a literal that is given as it is."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
    return ""


def _untranslated(path: str) -> Iterator[str]:
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        shown = [*node.args] if name in SHOWN else []
        shown += [keyword.value for keyword in node.keywords if name in FIELDS.get(keyword.arg or "", ())]
        for part in shown:
            if re.search(r"[A-Za-z]{2}", text := _words_in(part)) and text not in SAME:
                yield f"{os.path.relpath(path, catalogues.TUI)}:{part.lineno}: {text!r}"


def test_nothing_that_is_shown_is_left_in_english() -> None:
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(catalogues.TUI) for name in names if name.endswith(".py")]
    assert not [found for path in paths if os.sep + "web" not in path for found in _untranslated(path)]


# --- it fits -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("scope", [Scope.CONTAINERS, Scope.IMAGES, Scope.VOLUMES, Scope.NETWORKS])
def test_a_footer_of_80_cells_keeps_the_first_keys(language: str, scope: Scope) -> None:
    words.use(language)
    for scopes in ([Scope.LISTS, scope, Scope.GLOBAL], [Scope.LOGS, Scope.MAIN, scope, Scope.GLOBAL]):
        shown = hints(in_scopes(ACTIONS, scopes), 78)
        assert sum(cell_len(f"{key} {label}") + 2 for _, key, label in shown) <= 78 + 2
        assert len(shown) >= 5 and {"global.menu", "global.quit"} <= {action.id for action, _, _ in shown}, shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_keys_of_a_dialog_fit_into_its_border(language: str) -> None:
    for english, other in _pairs(language):
        if re.search(r"(?:enter|esc|space): ", english):
            cells = cell_len(MARKUP.sub("", other))
            assert cells <= max(60 if "[@" not in english else 58, cell_len(MARKUP.sub("", english))), other


# --- which language ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"LANG": "de_AT.UTF-8"}, "de_AT:de"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "fr_FR@euro"}, "fr_FR:fr"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "es_ES.UTF-8"}, "es_ES:es"),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "pt:fr"}, "pt:fr"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C.UTF-8", "LANGUAGE": "fr"}, ""),
        ({"LANGUAGE": "fr"}, ""),
        ({"LANG": "en_GB.UTF-8"}, ""),
        ({}, ""),
    ],
)
def test_the_environment_chooses_as_it_does_for_every_program(
    environment: dict[str, str], wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert words.from_environment() == wanted


@pytest.mark.parametrize(
    ("wish", "spoken"), [("de_AT:de", "de"), ("tlh:fr", "fr"), ("tlh", "en"), ("", "en"), ("en:de", "en"), ("../de", "en"), ("a/b", "en")]
)
def test_a_language_that_there_is_not_is_english(wish: str, spoken: str) -> None:
    words.use(wish)
    assert words.in_use() == spoken


def test_a_number_chooses_the_form_and_values_are_never_templates() -> None:
    assert words.trn("{count} container", "{count} containers", 1) == "1 container"
    words.use("fr")
    assert words.trn("{count} image", "{count} images", 0) == "0 image", "none is one in French"
    assert words.tr("Stop {name}?", name="{name.__class__}") == "Arrêter {name.__class__} ?"
    assert words.tr("a sentence of nobody {x}") == "a sentence of nobody {x}" and words.tr("") == ""


def test_the_settings_name_a_language_and_another_one_is_a_mistake() -> None:
    assert config.checked({"language": "de"})[0].language == "de"
    settings, problems = config.checked({"language": "klingon"})
    assert [problem.where for problem in problems] == ["tui.language"] and "de" in problems[0].hint
    assert settings.language == words.from_environment()


def test_verbs_speak_english_and_need_no_catalogue() -> None:
    code = "import sys; sys.argv = ['longshore', 'settings', 'check']; from engine.cli.main import entry\ntry: entry()\nexcept SystemExit: pass\n"
    code += "from tui import words; assert words.in_use() == 'en'"
    environment = {**os.environ, "LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, stdout=subprocess.DEVNULL)


# --- on the screen ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "title", "stop", "question", "image"),
    [
        ("de", "[2] Images", "Stoppen, mit Rückfrage", "stoppen?", "Ein Image holen"),
        ("fr", "[1] Conteneurs", "L'arrêter, après question", "Arrêter ", "Tirer une image"),
        ("es", "[1] Contenedores", "Pararlo, tras preguntar", "¿Parar ", "Descargar una imagen"),
    ],
)
async def test_the_app_speaks_a_language(language: str, title: str, stop: str, question: str, image: str) -> None:
    async with running(harbour(), size=(80, 24), settings=Settings(language=language)) as harness:
        await harness.shows(title)
        await harness.press("x")
        await harness.shows(stop)
        await harness.press("escape")
        await harness.misses(stop)
        await harness.select("web")
        await harness.press("s")
        await harness.shows(question)
        await harness.press("n")
        await harness.misses(question)
        await harness.press("2", "p")
        await harness.shows(image)
        await harness.press("escape")


async def test_another_language_in_the_settings_is_spoken_at_once(tmp_path: object) -> None:
    path = os.path.join(str(tmp_path), "config.toml")

    def write(language: str) -> None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'[tui]\nlanguage = "{language}"\nremember = ""\n')

    write("en")
    async with running(harbour(), settings=Settings(language="en", remember="")) as harness:
        harness.app._config = path
        await harness.shows("[1] Containers")
        write("es")
        harness.app.reread_settings()
        await harness.shows("[1] Contenedores")
        await harness.shows("Registro")
        write("en")
        harness.app.reread_settings()
        await harness.shows("[1] Containers")
        assert isinstance(harness.app, LongshoreApp)
