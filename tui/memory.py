"""What the TUI remembers from one time to the next: order, hidden rows, grouping. A file that may be deleted any time."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping


def state_directory() -> str:
    """``$XDG_STATE_HOME/longshore``."""
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(base, "longshore")


def default_path() -> str:
    """``$XDG_STATE_HOME/longshore/tui.json``."""
    return os.path.join(state_directory(), "tui.json")


class Memory:
    """A mapping of texts that is written whenever it changes. Without a path it lasts as long as the program.

    What can not be read counts as empty, and what can not be written is forgotten: nobody is kept from their containers.
    """

    def __init__(self, path: str = "") -> None:
        self._path = path
        self._found: dict[str, str] = {}
        if path:
            with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
                found = json.load(file)
                if isinstance(found, Mapping):
                    self._found = {str(key): value for key, value in found.items() if isinstance(value, str)}

    def get(self, key: str, default: str = "") -> str:
        """What was remembered."""
        return self._found.get(key, default)

    def put(self, key: str, value: str) -> None:
        """Remember a text, forget an empty one."""
        if value == self._found.get(key, ""):
            return
        self._found = {**self._found, key: value}
        if not value:
            del self._found[key]
        if self._path:
            with contextlib.suppress(OSError):
                os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
                with open(f"{self._path}.new", "w", encoding="utf-8") as file:
                    json.dump(self._found, file)
                os.replace(f"{self._path}.new", self._path)


REMEMBERED = 100
"""Entries that are kept below one key, the oldest are forgotten."""


class Notes:
    """Texts by name, for one thing after the other, below one key of a memory: what was typed for an image, for instance."""

    def __init__(self, memory: Memory, key: str) -> None:
        self._memory = memory
        self._key = key

    def get(self, thing: str) -> Mapping[str, str]:
        """What was noted for a thing; what can not be read counts as nothing."""
        return self._read().get(thing, {})

    def put(self, thing: str, texts: Mapping[str, str]) -> None:
        """Note the texts that are not empty in place of what was noted before, as the newest."""
        kept = self._read()
        kept.pop(thing, None)
        if noted := {name: text for name, text in texts.items() if text}:
            kept[thing] = noted
        while len(kept) > REMEMBERED:
            del kept[next(iter(kept))]
        self._memory.put(self._key, json.dumps(kept) if kept else "")

    def _read(self) -> dict[str, Mapping[str, str]]:
        try:
            kept = json.loads(self._memory.get(self._key) or "{}")
        except ValueError:
            return {}
        return {
            str(thing): {str(name): str(text) for name, text in one.items()}
            for thing, one in (kept.items() if isinstance(kept, dict) else ())
            if isinstance(one, dict)
        }
