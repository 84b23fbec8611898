"""Words of Dockerfile instructions: how they are told apart, and what quotes, escapes and ``$NAME`` in them mean.

Pure. The rules are a Dockerfile's own, not quite a shell's. Source: buildkit ``frontend/dockerfile/shell/lex.go`` and
``frontend/dockerfile/parser/line_parsers.go`` (``parseWords``).
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import InvalidArgument

_SPECIAL = "@*#?-$!0"


def split(text: str, escape: str) -> list[str]:
    """Words between blanks that are neither quoted nor escaped; quotes and escapes stay in them."""
    found: list[str] = []
    word, quote, begun = "", "", False
    letters = iter(text)
    for letter in letters:
        if not quote and letter.isspace():
            if word or begun:
                found.append(word)
            word, begun = "", False
            continue
        if letter == escape and quote != "'":
            following = next(letters, "")
            word += letter + following if following else ""
            continue
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote, begun = letter, True
        word += letter
    return [*found, word] if word or begun else found


def expand(word: str, env: Mapping[str, str], escape: str) -> str:
    """``word`` without quotes and escapes, with the values of the variables that it names.

    Raises:
        InvalidArgument: a quote or brace is not closed, or a substitution malformed (docker's words).
    """
    return _Lexer(word, env, escape).run()[0]


def expand_words(word: str, env: Mapping[str, str], escape: str) -> list[str]:
    """:func:`expand`, split at the blanks that variables bring in outside of quotes. Raises as that."""
    return _Lexer(word, env, escape).run()[1]


class _Lexer:
    """Reads one word. ``words`` are its parts between blanks that count."""

    def __init__(self, text: str, env: Mapping[str, str], escape: str) -> None:
        self._text = text
        self._env = env
        self._escape = escape
        self._at = 0
        self._words: list[str] = []
        self._open = False

    def run(self) -> tuple[str, list[str]]:
        try:
            return self._until(""), self._words
        except InvalidArgument as error:
            raise InvalidArgument(f'failed to process "{_quoted(self._text)}": {error.message}') from None

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        letter = self._peek()
        self._at += 1
        return letter

    def _add(self, text: str, *, raw: bool = False) -> str:
        """Put text into the current word; blanks that are not ``raw`` end it."""
        for letter in text:
            if not raw and letter.isspace():
                self._open = False
                continue
            if not self._open:
                self._words.append("")
                self._open = True
            self._words[-1] += letter
        if raw and not text and not self._open:  # an empty pair of quotes is a word
            self._words.append("")
            self._open = True
        return text

    def _until(self, stop: str) -> str:
        found = ""
        while letter := self._peek():
            if letter == stop:
                self._next()
                return found
            if letter == "'":
                found += self._single()
            elif letter == '"':
                found += self._double()
            elif letter == "$":
                found += self._add(self._dollar())
            else:
                self._next()
                if letter == self._escape:
                    found += self._add(self._next(), raw=True)
                else:
                    found += self._add(letter)
        if stop:
            raise InvalidArgument(f"unexpected end of statement while looking for matching {stop}")
        return found

    def _single(self) -> str:
        self._next()
        end = self._text.find("'", self._at)
        if end < 0:
            raise InvalidArgument("unexpected end of statement while looking for matching single-quote")
        inside, self._at = self._text[self._at : end], end + 1
        return self._add(inside, raw=True)

    def _double(self) -> str:
        self._next()
        found = self._add("", raw=True)
        while letter := self._peek():
            if letter == '"':
                self._next()
                return found
            if letter == "$":
                found += self._add(self._dollar(), raw=True)
                continue
            self._next()
            if letter == self._escape and self._peek() in ('"', "$", self._escape) and self._peek():
                letter = self._next()
            found += self._add(letter, raw=True)
        raise InvalidArgument("unexpected end of statement while looking for matching double-quote")

    def _dollar(self) -> str:
        self._next()
        if self._peek() != "{":
            name = self._name()
            return self._env.get(name, "") if name else "$"
        self._next()
        if not self._peek():
            raise InvalidArgument("syntax error: missing '}'")
        if self._peek() in "{}:":
            raise InvalidArgument("syntax error: bad substitution")
        name = self._name()
        match self._next():
            case "}":
                return self._env.get(name, "")
            case ":":
                return self._modified(name, self._next())
            case _:
                raise InvalidArgument("missing ':' in substitution")

    def _modified(self, name: str, modifier: str) -> str:
        inner = _Lexer(self._text, self._env, self._escape)
        inner._at = self._at
        word, self._at = inner._until("}"), inner._at
        value = self._env.get(name, "")
        match modifier:
            case "+":
                return word if value else ""
            case "-":
                return value or word
            case "?":
                if value:
                    return value
                raise InvalidArgument(f"{name}: {word or 'is not allowed to be unset'}")
            case _:
                raise InvalidArgument(f"unsupported modifier ({modifier}) in substitution")

    def _name(self) -> str:
        """Letters, digits and ``_``; a digit or special sign at its beginning is a name of its own."""
        start = self._at
        while letter := self._peek():
            if self._at == start and letter.isdigit():
                while self._peek().isdigit():
                    self._at += 1
                break
            if self._at == start and letter in _SPECIAL:
                self._at += 1
                break
            if not (letter.isalpha() or letter.isdigit() or letter == "_"):
                break
            self._at += 1
        return self._text[start : self._at]


def _quoted(text: str) -> str:
    """As Go's ``%q`` would, near enough for a message."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
