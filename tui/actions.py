"""The one registry of actions: it feeds bindings, the footer, menus, the palette and the README's key table.

An action is data. What it does is looked up by its id in :mod:`tui.screens.commands`. Where two scopes are active at
once and share a key, the one that stands earlier here wins: the log keys of the main pane before those of a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from engine.model.value import Value


class Scope(StrEnum):
    """Where an action is at home. Its value is the title in the key table."""

    LOGS = "Logs and text in the main pane"
    MAIN = "Main pane"
    LISTS = "Lists"
    CONTAINERS = "Containers"
    IMAGES = "Images"
    VOLUMES = "Volumes"
    NETWORKS = "Networks"
    GLOBAL = "Everywhere"


class Action(Value):
    """One thing that a person can do.

    Attributes:
        id: ``scope.verb``; also the id of the key binding.
        keys: Textual's key names; the first one is shown.
        label: one or two words for the footer.
        about: a sentence for menus, the palette and the key table.
        rank: place in the footer, 0 keeps it out.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    about: str
    scope: Scope
    rank: int = 0


def _of(scope: Scope, *rows: tuple[str, str, str, str, int]) -> tuple[Action, ...]:
    prefix = scope.name.lower()
    return tuple(
        Action(id=f"{prefix}.{verb}", keys=tuple(keys.split()), label=label, about=about, scope=scope, rank=rank)
        for verb, keys, label, about, rank in rows
    )


ACTIONS: tuple[Action, ...] = (
    *_of(
        Scope.LOGS,
        ("search", "slash", "search", "Search in this text, whatever the case", 1),
        ("next", "n", "next", "Go to the next match", 3),
        ("previous", "N", "previous", "Go to the match before", 4),
        ("timestamps", "t", "times", "Show or hide the times of log lines", 5),
        ("wrap", "w", "wrap", "Fold long lines or cut them", 6),
        ("reveal", "v", "reveal", "Show or hide values that look like secrets", 0),
        ("clear", "escape", "clear", "Clear the search, then go back to the list", 0),
    ),
    *_of(
        Scope.MAIN,
        ("back", "escape", "back", "Go back to the list", 2),
        ("up", "up k", "up", "Scroll up", 0),
        ("down", "down j", "down", "Scroll down", 0),
        ("left", "left h", "left", "Scroll left", 0),
        ("right", "right l", "right", "Scroll right", 0),
        ("top", "g", "top", "Go to the very first line", 7),
        ("bottom", "G", "follow", "Go to the end and follow it", 8),
        ("previous_pane", "shift+tab", "pane before", "Focus the pane before", 0),
        ("next_pane", "tab", "next pane", "Focus the next pane", 0),
    ),
    *_of(
        Scope.LISTS,
        ("up", "up k", "up", "Go to the row above", 0),
        ("down", "down j", "down", "Go to the row below", 0),
        ("first", "g", "first", "Go to the first row", 0),
        ("last", "G", "last", "Go to the last row", 0),
        ("previous_pane", "left h shift+tab", "pane before", "Focus the pane before", 0),
        ("next_pane", "right l tab", "next pane", "Focus the next pane", 0),
        ("enter", "enter", "open", "Focus the main pane", 30),
        ("filter", "slash", "filter", "Filter the list, whatever the case, over the whole row", 31),
        ("clear", "escape", "clear", "Clear the filter, leave the zoom, close finished pulls", 0),
        ("sort", "o", "sort", "Sort by the next key", 32),
        ("reverse", "O", "reverse", "Reverse the order", 0),
        ("copy", "y", "copy", "Copy the name, the id or more", 33),
    ),
    *_of(
        Scope.CONTAINERS,
        ("stop", "s", "stop", "Stop it, after asking", 10),
        ("start", "S", "start", "Start it", 11),
        ("restart", "r", "restart", "Restart it, or start it when it does not run", 12),
        ("pause", "p", "pause", "Freeze its processes, or thaw them", 14),
        ("remove", "d", "remove", "Remove it: menu with its volumes, and by force", 13),
        ("shell", "E", "shell", "Open a shell inside (bash, zsh, ash or sh)", 15),
        ("attach", "a", "attach", "Attach to its main process; ctrl-p ctrl-q leaves", 16),
        ("kill", "ctrl+k", "kill", "Kill it at once, after asking", 18),
        ("logs", "m", "logs", "Logs over the whole screen", 17),
        ("open", "w", "browser", "Open a published port in the browser", 20),
        ("rename", "n", "rename", "Give it another name", 22),
        ("hide", "e", "hide stopped", "Hide or show stopped containers", 19),
        ("bulk", "b", "bulk", "Menu for all containers in the list", 21),
    ),
    *_of(
        Scope.IMAGES,
        ("pull", "p", "pull", "Pull an image; browse on while it comes", 10),
        ("run", "R", "run", "Run a container from this image", 11),
        ("remove", "d", "remove", "Remove it: menu with force and untagging", 12),
        ("tag", "t", "tag", "Give it a further name", 13),
        ("bulk", "b", "prune", "Menu: remove dangling or unused images", 14),
        ("cancel", "c", "cancel pull", "Cancel the pull that runs", 15),
    ),
    *_of(
        Scope.VOLUMES,
        ("create", "n", "new", "Create a volume", 10),
        ("remove", "d", "remove", "Remove it, after asking", 11),
        ("bulk", "b", "prune", "Menu: remove unused volumes", 12),
    ),
    *_of(
        Scope.NETWORKS,
        ("create", "n", "new", "Create a network", 10),
        ("remove", "d", "remove", "Remove it, after asking", 11),
        ("bulk", "b", "prune", "Menu: remove unused networks", 12),
    ),
    *_of(
        Scope.GLOBAL,
        ("containers", "1", "containers", "Focus Containers", 0),
        ("images", "2", "images", "Focus Images", 0),
        ("volumes", "3", "volumes", "Focus Volumes", 0),
        ("networks", "4", "networks", "Focus Networks", 0),
        ("main", "5", "main", "Focus the main pane", 0),
        ("log", "6", "log", "Focus the log of the selected container", 0),
        ("previous_tab", "left_square_bracket", "tab before", "Show the tab before", 0),
        ("next_tab", "right_square_bracket", "tab", "Show the next tab", 40),
        ("zoom", "plus", "zoom", "Next screen mode: normal, half, full", 41),
        ("unzoom", "underscore", "unzoom", "Screen mode before", 0),
        ("page_up", "pageup ctrl+u K", "page up", "Scroll the main pane up", 0),
        ("page_down", "pagedown ctrl+d J", "page down", "Scroll the main pane down", 0),
        ("scroll_left", "H", "scroll left", "Scroll the main pane left", 0),
        ("scroll_right", "L", "scroll right", "Scroll the main pane right", 0),
        ("home", "home", "top", "Main pane: go to the very first line", 0),
        ("end", "end", "follow", "Main pane: go to the end and follow it", 0),
        ("menu", "x question_mark", "menu", "Menu of everything that can be done here", 50),
        ("palette", "ctrl+p colon", "palette", "Find an action by its name", 0),
        ("theme", "T", "theme", "Dark or light theme", 0),
        ("reload", "ctrl+r", "reload", "Read all lists again", 0),
        ("quit", "q ctrl+c ctrl+q", "quit", "Leave; containers go on running", 51),
    ),
)

_SHOWN = {
    "slash": "/",
    "escape": "esc",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "underscore": "_",
    "question_mark": "?",
    "colon": ":",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
}


def show_key(key: str) -> str:
    """A key as people write it."""
    return _SHOWN.get(key, key.replace("ctrl+", "^") if key.startswith("ctrl+") else key)


def with_keys(overrides: Mapping[str, str]) -> tuple[Action, ...]:
    """The registry with other keys for some actions (``id`` to comma-separated key names); unknown ids are ignored."""
    if not overrides:
        return ACTIONS
    return tuple(
        action.replace(keys=tuple(key.strip() for key in overrides[action.id].split(",") if key.strip()))
        if action.id in overrides
        else action
        for action in ACTIONS
    )


def in_scopes(actions: Iterable[Action], scopes: Iterable[Scope]) -> list[Action]:
    """The actions of some scopes, in the order of the scopes; a key that an earlier one took is not given twice."""
    chosen: list[Action] = []
    taken: set[str] = set()
    available = list(actions)
    for scope in scopes:
        for action in available:
            if action.scope is scope and not taken.issuperset(action.keys):
                chosen.append(action)
        taken.update(key for action in chosen for key in action.keys)
    return chosen


def footer(actions: Sequence[Action]) -> list[Action]:
    """What the footer shows of the active actions, in its order."""
    return sorted((action for action in actions if action.rank), key=lambda action: action.rank)


def key_table() -> str:
    """All keys as Markdown tables, one for each scope, for the README."""
    parts: list[str] = []
    order = (Scope.GLOBAL, Scope.LISTS, Scope.CONTAINERS, Scope.IMAGES, Scope.VOLUMES, Scope.NETWORKS, Scope.MAIN, Scope.LOGS)
    for scope in order:
        parts.append(f"**{scope.value}**\n\n| key | does |\n|---|---|")
        for action in ACTIONS:
            if action.scope is scope:
                keys = " ".join(f"`{show_key(key)}`" for key in action.keys)
                parts.append(f"| {keys} | {action.about} |")
        parts.append("")
    return "\n".join(parts)
