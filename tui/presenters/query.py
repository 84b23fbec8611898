"""What is typed into a list's filter, as terms that rows are held against. Pure.

::

    web               the row contains it, whatever the case
    status:exited     the field contains it; commas are alternatives: status:exited,dead
    label:team=shop   a label contains it
    ~wrk1             the name has these letters in this order
    !term             the opposite of any of these

A colon behind a word that names no field belongs to the word, so that ``redis:7`` finds an image. Where plain words find
nothing at all, :func:`loosened` tries them as letters in order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from engine.model.value import Value


class Term(Value):
    """One condition: all alternatives in ``texts`` are in lower case.

    Attributes:
        field: what is looked at, ``""`` for the whole row.
        negated: rows that fit are left out.
        fuzzy: the letters in order are enough.
    """

    texts: tuple[str, ...]
    field: str = ""
    negated: bool = False
    fuzzy: bool = False


def parse(text: str, fields: Collection[str]) -> tuple[Term, ...]:
    """The terms of a filter. One that is not finished yet (``status:``, ``!``) is none."""
    found = (_term(word, fields) for word in text.lower().split())
    return tuple(term for term in found if any(term.texts))


def _term(word: str, fields: Collection[str]) -> Term:
    negated = word.startswith("!")
    word = word[1:] if negated else word
    field, colon, value = word.partition(":")
    if colon and field in fields:
        return Term(field=field, texts=tuple(part for part in value.split(",") if part), negated=negated)
    fuzzy = word.startswith("~")
    return Term(texts=(word[1:] if fuzzy else word,), negated=negated, fuzzy=fuzzy)


def loosened(terms: Sequence[Term]) -> tuple[Term, ...]:
    """The same conditions with plain words as letters in order."""
    return tuple(term.replace(fuzzy=True) if not term.field and not term.negated else term for term in terms)


def in_order(letters: str, text: str) -> bool:
    """All letters occur in the text, one after the other."""
    rest = iter(text)
    return all(letter in rest for letter in letters)


def fits(terms: Sequence[Term], search: str, field: Callable[[str], str]) -> bool:
    """A row meets every term.

    Args:
        search: the row's whole text in lower case.
        field: gives a field's text in lower case; asked for ``name`` by fuzzy words.
    """
    return all(_meets(term, search, field) != term.negated for term in terms)


def _meets(term: Term, search: str, field: Callable[[str], str]) -> bool:
    if term.fuzzy:
        name = field("name")
        return any(in_order(text, name) for text in term.texts)
    text = field(term.field) if term.field else search
    return any(wanted in text for wanted in term.texts)
