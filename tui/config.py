"""Settings of the TUI, table ``[tui]`` of ``$XDG_CONFIG_HOME/longshore/config.toml``, else of ``/etc/longshore/config.toml``.

:data:`tui.settings_table.TABLE` says what may be set. The reader validates with it and ``longshore config schema`` prints
it, so that an editor completes and checks by the same rules. A setting that is missing keeps its default. What is wrong is
reported with its line: at the start the other settings count all the same, for a typing error must not keep anybody from
their containers; while the TUI runs the settings stay as they were.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import InvalidArgument
from engine.model.value import EMPTY, Value
from tui import memory, words
from tui.custom import CustomCommand, custom_command
from tui.graphs import Graph
from tui.shapes import Path, Problem
from tui.words import tr


class Settings(Value):
    """What a person may set; :data:`tui.settings_table.FIELDS` describes each.

    Attributes:
        language: a catalogue's name, or wishes with colons as the environment has them; ``""`` is English.
        remember: file in which order, layout and hidden rows are kept; ``""`` forgets them.
    """

    theme: str = "auto"
    language: str = ""
    mouse: bool = True
    hide_stopped: bool = False
    sort: str = "state"
    log_lines: int = 1000
    log_timestamps: bool = False
    log_wrap: bool = True
    log_json: bool = False
    log_stderr: bool = True
    side_ratio: int = 3
    screen_mode: str = "normal"
    expand_focused: bool = False
    screen_reader: bool = False
    columns: Mapping[str, tuple[str, ...]] = EMPTY
    remember: str = ""
    preset: str = ""
    keys: Mapping[str, str] = EMPTY
    readonly: bool = False
    confirm: Mapping[str, str] = EMPTY
    commands: tuple[CustomCommand, ...] = ()
    graphs: tuple[Graph, ...] = ()
    themes: Mapping[str, Mapping[str, object]] = EMPTY


class Reading(Value):
    """What a file says: the settings that are right, and what is wrong with the others."""

    path: str
    settings: Settings
    problems: tuple[Problem, ...] = ()

    @property
    def told(self) -> str:
        """The problems as text, a line for each, ``""`` for none."""
        return "\n".join(tell(self.path, problem) for problem in self.problems)


SYSTEM_PATH = "/etc/longshore/config.toml"


def default_path() -> str:
    """Where the settings are: a person's own file, the machine's where only that is there."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    own = os.path.join(base, "longshore", "config.toml")
    return SYSTEM_PATH if os.path.exists(SYSTEM_PATH) and not os.path.exists(own) else own


def read(path: str = "") -> Reading:
    """What a file says; the defaults where it or its ``[tui]`` table is missing. Never raises: what is wrong is in the answer."""
    import tomllib  # late: most people have no such file

    path = path or default_path()
    defaults = Settings(**_defaults())
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8")
        document = tomllib.loads(text)
    except FileNotFoundError:
        return Reading(path=path, settings=defaults)
    except OSError as error:
        return Reading(path=path, settings=defaults, problems=(Problem(path=(), text=(error.strerror or str(error)).lower()),))
    except (ValueError, RecursionError) as error:
        return Reading(path=path, settings=defaults, problems=(_syntax(error),))
    settings, problems = checked(document.get("tui", {}))
    placed = tuple(problem.replace(line=line_of(text, problem.path)) for problem in problems)
    return Reading(path=path, settings=settings, problems=placed)


def load(path: str = "") -> Settings:
    """Settings of a file, the defaults where it or its ``[tui]`` table is missing.

    Raises:
        InvalidArgument: the file is no TOML, or a setting is unknown or wrong; it names the first place.
    """
    found = read(path)
    if found.problems:
        first = found.problems[0]
        raise InvalidArgument(tell(found.path, first.replace(hint="")), hint=first.hint)
    return found.settings


def checked(table: object) -> tuple[Settings, list[Problem]]:
    """The settings in a ``[tui]`` table as TOML gives it, without those that have problems, and the problems."""
    from tui.settings_table import FIELDS, TABLE  # late: as above

    problems = list(TABLE.problems(table, ("tui",)))
    given = _defaults()
    wrong = {problem.path[1] for problem in problems if len(problem.path) > 1}
    for name, value in table.items() if isinstance(table, Mapping) else ():
        if name in FIELDS and name not in wrong:
            given[name] = _value(name, value, problems)
    return Settings(**given), problems


def _defaults() -> dict[str, Any]:
    """What the environment says where the file does not."""
    reader = bool(os.environ.get("LONGSHORE_SCREEN_READER"))
    return {"remember": memory.default_path(), "screen_reader": reader, "language": words.from_environment()}


def _value(name: str, value: Any, problems: list[Problem]) -> Any:
    """One setting, which has the right shape, as the program wants it."""
    match name:
        case "keys":
            return {action: keys if isinstance(keys, str) else ",".join(keys) for action, keys in value.items()}
        case "columns":
            return {noun: tuple(names) for noun, names in value.items()}
        case "graphs":
            return tuple(Graph(**table) for table in value)
        case "commands":
            commands: list[CustomCommand] = []
            for place, table in enumerate(value):
                try:
                    commands.append(custom_command(table, place + 1))
                except InvalidArgument as error:
                    text = error.message.partition(": ")[2]
                    problems.append(Problem(path=("tui", "commands", place, "command"), text=text, hint=error.hint))
            return tuple(commands)
    return value


def tell(path: str, problem: Problem) -> str:
    """``FILE:LINE: place: what is wrong (hint)``."""
    place = f"{path}:{problem.line}" if problem.line else path
    where = f"{problem.where}: " if problem.path else ""
    return f"{place}: {where}{problem.text}{f' ({problem.hint})' if problem.hint else ''}"


def _syntax(error: Exception) -> Problem:
    """What :mod:`tomllib` says, which names the line in words."""
    text = str(error) or tr("nested too deeply")
    found = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", text)
    if not found:
        return Problem(path=(), text=tr("no valid TOML: {text}", text=text))
    line, column = (int(found[1]), int(found[2])) if found[1] else (0, 0)
    return Problem(path=(), text=tr("no valid TOML: {lower}", lower=text[: found.start()].lower()), line=line, column=column)


_HEADER = re.compile(r"^\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*((?:\"[^\"]*\"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:\"[^\"]*\"|'[^']*'|[\w-]+))*)\s*=")
_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)")


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line of a TOML document that a place is on or below, from 1; 0 when it is not found.

    A look at headers and keys is enough for messages: the document has been parsed, so it is well formed.
    """
    best, depth = 0, 0
    header: Path = ()
    counts: dict[Path, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if found := _HEADER.match(line):
            header = _parts(found[2])
            if found[1] == "[[":
                counts[header] = counts.get(header, -1) + 1
            header = _numbered(header, counts)
            place = header
        elif found := _KEY.match(line):
            place = (*header, *_parts(found[1]))
        else:
            continue
        if len(place) > depth and place == tuple(path[: len(place)]):
            best, depth = number, len(place)
    return best


def _parts(dotted: str) -> Path:
    return tuple(found[1] or found[2] or found[3] or "" for found in _PART.finditer(dotted))


def _numbered(header: Path, counts: Mapping[Path, int]) -> Path:
    """A header with the places of the tables in lists of tables that it is in."""
    found: Path = ()
    for end in range(1, len(header) + 1):
        found = (*found, header[end - 1])
        if header[:end] in counts:
            found = (*found, counts[header[:end]])
    return found
