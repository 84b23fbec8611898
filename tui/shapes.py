"""Shapes that settings have: the reader validates with them, and the JSON schema is made from them, so that the two agree.

A shape is data. ``problems`` tells what is wrong with a value as TOML gives it, ``schema`` is the same rule in JSON Schema
(draft 2020-12), which editors complete and check with.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from engine.model.value import EMPTY, Value
from tui.words import mark, tr

Path = tuple[str | int, ...]


class Problem(Value):
    """What is wrong at a place.

    Attributes:
        path: keys from the top of the file, places in lists from 0.
        text: what is wrong, without the place.
        hint: what would be right.
        line: in the file, from 1; 0 where that is not known.
        column: in the line, from 1; 0 where that is not known.
    """

    path: Path
    text: str
    hint: str = ""
    line: int = 0
    column: int = 0

    @property
    def where(self) -> str:
        """The place as people write it: ``tui.commands[2].name``, lists counted from 1."""
        parts = [f"[{part + 1}]" if isinstance(part, int) else f".{_bare(part)}" for part in self.path]
        return "".join(parts).removeprefix(".")


class Shape(Value):
    """What a value has to be; ``about`` describes it in the schema."""

    about: str = ""

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        """What is wrong with a value, nothing where it fits."""
        raise NotImplementedError

    def schema(self) -> dict[str, object]:
        """The same as JSON Schema."""
        return {"description": self.about} if self.about else {}


class Flag(Shape):
    """``true`` or ``false``."""

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        if not isinstance(value, bool):
            yield Problem(path=path, text=tr("true or false is wanted, not {kind}", kind=_kind(value)))

    def schema(self) -> dict[str, object]:
        return {**super().schema(), "type": "boolean"}


class Number(Shape):
    """A number, whole unless ``broken`` is set."""

    least: float | None = None
    most: float | None = None
    broken: bool = False

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        if isinstance(value, bool) or not isinstance(value, (int, float) if self.broken else int):
            yield Problem(
                path=path,
                text=tr("a number is wanted, not {kind}", kind=_kind(value))
                if self.broken
                else tr("a whole number is wanted, not {kind}", kind=_kind(value)),
            )
            return
        assert isinstance(value, (int, float))
        if not ((self.least is None or value >= self.least) and (self.most is None or value <= self.most)):
            limits = [tr("at least {least:g}", least=self.least)] if self.least is not None else []
            limits += [tr("at most {most:g}", most=self.most)] if self.most is not None else []
            yield Problem(path=path, text=tr("{value} is not {limits}", value=value, limits=tr(" and ").join(limits)))

    def schema(self) -> dict[str, object]:
        limits = {} if self.least is None else {"minimum": self.least}
        limits |= {} if self.most is None else {"maximum": self.most}
        return {**super().schema(), "type": tr("number") if self.broken else "integer", **limits}


class Text(Shape):
    """A text, one of ``choices`` where there are some, and not empty with ``needed``."""

    choices: tuple[str, ...] = ()
    needed: bool = False

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield Problem(path=path, text=tr("a text is wanted, not {kind}", kind=_kind(value)))
        elif self.choices and value not in self.choices:
            yield Problem(path=path, text=tr("“{value}” is not known", value=value), hint=_known(value, self.choices))
        elif self.needed and not value:
            yield Problem(path=path, text=tr("must not be empty"))

    def schema(self) -> dict[str, object]:
        rule: dict[str, object] = {"enum": list(self.choices)} if self.choices else {}
        return {**super().schema(), "type": "string", **rule, **({"minLength": 1} if self.needed else {})}


class Many(Shape):
    """A list of values of one shape, or with ``single`` one of them alone."""

    of: Shape
    single: bool = False

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        if self.single and not isinstance(value, list):
            yield from self.of.problems(value, path)
        elif not isinstance(value, list):
            yield Problem(path=path, text=tr("a list is wanted, not {kind}", kind=_kind(value)))
        else:
            for place, item in enumerate(value):
                yield from self.of.problems(item, (*path, place))

    def schema(self) -> dict[str, object]:
        many: dict[str, object] = {"type": "array", "items": self.of.schema()}
        return {**super().schema(), **({"anyOf": [self.of.schema(), many]} if self.single else many)}


class Table(Shape):
    """A table.

    Attributes:
        known: names that are known, each with its shape.
        others: the shape of what has any other name; without it no other name may be there.
        needed: names that must be there.
        noun: what a name is, for messages.
    """

    known: Mapping[str, Shape] = EMPTY
    others: Shape | None = None
    needed: tuple[str, ...] = ()
    noun: str = mark("setting")

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        if not isinstance(value, Mapping):
            yield Problem(path=path, text=tr("a table is wanted, not {kind}", kind=_kind(value)))
            return
        for name, item in value.items():
            shape = self.known.get(name, self.others)
            if shape is None:
                yield Problem(path=(*path, name), text=tr("is no {noun}", noun=tr(self.noun)), hint=_known(name, tuple(self.known)))
            else:
                yield from shape.problems(item, (*path, name))
        for name in self.needed:
            if name not in value:
                yield Problem(path=path, text=tr("{name} is missing", name=name))

    def schema(self) -> dict[str, object]:
        found: dict[str, object] = {**super().schema(), "type": "object"}
        if self.known:
            found["properties"] = {name: shape.schema() for name, shape in self.known.items()}
        found["additionalProperties"] = self.others.schema() if self.others else False
        return {**found, **({"required": list(self.needed)} if self.needed else {})}


def _kind(value: object) -> str:
    names = {
        bool: tr("true or false"),
        int: tr("a number"),
        float: tr("a number"),
        str: tr("a text"),
        list: tr("a list"),
        dict: tr("a table"),
    }
    return next((name for kind, name in names.items() if type(value) is kind), tr("a date or time"))


def _known(name: str, choices: Sequence[str]) -> str:
    """The nearest of what is known, or all of it where that is not much."""

    near = difflib.get_close_matches(name, choices, 1)
    return (
        tr("did you mean {near}?", near=near[0]) if near else tr("known: {names}", names=", ".join(choices)) if len(choices) <= 40 else ""
    )


def _bare(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() else f'"{name}"'
