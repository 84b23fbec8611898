"""A JSON document as coloured YAML, in lazydocker's colours: keys cyan, booleans magenta, numbers yellow, strings green.

Written here because the document is foreign: every scalar passes :func:`tui.presenters.text.safe`, and depth and length
are bounded, so that a hostile inspect document can neither drive the terminal nor hang it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from tui.presenters.ansi import Styled, ink
from tui.presenters.text import safe
from tui.secret_names import is_secret
from tui.words import tr

MAX_LINES = 5000
MAX_DEPTH = 40
MAX_TEXT = 2000
MASK = "••••••••"


def mask(pair: str, *, reveal: bool) -> str:
    """``NAME=value`` with the value hidden where the name tells of a secret."""
    name, equals, value = pair.partition("=")
    return f"{name}={MASK}" if equals and value and not reveal and is_secret(name) else pair


def yaml_lines(raw: str, *, reveal: bool = False) -> list[Styled]:
    """Styled lines of a JSON text; one line that says so when it is none."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return [((safe(raw[:MAX_TEXT]), ink()),)]
    lines: list[Styled] = []
    for line in _walk(document, 0, reveal):
        lines.append(line)
        if len(lines) >= MAX_LINES:
            lines.append(((tr("… the document is longer than can be shown"), ink("yellow")),))
            break
    return lines


def _walk(value: object, depth: int, reveal: bool) -> Iterator[Styled]:
    space = ("  " * depth, ink())
    if depth >= MAX_DEPTH:
        yield (space, ("…", ink("yellow")))
    elif isinstance(value, dict) and value:
        for key, inner in value.items():
            head = (f"{safe(str(key)[:MAX_TEXT])}:", ink("cyan"))
            if isinstance(inner, (dict, list)) and inner:
                yield (space, head)
                yield from _walk(inner, depth + 1, reveal)
            else:
                yield (space, head, (" ", ink()), *_scalar(inner, reveal))
    elif isinstance(value, list) and value:
        for inner in value:
            dash = ("- ", ink())
            if isinstance(inner, (dict, list)) and inner:
                first = True
                for line in _walk(inner, 0, reveal):
                    yield (space, dash if first else ("  ", ink()), *line)
                    first = False
            else:
                yield (space, dash, *_scalar(inner, reveal))
    else:
        yield (space, *_scalar(value, reveal))


def _scalar(value: object, reveal: bool) -> Styled:
    if isinstance(value, bool):
        return ((str(value).lower(), ink("magenta")),)
    if isinstance(value, (int, float)):
        return ((str(value), ink("yellow")),)
    if value is None:
        return (("null", ink("magenta")),)
    if isinstance(value, dict):
        return (("{}", ink()),)
    if isinstance(value, list):
        return (("[]", ink()),)
    text = mask(str(value)[:MAX_TEXT], reveal=reveal)
    return ((safe(text) or '""', ink("green")),)
