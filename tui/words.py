"""The language that the TUI speaks: gettext catalogues, English as the source.

``tr("Remove {name}?", name=one.name)`` is the sentence in the language in use, filled in; ``trn`` chooses by a number. Placeholders
have names, so that a translation may put them in another order. Texts in tables are made while modules are imported and marked
with ``mark``; they are translated where they are drawn, so that another language in the settings takes effect without a restart.
Labels and sentences of :data:`tui.actions.ACTIONS` and what lists are sorted by need no mark, the extraction reads their tables.

The catalogues are ``locale/LANGUAGE/LC_MESSAGES/longshore.po``. The ``.mo`` beside each is what is read at run time, with the standard
library's ``gettext``: it is compiled ahead and kept in the repository, so that neither an installation nor the start needs a library
for it, and a test holds it against its ``.po``. Compiling while the package is built would leave an editable installation without.
Whoever reads English loads neither ``gettext`` nor a catalogue: ``tr`` only fills in. CLI verbs never call ``use`` and stay English,
as do Docker's own words: states of containers, the command log, names of settings.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gettext import GNUTranslations

DIRECTORY = os.path.join(os.path.dirname(__file__), "locale")
DOMAIN = "longshore"
SOURCE = "en"
"""The language of the source, which has no catalogue."""

_catalogue: GNUTranslations | None = None
_in_use = SOURCE


def tr(text: str, /, **values: object) -> str:
    """``text`` in the language in use, with its ``{placeholders}`` filled in where values are given."""
    if _catalogue is not None and text:
        text = _catalogue.gettext(text)
    return text.format(**values) if values else text


def trn(one: str, many: str, count: int, /, **values: object) -> str:
    """The form for ``count``, which is also the placeholder ``{count}``; ``one`` and ``many`` are the English ones."""
    text = _catalogue.ngettext(one, many, count) if _catalogue is not None else one if count == 1 else many
    return text.format(count=count, **values)


def mark(text: str) -> str:
    """``text`` as it is: the extraction finds it here, ``tr`` translates it where it is drawn."""
    return text


def mark_n(one: str, many: str) -> tuple[str, str]:
    """As :func:`mark`, for what :func:`trn` is to choose from."""
    return one, many


def languages() -> tuple[str, ...]:
    """The languages that there are, English first."""
    try:
        names = sorted(name for name in os.listdir(DIRECTORY) if os.path.exists(_path(name)))
    except OSError:
        names = []
    return (SOURCE, *names)


def in_use() -> str:
    """The language in use."""
    return _in_use


def use(language: str) -> None:
    """Speak a language from now on: a catalogue's name, or a list of wishes with colons; English where there is none of them."""
    global _catalogue, _in_use  # noqa: PLW0603  # what a process speaks is one thing, as its locale is
    wishes = language.split(":") if language else []
    wish = next((name for name in wishes if name == SOURCE or os.path.exists(_path(name))), SOURCE)
    if wish == _in_use:
        return
    _catalogue = _loaded(wish) if wish != SOURCE else None
    _in_use = wish if _catalogue is not None else SOURCE


def from_environment() -> str:
    """What the environment asks for, as gettext reads it: wishes with colons, ``""`` for English.

    ``LC_ALL``, ``LC_MESSAGES`` and ``LANG``, the first that is set; where that is no plain C locale, ``LANGUAGE`` comes before it.
    """
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((value for name in names if (value := os.environ.get(name))), "")
    if locale.partition(".")[0] in ("", "C", "POSIX"):
        return ""
    full = [wish.partition(".")[0].partition("@")[0] for wish in (os.environ.get("LANGUAGE") or locale).split(":")]
    wishes = [*dict.fromkeys(name for wish in full for name in (wish, wish.partition("_")[0]) if name)]
    return "" if wishes[:1] and wishes[0].partition("_")[0] in (SOURCE, "C", "POSIX") else ":".join(wishes)


def _path(language: str) -> str:
    """Where a language's catalogue is. The name is from outside: only what can be a language's gets near the file system."""
    plain = language if language.replace("_", "").isalnum() and language.isascii() else "-"
    return os.path.join(DIRECTORY, plain, "LC_MESSAGES", f"{DOMAIN}.mo")


def _loaded(language: str) -> GNUTranslations | None:
    from gettext import GNUTranslations  # late: not needed for English

    try:
        with open(_path(language), "rb") as file:
            return GNUTranslations(file)
    except (OSError, ValueError):
        return None
