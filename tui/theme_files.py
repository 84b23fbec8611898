"""Themes in files of their own: ``themes/NAME.toml`` beside the settings, with the keys of a ``[tui.themes.NAME]`` table."""

from __future__ import annotations

import os
from collections.abc import Mapping

from engine.errors import InvalidArgument
from tui.words import tr

LARGEST = 64 << 10
"""Bytes; a theme takes a few hundred."""


def directory(config: str) -> str:
    """Where the themes of a settings file are."""
    return os.path.join(os.path.dirname(config), "themes")


def theme_tables(config: str) -> tuple[dict[str, Mapping[str, object]], list[str]]:
    """The tables of all theme files by name, and what is wrong with the others."""
    tables: dict[str, Mapping[str, object]] = {}
    problems: list[str] = []
    try:
        names = sorted(name for name in os.listdir(directory(config)) if name.endswith(".toml"))
    except OSError:
        return tables, problems
    import tomllib  # late: most people have no such files

    for name in names:
        path = os.path.join(directory(config), name)
        try:
            if os.path.getsize(path) > LARGEST:
                raise InvalidArgument(tr("larger than {LARGEST} bytes", LARGEST=LARGEST))
            with open(path, "rb") as file:
                tables[name.removesuffix(".toml")] = tomllib.load(file)
        except OSError as error:
            problems.append(f"{path}: {(error.strerror or str(error)).lower()}")
        except (ValueError, RecursionError, InvalidArgument) as error:
            problems.append(f"{path}: {error}")
    return tables, problems
