"""``WWW-Authenticate``: what a registry wants to see (RFC 9110, 11.6.1, and distribution-spec's token authentication).

Pure: header texts in, challenges out. Several challenges may share a header, and commas occur in quoted values
(``scope="repository:a:pull,push"``), so that splitting at commas will not do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from re import ASCII, Pattern
from re import compile as compile_pattern

from engine.model.value import EMPTY, Value

_MAX_HEADER = 8192
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER = rf'\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))\s*'
_SCHEME = rf"\s*({_TOKEN})(?:\s+|$|(?=,))"
_ESCAPE = r"\\(.)"


@cache
def _pattern(text: str) -> Pattern[str]:
    return compile_pattern(text, ASCII)


class Challenge(Value):
    """One way to authenticate. ``scheme`` and parameter names are in lower case."""

    scheme: str
    parameters: Mapping[str, str] = EMPTY


def parse(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Every challenge of every header; what can not be understood is left out."""
    return tuple(challenge for header in headers for challenge in _parse_one(header[:_MAX_HEADER]))


def choose(challenges: Iterable[Challenge]) -> Challenge | None:
    """The one to answer: Bearer before Basic, ``None`` when there is neither."""
    found = {each.scheme: each for each in reversed(tuple(challenges))}
    return found.get("bearer") or found.get("basic")


def _parse_one(header: str) -> Iterator[Challenge]:
    position = 0
    while position < len(header):
        scheme = _pattern(_SCHEME).match(header, position)
        if scheme is None:
            return
        position = scheme.end()
        parameters: dict[str, str] = {}
        while found := _pattern(_PARAMETER).match(header, position):
            name, quoted, plain = found.groups()
            parameters.setdefault(name.lower(), _pattern(_ESCAPE).sub(r"\1", quoted) if plain is None else plain)
            position = found.end()
            if header[position : position + 1] != ",":
                break
            position += 1
        yield Challenge(scheme=scheme[1].lower(), parameters=parameters)
        while header[position : position + 1] in (",", " ", "\t"):
            position += 1
