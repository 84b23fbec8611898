"""The part of Go's ``text/template`` that ``--format`` is used with.

Actions: fields (``.State.Status``), variables, pipelines, ``if``/``else if``/``else``, ``range``, ``with``, ``end``, comments,
trim markers. Functions: docker's ``json split join title lower upper pad truncate println`` and Go's ``index len not and or eq
ne lt le gt ge print printf``.
Data are JSON values (dict, list, str, int, float, bool, None).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.errors import InvalidArgument

_ACTION = re.compile(r"(\{\{(?:- )?)(.*?)((?: -)?\}\})", re.DOTALL)
_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*"|`[^`]*`)|(-?\d+(?:\.\d+)?)|(:=|[|(),=])|(\$?[\w]*(?:\.\w+)+|\.|\$\w*|\w+))')
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "r": "\r"}

Node = tuple[Any, ...]


class Row(dict[str, Any]):
    """A row of a list. Whole, docker prints it with ``< > &`` escaped as Go does for HTML; other JSON it leaves as it is."""


class Template:
    """A compiled template.

    Raises:
        InvalidArgument: ``template parsing error: …``.
    """

    def __init__(self, text: str) -> None:
        self._nodes = _Parser(text).parse()

    def render(self, data: Any) -> str:
        """The text for ``data``.

        Raises:
            InvalidArgument: ``template: …`` when a field does not exist.
        """
        out: list[str] = []
        _Renderer(data).block(self._nodes, data, out)
        return "".join(out)

    def fields(self) -> list[str]:
        """Names of the top level fields, in order: what a table needs headers for."""
        found: list[str] = []

        def walk(node: Any) -> None:
            if isinstance(node, tuple) and node[:1] == ("path",) and node[1] == "" and node[2]:
                found.append(node[2][0])
            elif isinstance(node, (tuple, list)):
                for part in node:
                    walk(part)

        walk(self._nodes)
        return found


class _Parser:
    def __init__(self, text: str) -> None:
        self._parts: list[tuple[str, str]] = []
        at, trim = 0, False
        for match in _ACTION.finditer(text):
            literal = text[at : match.start()]
            literal = literal.lstrip() if trim else literal
            self._parts.append(("text", literal.rstrip() if match[1].endswith("- ") else literal))
            if not match[2].lstrip().startswith("/*"):
                self._parts.append(("action", match[2].strip()))
            trim, at = match[3].startswith(" -"), match.end()
        rest = text[at:]
        if "{{" in rest:
            raise _bad("unclosed action")
        self._parts.append(("text", rest.lstrip() if trim else rest))
        self._at = 0

    def parse(self) -> list[Node]:
        nodes, end = self._block()
        if end:
            raise _bad(f"unexpected {{{{{end}}}}}")
        return nodes

    def _block(self) -> tuple[list[Node], str]:
        nodes: list[Node] = []
        while self._at < len(self._parts):
            kind, text = self._parts[self._at]
            self._at += 1
            word = text.split(None, 1)[0] if text.split() else ""
            if kind == "text":
                nodes.append(("text", text))
            elif word in ("end", "else"):
                return nodes, text
            elif word in ("if", "range", "with"):
                nodes.append(self._control(word, text[len(word) :]))
            elif word:
                nodes.append(("print", *_pipeline(text)))
            else:
                raise _bad("missing value for command")
        return nodes, ""

    def _control(self, word: str, condition: str) -> Node:
        names, pipe = _pipeline(condition)
        body, end = self._block()
        other: list[Node] = []
        if end.startswith("else"):
            rest = end[4:].strip()
            if rest.startswith("if"):
                other = [self._control("if", rest[2:])]
                return (word, names, pipe, body, other)
            other, end = self._block()
        if end != "end":
            raise _bad(f"unexpected EOF in {{{{{word}}}}}")
        return (word, names, pipe, body, other)


def _bad(reason: str) -> InvalidArgument:
    return InvalidArgument(f"template parsing error: template: :1: {reason}")


def _pipeline(text: str) -> tuple[list[str], Node]:
    tokens: list[str] = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise _bad(f"unexpected {text[at]!r} in operand")
        tokens.append(match[0].strip())
        at = match.end()
    names: list[str] = []
    for mark in (":=", "="):
        if mark in tokens:
            where = tokens.index(mark)
            names, tokens = [token for token in tokens[:where] if token != ","], tokens[where + 1 :]
            break
    if not tokens:
        raise _bad("missing value for command")
    node, rest = _commands(tokens)
    if rest:
        raise _bad(f"unexpected {rest[0]!r}")
    return names, node


def _commands(tokens: list[str]) -> tuple[Node, list[str]]:
    commands: list[list[Node]] = [[]]
    while tokens and tokens[0] != ")":
        token, tokens = tokens[0], tokens[1:]
        if token == "|":
            commands.append([])
        elif token == "(":
            inner, tokens = _commands(tokens)
            if not tokens:
                raise _bad("unclosed left paren")
            tokens = tokens[1:]
            commands[-1].append(inner)
        else:
            commands[-1].append(_operand(token))
    if not all(commands):
        raise _bad("missing value for command")
    return ("pipe", commands), tokens


def _operand(token: str) -> Node:
    if token[0] == '"':
        return ("value", re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), token[1:-1]))
    if token[0] == "`":
        return ("value", token[1:-1])
    if re.fullmatch(r"-?\d+", token):
        return ("value", int(token))
    if re.fullmatch(r"-?\d+\.\d+", token):
        return ("value", float(token))
    if token in ("true", "false", "nil"):
        return ("value", {"true": True, "false": False, "nil": None}[token])
    if token[0] in ".$":
        head, *names = token.split(".")
        return ("path", head, [name for name in names if name])
    if token not in _FUNCTIONS:
        raise _bad(f'function "{token}" not defined')
    return ("call", token)


class _Renderer:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._variables: dict[str, Any] = {"$": root}

    def block(self, nodes: Sequence[Node], dot: Any, out: list[str]) -> None:
        for node in nodes:
            kind = node[0]
            if kind == "text":
                out.append(node[1])
                continue
            value = self._pipe(node[2], dot)
            if kind == "print":
                self._variables.update((name, value) for name in node[1])
                if not node[1]:
                    out.append(_shown(value))
            elif kind == "range":
                self._range(node, value, dot, out)
            elif _true(value):
                self._variables.update((name, value) for name in node[1])
                self.block(node[3], value if kind == "with" else dot, out)
            else:
                self.block(node[4], dot, out)

    def _range(self, node: Node, value: Any, dot: Any, out: list[str]) -> None:
        pairs = sorted(value.items()) if isinstance(value, Mapping) else list(enumerate(value or ()))
        for key, item in pairs:
            names = node[1]
            if names:
                self._variables[names[-1]] = item
                if len(names) > 1:
                    self._variables[names[0]] = key
            self.block(node[3], item, out)
        if not pairs:
            self.block(node[4], dot, out)

    def _pipe(self, pipe: Node, dot: Any) -> Any:
        value: Any = None
        for position, command in enumerate(pipe[1]):
            more = [value] if position else []
            head = command[0]
            if head[0] == "call":
                arguments = [self._operand(part, dot) for part in command[1:]] + more
                try:
                    value = _FUNCTIONS[head[1]](*arguments)
                except (TypeError, ValueError, IndexError, KeyError) as error:
                    raise InvalidArgument(f"template: :1: error calling {head[1]}: {error}") from None
            elif len(command) > 1 or more:
                raise InvalidArgument("template: :1: can't give argument to non-function")
            else:
                value = self._operand(head, dot)
        return value

    def _operand(self, node: Node, dot: Any) -> Any:
        if node[0] == "value":
            return node[1]
        if node[0] == "call":
            return _FUNCTIONS[node[1]]()
        if node[0] == "pipe":
            return self._pipe(node, dot)
        value = dot if node[1] == "" else self._variables.get(node[1])
        for name in node[2]:
            if isinstance(value, Mapping):
                if name not in value and value is self._root:
                    raise InvalidArgument(
                        f'template parsing error: template: :1: map has no entry for key "{name}"',
                        hint=f"there are: {', '.join(map(str, value))}",
                    )
                value = value.get(name)
            elif value is not None:
                raise InvalidArgument(f"template: :1: can't evaluate field {name} in {_shown(value)}")
        return _NULLS.get(node[2][-1]) if value is None and node[2] else value


class _NullMap(dict[str, Any]):
    """A map that is null."""


class _NullList(list[Any]):
    """A slice that is null."""


class _Nil:
    """A pointer that is null."""

    def __bool__(self) -> bool:
        return False


_NULLS: Mapping[str, Any] = {
    **dict.fromkeys(("Labels", "Options", "Volumes", "DriverOpts", "StorageOpt"), _NullMap()),
    **dict.fromkeys(("PidsLimit", "OomKillDisable", "MemorySwappiness", "IPAMConfig", "Healthcheck", "Health", "Init"), _Nil()),
    **dict.fromkeys(
        (
            *("Cmd", "Entrypoint", "OnBuild", "Shell", "ExecIDs", "Binds", "VolumesFrom", "CapAdd", "CapDrop", "ExtraHosts", "GroupAdd"),
            *("Links", "SecurityOpt", "DeviceRequests", "DeviceCgroupRules", "Devices", "MaskedPaths", "ReadonlyPaths", "Aliases"),
            *("DNSNames", "SecondaryIPAddresses", "SecondaryIPv6Addresses", "RepoTags", "RepoDigests", "Warnings", "Ulimits", "Mounts"),
        ),
        _NullList(),
    ),
}
"""What a field that is null in a document is in docker's types, which its templates see."""


def _true(value: Any) -> bool:
    return bool(value)


def _shown(value: Any) -> str:
    """Go's ``%v``."""
    if value is None:
        return "<no value>"
    if isinstance(value, _Nil):
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        # An empty object in another is how JSON spells the members of a set, Go's struct{}.
        return "map[" + " ".join(f"{key}:{'{}' if item == {} else _shown(item)}" for key, item in sorted(value.items())) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(map(_shown, value)) + "]"
    return str(value)


def _json(value: Any) -> str:
    import json

    text = json.dumps(None if isinstance(value, (_Nil, _NullMap, _NullList)) else value, separators=(",", ":"), ensure_ascii=False)
    if isinstance(value, Row):
        text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return text


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        value = value.get(key, "") if isinstance(value, Mapping) else value[key]
    return value


def _printf(form: str, *values: Any) -> str:
    found = iter(values)

    def one(match: re.Match[str]) -> str:
        if match[2] == "%":
            return "%"
        value = next(found)
        return f"%{match[1]}{'s' if match[2] in 'vq' else match[2]}" % (
            f'"{value}"' if match[2] == "q" else _shown(value) if match[2] == "v" else value
        )

    return re.sub(r"%([-+# 0]*\d*(?:\.\d+)?)([vqsdxfg%])", one, form)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "json": _json,
    "split": lambda text, separator: str(text).split(separator),
    "join": lambda parts, separator: separator.join(map(str, parts or ())),
    "title": lambda text: str(text).title(),
    "lower": lambda text: str(text).lower(),
    "upper": lambda text: str(text).upper(),
    "pad": lambda text, before, after: " " * before + str(text) + " " * after if text else text,
    "truncate": lambda text, length: str(text)[:length],
    "println": lambda *values: " ".join(map(_shown, values)) + "\n",
    "print": lambda *values: "".join(map(_shown, values)),
    "printf": _printf,
    "index": _index,
    "len": lambda value: len(value or ()),
    "not": lambda value: not value,
    "and": lambda *values: next((value for value in values if not value), values[-1]),
    "or": lambda *values: next((value for value in values if value), values[-1]),
    "eq": lambda first, *others: any(first == other for other in others),
    "ne": lambda first, second: first != second,
    "lt": lambda first, second: first < second,
    "le": lambda first, second: first <= second,
    "gt": lambda first, second: first > second,
    "ge": lambda first, second: first >= second,
}
