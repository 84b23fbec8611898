"""Regular expressions from strangers, matched in time that grows with the text and not with its powers.

Filters such as ``name=^web-[0-9]+$`` are expressions, and dockerd's can not be made to run for hours (RE2). Python's can, ``(a+)+$`` is
enough, and hold up every other thread meanwhile. So the expression becomes a program for a machine that follows all ways at once
(Thompson 1968; Cox, "Regular Expression Matching: the Virtual Machine Approach"). What is known: ``. [] () (?:) | * + ? {m,n} ^ $``
and the escapes ``\\d \\w \\s`` with their opposites.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.errors import InvalidArgument

_LONGEST = 1000
"""Characters of an expression."""
_LARGEST = 1000
"""Steps of a program: what ``{1000}{1000}`` asks for is not made."""
_DEEPEST = 50
"""Groups in groups."""
_ESCAPED = {"d": (("0", "9"),), "w": (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z")), "s": (("\t", "\r"), (" ", " "))}
_LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}

Fits = Callable[[str], bool]
Step = tuple[str, Fits | None, int, int]
"""What is done, for ``one`` whether a character fits, and where it goes on."""


class Pattern:
    """An expression, ready to be looked for. Raises InvalidArgument where it is none, or asks for too much."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise InvalidArgument(f"a regular expression has at most {_LONGEST} characters")
        self._steps = _Parser(text).program()

    def found_in(self, text: str) -> bool:
        """The expression fits somewhere in the text."""
        current: set[int] = set()
        for place in range(len(text) + 1):
            current = self._reached({*current, 0}, place == 0, place == len(text))
            if any(self._steps[at][0] == "match" for at in current):
                return True
            if place < len(text):
                current = {to for at in current for kind, fits, to, _ in (self._steps[at],) if kind == "one" and fits and fits(text[place])}
        return False

    def _reached(self, starts: set[int], first: bool, last: bool) -> set[int]:
        """The steps that wait for a character, or are the end, from where some ways are."""
        seen: set[int] = set()
        ways = list(starts)
        while ways:
            at = ways.pop()
            if at in seen:
                continue
            seen.add(at)
            kind, _, one, other = self._steps[at]
            if kind == "fork":
                ways += [one, other]
            elif (kind == "begin" and first) or (kind == "end" and last):
                ways.append(one)
        return seen


class _Parser:
    """From text to steps. Each part is a list of steps with places counted from its own beginning."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._deep = 0

    def program(self) -> list[Step]:
        made = self._any()
        if self._at < len(self._text):
            raise self._wrong("unexpected )")
        return [*made, ("match", None, 0, 0)]

    def _wrong(self, why: str) -> InvalidArgument:
        return InvalidArgument(f"error parsing regexp: {why}: `{self._text[:100]}`")

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, what: str) -> bool:
        if self._text.startswith(what, self._at):
            self._at += len(what)
            return True
        return False

    def _any(self) -> list[Step]:
        made = self._row()
        while self._take("|"):
            other = self._row()
            # fork to the first or over it to the other; the first jumps over the other, as a fork to one place
            over = len(made) + 2
            end = over + len(other)
            made = self._small([("fork", None, 1, over), *_moved(made, 1), ("fork", None, end, end), *_moved(other, over)])
        return made

    def _row(self) -> list[Step]:
        made: list[Step] = []
        while self._next() not in ("", "|", ")"):
            made = self._small(made + _moved(self._repeated(), len(made)))
        return made

    def _repeated(self) -> list[Step]:
        one = self._one()
        while True:
            if self._take("*"):
                one = self._times(one, 0, None)
            elif self._take("+"):
                one = self._times(one, 1, None)
            elif self._take("?"):
                one = self._times(one, 0, 1)
            elif self._next() == "{" and (counts := self._counts()):
                one = self._times(one, *counts)
            else:
                return one
            self._take("?")  # lazy or not, what fits is the same

    def _counts(self) -> tuple[int, int | None] | None:
        """``{m}``, ``{m,}`` or ``{m,n}``; ``None`` where the brace is a character."""
        inner, brace, _ = self._text[self._at + 1 :].partition("}")
        least, comma, most = inner.partition(",")
        if not brace or not _is_count(least) or (most and not _is_count(most)):
            return None
        self._at += len(inner) + 2
        low, high = int(least), int(most) if most else None if comma else int(least)
        if low > _LONGEST or (high is not None and not low <= high <= _LONGEST):
            raise self._wrong("invalid repeat count")
        return low, high

    def _times(self, one: list[Step], least: int, most: int | None) -> list[Step]:
        made: list[Step] = []
        for _ in range(least):
            made = self._small(made + _moved(one, len(made)))
        if most is None:
            loop: list[Step] = [("fork", None, 1, len(one) + 2), *_moved(one, 1), ("fork", None, 0, 0)]
            return self._small(made + _moved(loop, len(made)))
        for _ in range(most - least):
            maybe: list[Step] = [("fork", None, 1, len(one) + 1), *_moved(one, 1)]
            made = self._small(made + _moved(maybe, len(made)))
        return made

    def _one(self) -> list[Step]:
        if self._take("("):
            return self._group()
        if self._take("["):
            return _fitting(self._class())
        if self._take("^"):
            return [("begin", None, 1, 0)]
        if self._take("$"):
            return [("end", None, 1, 0)]
        if self._take("."):
            return _fitting(lambda character: character != "\n")
        if self._next() in ("*", "+", "?"):
            raise self._wrong("missing argument to repetition operator")
        ranges, opposite = self._character()
        return _fitting(lambda character: any(low <= character <= high for low, high in ranges) != opposite)

    def _group(self) -> list[Step]:
        if self._next() == "?" and not self._take("?:"):
            raise self._wrong("invalid or unsupported group")
        self._deep += 1
        if self._deep > _DEEPEST:
            raise self._wrong("groups nest too deep")
        made = self._any()
        self._deep -= 1
        if not self._take(")"):
            raise self._wrong("missing closing )")
        return made

    def _character(self) -> tuple[tuple[tuple[str, str], ...], bool]:
        """Ranges of characters, and whether all others are meant."""
        if not self._take("\\"):
            one = self._next()
            self._at += 1
            return ((one, one),), False
        one = self._next()
        self._at += 1
        if not one:
            raise self._wrong("trailing backslash at end of expression")
        if one.lower() in _ESCAPED:
            return _ESCAPED[one.lower()], one.isupper()
        if one.isalnum() and one not in _LETTERS:
            raise self._wrong(f"invalid escape sequence \\{one}")
        one = _LETTERS.get(one, one)
        return ((one, one),), False

    def _class(self) -> Fits:
        opposite = self._take("^")
        parts: list[tuple[tuple[tuple[str, str], ...], bool]] = []
        while not parts or self._next() != "]":
            if not self._next():
                raise self._wrong("missing closing ]")
            ranges, others = self._character()
            if not others and len(ranges) == 1 and self._next() == "-" and self._text[self._at + 1 : self._at + 2] not in ("", "]"):
                self._at += 1
                (last, *more), _ = self._character()
                if more or last[1] < ranges[0][0]:
                    raise self._wrong("invalid character class range")
                ranges = ((ranges[0][0], last[1]),)
            parts.append((ranges, others))
        self._at += 1
        return lambda character: (
            any(any(low <= character <= high for low, high in ranges) != others for ranges, others in parts) != opposite
        )

    def _small(self, made: list[Step]) -> list[Step]:
        if len(made) > _LARGEST:
            raise self._wrong("expression is too large")
        return made


def _fitting(fits: Fits) -> list[Step]:
    return [("one", fits, 1, 0)]


def _moved(steps: list[Step], by: int) -> list[Step]:
    return [(kind, fits, one + by, other + by) for kind, fits, one, other in steps]


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 5
