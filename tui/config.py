"""Settings of the TUI, read once at start from ``$XDG_CONFIG_HOME/longshore/config.toml``, table ``[tui]``.

Each field is documented by its comment; a field that is missing or wrong keeps its default and is reported, because a
typing error must not keep anybody from their containers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from engine.errors import InvalidArgument
from engine.model.value import EMPTY, Value


class Settings(Value):
    """What a person may set.

    Attributes:
        theme: ``longshore-dark``, ``longshore-light`` or any theme of Textual.
        mouse: react to the mouse.
        hide_stopped: start with stopped containers hidden.
        sort: the containers' sort key: ``state``, ``name``, ``cpu``, ``memory``, ``age``, ``image``.
        log_lines: how many lines of a log are shown at first.
        log_timestamps: show the time before each log line.
        log_wrap: fold long lines.
        side_ratio: the side panes take one part in this many of the width.
        keys: other keys for actions, by action id: ``{"containers.stop": "s,f9"}``.
    """

    theme: str = "longshore-dark"
    mouse: bool = True
    hide_stopped: bool = False
    sort: str = "state"
    log_lines: int = 1000
    log_timestamps: bool = False
    log_wrap: bool = True
    side_ratio: int = 3
    keys: Mapping[str, str] = EMPTY


def default_path() -> str:
    """Where the settings are looked for."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(base, "longshore", "config.toml")


def load(path: str = "") -> Settings:
    """Settings of a file, the defaults where it or its ``[tui]`` table is missing.

    Raises:
        InvalidArgument: the file is no TOML, or a setting is unknown or of the wrong type.
    """
    import tomllib  # late: most people have no such file

    path = path or default_path()
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file).get("tui", {})
    except FileNotFoundError:
        return Settings()
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InvalidArgument(f"{path}: {error}") from error
    return _checked(path, table)


def _checked(path: str, table: object) -> Settings:
    if not isinstance(table, dict):
        raise InvalidArgument(f"{path}: tui is not a table")
    defaults = dict(Settings().fields())
    given: dict[str, Any] = {}
    for name, value in table.items():
        if name not in defaults:
            raise InvalidArgument(f"{path}: tui.{name} is no setting", hint=f"known: {', '.join(defaults)}")
        if name == "keys":
            if not isinstance(value, dict) or not all(isinstance(keys, str) for keys in value.values()):
                raise InvalidArgument(f"{path}: tui.keys wants action ids with keys as text")
        elif type(value) is not type(defaults[name]):
            raise InvalidArgument(f"{path}: tui.{name} wants {type(defaults[name]).__name__}, not {type(value).__name__}")
        given[name] = value
    settings = Settings(**given)
    if settings.side_ratio < 2 or settings.log_lines < 1:
        raise InvalidArgument(f"{path}: tui.side_ratio must be at least 2 and tui.log_lines at least 1")
    return settings
