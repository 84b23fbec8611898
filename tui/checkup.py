"""All that can be said about somebody's settings without a TUI: mistakes with their lines, keys that hide one another, faint colours.

What ``longshore settings check`` prints. Errors are what the reader does not take; notes are what works and is worth knowing.
"""

from __future__ import annotations

import os

from engine.errors import LongshoreError
from engine.model.value import Value
from tui import config
from tui.actions import conflicts, custom_actions, key_name, with_keys
from tui.presets import keymap
from tui.theme_files import directory, theme_tables
from tui.words import tr


class Findings(Value):
    """What was found.

    Attributes:
        path: the file that was looked at.
        exists: there is such a file.
        errors: what is not taken, a line for each.
        notes: what is taken and may not be meant.
    """

    path: str
    exists: bool
    errors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def check(path: str = "") -> Findings:
    """Look at a settings file, at the person's own where none is named, and at the theme files beside it."""
    found = config.read(path)
    errors = found.told.splitlines()
    notes: list[str] = []
    settings = found.settings
    actions = (*with_keys(keymap(settings.preset, settings.keys)), *custom_actions(settings.commands))
    notes += [tr("{path}: keys: {sentence}", path=found.path, sentence=sentence) for sentence in conflicts(actions)]
    notes += [tr("{path}: keys: {key} is no key that a terminal sends", path=found.path, key=key) for key in _unknown_keys(settings)]
    wrong, faint = _themes(found.path, settings)
    return Findings(path=found.path, exists=os.path.exists(found.path), errors=(*errors, *wrong), notes=(*notes, *faint))


def _unknown_keys(settings: config.Settings) -> list[str]:
    from textual.keys import Keys  # late: brings Textual

    known = {key.value for key in Keys}
    given = [key.strip() for keys in settings.keys.values() for key in keys.split(",")] + [one.key for one in settings.commands]
    return sorted({key for key in map(key_name, given) if key and not _sent(key, known)})


def _sent(key: str, known: set[str]) -> bool:
    """A terminal can send the key: a name of Textual's, a sign by its Unicode name, either with modifiers."""
    import unicodedata

    *modifiers, base = key.split("+")
    if not set(modifiers) <= {"ctrl", "alt", "shift", "super", "hyper", "meta"}:
        return False
    if key in known or base in known or len(base) == 1 or base in ("slash", "backslash", "at", "minus", "plus", "underscore"):
        return True
    try:
        unicodedata.lookup(base.replace("_", " "))
    except KeyError:
        return False
    return True


def _themes(path: str, settings: config.Settings) -> tuple[list[str], list[str]]:
    """What is wrong with a person's own themes, and where they are hard to read."""
    from textual.theme import BUILTIN_THEMES

    from tui.themes import AUTO, THEMES, faint, own_theme

    tables, wrong = theme_tables(path)
    sources = {name: os.path.join(directory(path), f"{name}.toml") for name in tables} | dict.fromkeys(settings.themes, path)
    notes: list[str] = []
    for name, table in {**tables, **settings.themes}.items():
        try:
            notes += [f"{sources[name]}: {sentence}" for sentence in faint(own_theme(name, table))]
        except LongshoreError as error:
            wrong.append(f"{sources[name]}: {error.message}{f' ({error.hint})' if error.hint else ''}")
    if settings.theme not in (AUTO, *BUILTIN_THEMES, *(theme.name for theme in THEMES), *sources):
        wrong.append(tr("{path}: tui.theme: there is no theme “{theme}”", path=path, theme=settings.theme))
    return wrong, notes
