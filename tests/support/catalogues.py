"""Catalogues of the TUI's words: what the source has to be translated, and the files that translators write.

``python3 -m tests.support.catalogues`` brings ``tui/locale`` up to date: the template, each ``.po`` (new sentences are there without
a translation, those that are gone go) and each ``.mo``. Tests hold what lies there against the source.
"""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Iterator

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from tui.actions import ACTIONS, Scope
from tui.columns import CONTAINER_SORTS, IMAGE_SORTS, NAMES, NETWORK_SORTS, VOLUME_SORTS
from tui.presenters import monitor, swarm
from tui.screens.row_maker import KNOWN
from tui.snapshot import FilePhase, Noun
from tui.swarm_snapshot import SwarmNoun
from tui.words import DIRECTORY, DOMAIN

TUI = os.path.dirname(DIRECTORY)
TEMPLATE = os.path.join(DIRECTORY, f"{DOMAIN}.pot")
KEYWORDS = {"tr": None, "mark": None, "trn": (1, 2), "mark_n": (1, 2)}
LANGUAGES = tuple(sorted(name for name in os.listdir(DIRECTORY) if os.path.isdir(os.path.join(DIRECTORY, name))))


def po_path(language: str) -> str:
    """Where a language's sentences are."""
    return os.path.join(DIRECTORY, language, "LC_MESSAGES", f"{DOMAIN}.po")


def mo_path(language: str) -> str:
    """Where they are compiled."""
    return po_path(language).removesuffix(".po") + ".mo"


def table_words() -> Iterator[tuple[str, str]]:
    """Words that stand in tables of the source without a mark, each with the table's name."""
    for action in ACTIONS:
        yield action.label, "tui/actions.py"
        yield action.about, "tui/actions.py"
    for scope in Scope:
        yield scope.value, "tui/actions.py"
        yield scope.name.lower(), "tui/actions.py"
    for sorts in (CONTAINER_SORTS, IMAGE_SORTS, VOLUME_SORTS, NETWORK_SORTS, *NAMES.values()):
        for name in sorts:
            yield name, "tui/columns.py"
    for noun in (*Noun, *SwarmNoun):
        yield noun.value, "tui/snapshot.py"
        yield noun.value.removesuffix("s"), "tui/snapshot.py"
        yield noun.value.capitalize(), "tui/snapshot.py"
    for phase in FilePhase:
        yield phase.value, "tui/presenters/pulls.py"
    headings = [column for columns in KNOWN.values() for column in columns.values()]
    headings += [column for columns in swarm.COLUMNS.values() for column in columns]
    for column in (*headings, *monitor.COLUMNS):
        yield column.title, "tui/presenters"


@functools.cache
def extracted() -> Catalog:
    """The template as the source has it now."""
    catalog = Catalog(project="Longshore", version="1", fuzzy=False, header_comment="# What Longshore's terminal interface says.")
    for name, _, message, _, _ in sorted(
        extract_from_dir(TUI, method_map=[("**.py", "python")], keywords=KEYWORDS), key=lambda one: one[0]
    ):
        catalog.add(message, locations=[(f"tui/{name}", 0)])
    for word, place in table_words():
        if word and any(char.isalpha() for char in word):
            catalog.add(word, locations=[(place, 0)])
    return catalog


def read(path: str) -> Catalog:
    """A catalogue's file."""
    with open(path, "rb") as file:
        return read_po(file)


def compiled(catalog: Catalog) -> bytes:
    """A catalogue as ``.mo``."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def written(catalog: Catalog) -> bytes:
    """A catalogue as text, without what changes from day to day."""
    out = io.BytesIO()
    write_po(out, catalog, width=130, omit_header=False, sort_output=True, include_lineno=False, ignore_obsolete=True)
    unkept = (b'"POT-Creation-Date', b'"PO-Revision-Date', b'"Generated-By', b'"Report-Msgid', b'"Last-Translator', b'"Language-Team')
    kept = [line for line in out.getvalue().split(b"\n") if not line.startswith(unkept)]
    return b"\n".join(kept)


def main() -> None:
    """Write everything anew."""
    template = extracted()
    with open(TEMPLATE, "wb") as file:
        file.write(written(template))
    for language in LANGUAGES:
        catalog = read(po_path(language))
        catalog.update(template, no_fuzzy_matching=True)
        with open(po_path(language), "wb") as file:
            file.write(written(catalog))
        with open(mo_path(language), "wb") as file:
            file.write(compiled(read(po_path(language))))


if __name__ == "__main__":
    main()
