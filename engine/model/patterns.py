"""Regular expressions from strangers, matched in time that grows with the text and not with its powers.

Filters such as ``name=^web-[0-9]+$`` are expressions, and dockerd's can not be made to run for hours (RE2). Python's can, ``(a+)+$`` is
enough, and hold up every other thread meanwhile. So the expression becomes a program for a machine that follows all ways at once
(Thompson 1968; Cox, "Regular Expression Matching: the Virtual Machine Approach"). The language is that of Go's ``regexp``, but for
classes of Unicode's (``\\pL``): ``. [] [[:alpha:]] () (?:) (?P<name>) | * + ? {m,n} ^ $``, flags such as ``(?i)`` and ``(?s:…)``,
``\\d \\w \\s \\b`` with their opposites, ``\\A \\z``, ``\\Q…\\E`` and characters by their numbers. What is said about greed
changes nothing here: something fits, or nothing does.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from engine.errors import InvalidArgument

_LONGEST = 1000
"""Characters of an expression."""
_LARGEST = 1000
"""Steps of a program: what ``{1000}{1000}`` asks for is not made."""
_DEEPEST = 50
"""Groups in groups."""
Ranges = tuple[tuple[str, str], ...]
_DIGIT: Ranges = (("0", "9"),)
_WORD: Ranges = (*_DIGIT, ("A", "Z"), ("_", "_"), ("a", "z"))
_ESCAPED: dict[str, Ranges] = {"d": _DIGIT, "w": _WORD, "s": (("\t", "\n"), ("\f", "\r"), (" ", " "))}
_NAMED: dict[str, Ranges] = {
    "alnum": (*_DIGIT, ("A", "Z"), ("a", "z")),
    "alpha": (("A", "Z"), ("a", "z")),
    "ascii": (("\0", "\x7f"),),
    "blank": (("\t", "\t"), (" ", " ")),
    "cntrl": (("\0", "\x1f"), ("\x7f", "\x7f")),
    "digit": _DIGIT,
    "graph": (("!", "~"),),
    "lower": (("a", "z"),),
    "print": ((" ", "~"),),
    "punct": (("!", "/"), (":", "@"), ("[", "`"), ("{", "~")),
    "space": (("\t", "\r"), (" ", " ")),
    "upper": (("A", "Z"),),
    "word": _WORD,
    "xdigit": (*_DIGIT, ("A", "F"), ("a", "f")),
}
_LETTERS = {"a": "\a", "t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
_PLACES = {"A": "begin", "z": "end", "b": "edge", "B": "inside"}
_FLAGS = frozenset("imsU")
_ALIKE = ("k\u212a", "s\u017f", "å\u212b")
"""Letters that have another one of the same case, which ``lower`` and ``upper`` do not lead to."""

_HEX = re.compile(r"\{([0-9A-Fa-f]{1,8})\}|([0-9A-Fa-f]{2})")
_OCTAL = re.compile(r"[0-7]{0,2}")

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
            current = self._reached({*current, 0}, _holding(text, place))
            if any(self._steps[at][0] == "match" for at in current):
                return True
            if place < len(text):
                current = {to for at in current for kind, fits, to, _ in (self._steps[at],) if kind == "one" and fits and fits(text[place])}
        return False

    def _reached(self, starts: set[int], holds: frozenset[str]) -> set[int]:
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
            elif kind in holds:
                ways.append(one)
        return seen


class _Parser:
    """From text to steps. Each part is a list of steps with places counted from its own beginning."""

    def __init__(self, text: str) -> None:
        self._text = _unquoted(text)
        self._at = 0
        self._deep = 0
        self._flags: frozenset[str] = frozenset()

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
            if not self._flagged():
                made = self._small(made + _moved(self._repeated(), len(made)))
        return made

    def _repeated(self) -> list[Step]:
        one = self._one()
        counts = self._repetition()
        if counts is None:
            return one
        if self._repetition() is not None:
            raise self._wrong("invalid nested repetition operator")
        return self._times(one, *counts)

    def _repetition(self) -> tuple[int, int | None] | None:
        """How often what stands before is to be there; ``None`` where nothing is said."""
        found: tuple[int, int | None] | None = None
        if self._take("*"):
            found = (0, None)
        elif self._take("+"):
            found = (1, None)
        elif self._take("?"):
            found = (0, 1)
        elif self._next() == "{":
            found = self._counts()
        if found is not None:
            self._take("?")  # lazy or not, what fits is the same
        return found

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
            return [("line" if "m" in self._flags else "begin", None, 1, 0)]
        if self._take("$"):
            return [("line end" if "m" in self._flags else "end", None, 1, 0)]
        if self._take("."):
            return _fitting((lambda character: True) if "s" in self._flags else (lambda character: character != "\n"))
        if self._next() in ("*", "+", "?"):
            raise self._wrong("missing argument to repetition operator")
        if self._next() == "\\" and (place := _PLACES.get(self._text[self._at + 1 : self._at + 2])):
            self._at += 2
            return [(place, None, 1, 0)]
        return _fitting(self._among(*(self._shorthand() or (self._exactly(), False))))

    def _group(self) -> list[Step]:
        before = self._flags
        if self._take("?"):
            self._opening()
        self._deep += 1
        if self._deep > _DEEPEST:
            raise self._wrong("groups nest too deep")
        made = self._any()
        self._deep -= 1
        if not self._take(")"):
            raise self._wrong("missing closing )")
        self._flags = before
        return made

    def _opening(self) -> None:
        """What stands between ``(?`` and the group's content: a name, or flags for it."""
        if self._take("P<") or (self._next() == "<" and self._take("<")):
            name, closed, _ = self._text[self._at :].partition(">")
            if not closed or not name.isascii() or not name.replace("_", "a").isalnum():
                raise self._wrong("invalid named capture")
            self._at += len(name) + 1
        elif (flags := self._flags_until(":")) is not None:
            self._flags = flags
        else:
            raise self._wrong("invalid or unsupported Perl syntax")

    def _flagged(self) -> bool:
        """``(?i)``: flags from here to the end of the group."""
        if not self._text.startswith("(?", self._at):
            return False
        self._at += 2
        if (flags := self._flags_until(")")) is None:
            self._at -= 2
            return False
        self._flags = flags
        return True

    def _flags_until(self, end: str) -> frozenset[str] | None:
        """``i``, ``im-s`` and so on up to ``end``, over those that are set; ``None`` where something else stands there."""
        words, found, _ = self._text[self._at :].partition(end)
        on, minus, off = words.partition("-")
        if not found or not _FLAGS.issuperset(on + off) or (minus and not off) or (end == ")" and not words):
            return None
        self._at += len(words) + 1
        return (self._flags | set(on)) - set(off)

    def _among(self, ranges: Ranges, opposite: bool) -> Fits:
        """Fits what is in a range, or with ``opposite`` what is in none; where case makes no difference, in any case."""
        if "i" not in self._flags:
            return lambda character: any(low <= character <= high for low, high in ranges) != opposite
        return lambda character: any(low <= one <= high for one in _cases(character) for low, high in ranges) != opposite

    def _shorthand(self) -> tuple[Ranges, bool] | None:
        """``\\d`` and the like: ranges, and whether all others are meant."""
        letter = self._text[self._at + 1 : self._at + 2]
        if self._next() != "\\" or not letter or letter.lower() not in _ESCAPED:
            return None
        self._at += 2
        return _ESCAPED[letter.lower()], letter.isupper()

    def _exactly(self) -> Ranges:
        """One character, as a range."""
        one = self._next()
        self._at += 1
        if one == "\\":
            one = self._escape()
        return ((one, one),)

    def _escape(self) -> str:
        one = self._next()
        self._at += 1
        if not one:
            raise self._wrong("trailing backslash at end of expression")
        if one == "x" and (found := _HEX.match(self._text, self._at)):
            self._at = found.end()
            number = int(found[1] or found[2], 16)
        elif one in "01234567" and (one == "0" or (self._next() and self._next() in "01234567")):
            digits = _OCTAL.match(self._text, self._at)
            self._at = digits.end() if digits else self._at
            number = int(one + (digits[0] if digits else ""), 8)
        elif one in _LETTERS:
            return _LETTERS[one]
        else:
            number = 0x110000 if not one.isascii() or one.isalnum() else ord(one)
        if number > 0x10FFFF:
            raise self._wrong(f"invalid escape sequence \\{one}")
        return chr(number)

    def _class(self) -> Fits:
        opposite = self._take("^")
        parts: list[Fits] = []
        while not parts or self._next() != "]":
            if not self._next():
                raise self._wrong("missing closing ]")
            parts.append(self._among(*(self._shorthand() or self._named() or (self._span(), False))))
        self._at += 1
        return lambda character: any(fits(character) for fits in parts) != opposite

    def _named(self) -> tuple[Ranges, bool] | None:
        """``[:alpha:]`` in a class."""
        if not self._text.startswith("[:", self._at):
            return None
        name, closed, _ = self._text[self._at + 2 :].partition(":]")
        if not closed:
            return None
        if name.removeprefix("^") not in _NAMED:
            raise self._wrong("invalid character class range")
        self._at += len(name) + 4
        return _NAMED[name.removeprefix("^")], name.startswith("^")

    def _span(self) -> Ranges:
        """``a`` or ``a-z`` in a class."""
        ((low, high),) = self._exactly()
        if self._next() == "-" and self._text[self._at + 1 : self._at + 2] not in ("", "]"):
            self._at += 1
            ((high, _),) = self._exactly()
            if high < low:
                raise self._wrong("invalid character class range")
        return ((low, high),)

    def _small(self, made: list[Step]) -> list[Step]:
        if len(made) > _LARGEST:
            raise self._wrong("expression is too large")
        return made


def _holding(text: str, place: int) -> frozenset[str]:
    """What is true of a place between characters."""
    before, after = text[place - 1 : place] if place else "", text[place : place + 1]
    edge = _is_word(before) != _is_word(after)
    found = ["edge" if edge else "inside"]
    found += [name for name, holds in (("begin", not before), ("end", not after)) if holds]
    found += [name for name, holds in (("line", before in ("", "\n")), ("line end", after in ("", "\n"))) if holds]
    return frozenset(found)


def _is_word(character: str) -> bool:
    return bool(character) and any(low <= character <= high for low, high in _WORD)


def _cases(character: str) -> frozenset[str]:
    """A character in each case that has it as one character."""
    found = {character, *(case for case in (character.lower(), character.upper()) if len(case) == 1)}
    for alike in _ALIKE:
        if found & set(alike):
            found |= {*alike, alike[0].upper()}
    return frozenset(found)


def _unquoted(text: str) -> str:
    """With a backslash before each character that stands between ``\\Q`` and ``\\E``."""
    made: list[str] = []
    at = 0
    while at < len(text):
        if text.startswith("\\Q", at):
            quoted, _, _ = text[at + 2 :].partition("\\E")
            made += [f"\\{one}" if one.isascii() and not one.isalnum() else one for one in quoted]
            at += len(quoted) + 4
        else:
            length = 2 if text[at] == "\\" else 1
            made.append(text[at : at + length])
            at += length
    return "".join(made)


def _fitting(fits: Fits) -> list[Step]:
    return [("one", fits, 1, 0)]


def _moved(steps: list[Step], by: int) -> list[Step]:
    return [(kind, fits, one + by, other + by) for kind, fits, one, other in steps]


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 5
