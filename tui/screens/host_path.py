"""Completion of paths of this machine in a field."""

from __future__ import annotations

import asyncio
import os

from textual.suggester import Suggester

LOOKED_AT = 5000
"""Names of a directory that are looked at."""


class HostPathSuggester(Suggester):
    """Suggests the first name, by the alphabet, that goes on as what is typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return await asyncio.to_thread(complete, value)


def complete(value: str) -> str | None:
    """The path that goes on as ``value``, a directory's with a slash; None for none."""
    above, _, begun = value.rpartition("/")
    if not value or (begun == "" and not value.endswith("/")):
        return None
    folder = os.path.expanduser(above or ("/" if value.startswith("/") else "."))
    names: list[str] = []
    try:
        with os.scandir(folder) as found:
            for _, each in zip(range(LOOKED_AT), found, strict=False):
                if each.name.startswith(begun) and (begun or not each.name.startswith(".")):
                    names.append(each.name + ("/" if each.is_dir() else ""))
    except OSError:
        return None
    return f"{value[: len(value) - len(begun)]}{min(names)}" if names else None
