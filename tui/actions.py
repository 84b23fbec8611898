"""The one registry of actions: it feeds bindings, the footer, menus, the palette and the README's key table.

An action is data. What it does is looked up by its id in :mod:`tui.screens.commands`. Where two scopes are active at
once and share a key, the one that stands earlier here wins: the log keys of the main pane before those of a list.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from engine.model.value import Value
from tui.custom import CustomCommand


class Scope(StrEnum):
    """Where an action is at home. Its value is the title in the key table."""

    TERMINAL = "A terminal in the main pane, while its session goes on: every other key goes into the container"
    PICK = "Lines picked in the main pane"
    LOGS = "Logs and text in the main pane"
    MAIN = "Main pane"
    LISTS = "Lists"
    CONTAINERS = "Containers"
    IMAGES = "Images"
    VOLUMES = "Volumes"
    NETWORKS = "Networks"
    SWARM = "The swarm of a Docker host (its own screen)"
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
        Scope.PICK,
        ("up", "up k", "up", "Go to the line above", 0),
        ("down", "down j", "down", "Go to the line below", 0),
        ("page_up", "pageup ctrl+u K", "page up", "Go up by a page", 0),
        ("page_down", "pagedown ctrl+d J", "page down", "Go down by a page", 0),
        ("range", "v V space", "range", "Begin a range here, or give it up", 3),
        ("copy", "y", "copy", "Copy the line or the range, through the terminal too", 1),
        ("context", "enter", "context", "Show the line in its place in the whole log", 2),
        ("leave", "escape", "leave", "Pick no more", 4),
    ),
    *_of(
        Scope.TERMINAL,
        ("leave", "ctrl+right_square_bracket", "leave", "Go back to the list; what runs in the terminal goes on", 1),
        ("page_up", "shift+pageup", "back", "Scroll back through what left the screen", 2),
        ("page_down", "shift+pagedown", "on", "Scroll on; typing goes to the end", 3),
    ),
    *_of(
        Scope.LOGS,
        ("search", "slash", "search", "Search in this text, whatever the case", 1),
        ("next", "n", "next", "Go to the next match", 3),
        ("previous", "N", "previous", "Go to the match before", 4),
        ("only", "f", "filter", "Show only lines that match: a regular expression, `!not`, capitals count", 2),
        ("pick", "V", "pick", "Pick a line or a range, to copy it or to see it in its place", 9),
        ("copy", "y", "copy", "Copy what the mouse selected, else the line found, what is on the screen, or all", 10),
        ("solo", "o", "solo", "Of joined logs show one alone, then the next, then all again", 0),
        ("since", "i", "since", "Menu: go to where the last minutes, hours or days began", 11),
        ("timestamps", "t", "times", "Times of log lines: none, local, UTC, since the line before", 5),
        ("look", "O", "look", "Menu: times, folding, stderr, JSON lines", 12),
        ("save", "ctrl+s", "save", "Save what is shown, or the whole log, to a file", 13),
        ("pager", "vertical_line", "pager", "Read what is shown in $PAGER", 14),
        ("wrap", "w", "wrap", "Fold long lines or cut them", 6),
        ("reveal", "v", "reveal", "Show or hide values that look like secrets", 0),
        ("clear", "escape", "clear", "Clear the search, the log's filter, the joined logs, then go back to the list", 0),
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
        ("filter", "slash", "filter", "Filter the list: words, `status:exited` `label:x` `!not` `~letters`", 31),
        ("clear", "escape", "clear", "Clear marks, then the filter, close finished pulls, leave the zoom", 0),
        ("mark", "space", "mark", "Mark the row; actions then work on all that are marked", 34),
        ("range", "v", "range", "Mark while the cursor moves, until pressed again", 0),
        ("extend_up", "shift+up", "mark up", "Mark this row and the one above", 0),
        ("extend_down", "shift+down", "mark down", "Mark this row and the one below", 0),
        ("mark_all", "asterisk", "mark all", "Mark all rows that the filter shows, or none", 0),
        ("sort", "o", "sort", "Sort by the next key; it is remembered", 32),
        ("reverse", "O", "reverse", "Reverse the order", 0),
        ("sort_menu", "ctrl+o", "sort by", "Menu of all that the list can be sorted by", 0),
        ("copy", "y", "copy", "Copy the name, the id or more", 33),
        ("columns", "comma", "columns", "Choose and order the columns; the choice is remembered", 0),
        ("higher", "equals_sign", "higher", "Make this list higher; the mouse drags its border", 0),
        ("lower", "minus", "lower", "Make this list lower", 0),
        ("hide_pane", "Z", "hide pane", "Hide this list; its number or 0 shows it again", 0),
        ("move_up", "ctrl+up", "list up", "Put this list above the one before", 0),
        ("move_down", "ctrl+down", "list down", "Put this list below the next one", 0),
    ),
    *_of(
        Scope.CONTAINERS,
        ("stop", "s", "stop", "Stop it, after asking", 10),
        ("start", "S", "start", "Start it", 11),
        ("restart", "r", "restart", "Restart it, or start it when it does not run", 12),
        ("pause", "p", "pause", "Freeze its processes, or thaw them", 14),
        ("remove", "d", "remove", "Remove it: menu with its volumes, and by force", 13),
        ("shell", "E", "shell", "Open a shell inside (bash, zsh, ash or sh) in a tab, or go back to it", 15),
        ("attach", "a", "attach", "Attach to its main process in a tab; ctrl-] goes back, ctrl-p ctrl-q detaches", 16),
        ("exec", "ctrl+e", "exec", "Run a command inside: which one, as whom, in a tab or on the whole screen", 0),
        ("shell_screen", "F", "shell on all", "Open a shell inside, on the whole screen", 0),
        ("attach_screen", "A", "attach on all", "Attach to its main process on the whole screen; ctrl-p ctrl-q leaves", 0),
        ("another", "t", "new terminal", "Open another shell in a tab, beside the terminals that it has", 0),
        ("next_terminal", "W", "next terminal", "Go to the next of its terminals; all of them go on", 0),
        ("hang_up", "D", "close terminal", "Close its terminal; a main process goes on, a shell ends", 0),
        ("files", "f", "files", "Browse its files, running or not: look at them, copy out and in", 0),
        ("debug", "B", "debug", "Open a shell beside it, in a second container with tools and with its processes and network", 0),
        ("kill", "ctrl+k", "kill", "Kill it at once, after asking", 18),
        ("logs", "m", "logs", "Logs over the whole screen; of all that are marked, as one", 17),
        ("mix", "M", "join logs", "Logs of several as one, by time: choose which, or back to one", 23),
        ("open", "w", "browser", "Open a published port in the browser", 20),
        ("rename", "n", "rename", "Give it another name", 22),
        ("hide", "e", "hide stopped", "Hide or show stopped containers", 19),
        ("bulk", "b", "bulk", "Menu for all containers in the list", 21),
        ("commit", "C", "commit", "Make an image of it", 0),
        ("update", "u", "limits", "Change its limits and its restart policy", 0),
        ("networks", "N", "networks", "Put it into a network, or take it out of one", 0),
        ("custom", "c", "commands", "Menu of your own commands for containers", 0),
        ("group", "P", "projects", "Group by compose project and service, or one flat list", 24),
        ("fold", "z", "fold", "Hide or show the containers of the group", 0),
    ),
    *_of(
        Scope.IMAGES,
        ("pull", "p", "pull", "Pull an image; browse on while it comes", 10),
        ("run", "R", "run", "Run a container from this image", 11),
        ("remove", "d", "remove", "Remove it: menu with force and untagging", 12),
        ("tag", "t", "tag", "Give it a further name", 13),
        ("bulk", "b", "prune", "Remove unused images, each listed with its size", 14),
        ("push", "P", "push", "Push it to its registry, in the background", 16),
        ("save", "S", "save", "Save it, or all that are marked, to an archive", 17),
        ("load", "i", "load", "Load images from an archive", 18),
        ("layers", "w", "layers", "Show its layers: what each adds, and what of it later ones hide", 19),
        ("cancel", "c", "cancel", "Cancel a pull, a push, or an archive that is written or read", 15),
    ),
    *_of(
        Scope.VOLUMES,
        ("create", "n", "new", "Create a volume", 10),
        ("remove", "d", "remove", "Remove it, after asking", 11),
        ("bulk", "b", "prune", "Remove unused volumes, each of them listed", 12),
        ("files", "f", "files", "Browse its files, whether a container has it or not", 13),
    ),
    *_of(
        Scope.NETWORKS,
        ("create", "n", "new", "Create a network", 10),
        ("remove", "d", "remove", "Remove it, after asking", 11),
        ("bulk", "b", "prune", "Remove networks without containers, each of them listed", 12),
        ("connect", "c", "connect", "Put a container into this network", 13),
        ("disconnect", "C", "disconnect", "Take a container out of this network", 14),
    ),
    *_of(
        Scope.SWARM,
        ("services", "1", "services", "Focus Services", 0),
        ("nodes", "2", "nodes", "Focus Nodes", 0),
        ("tasks", "3", "tasks", "Focus Tasks", 0),
        ("stacks", "4", "stacks", "Focus Stacks", 0),
        ("configs", "5", "configs", "Focus Configs", 0),
        ("secrets", "6", "secrets", "Focus Secrets", 0),
        ("main", "7", "main", "Focus the main pane", 0),
        ("up", "up k", "up", "Go up by a row", 0),
        ("down", "down j", "down", "Go down by a row", 0),
        ("first", "g", "first", "Go to the first row", 0),
        ("last", "G", "last", "Go to the last row, and follow the log", 0),
        ("previous_pane", "left h shift+tab", "pane before", "Focus the list before", 0),
        ("next_pane", "right l tab", "next pane", "Focus the next list", 0),
        ("scale", "s", "scale", "Set how many tasks the service has", 10),
        ("image", "i", "image", "Give the service another image; its tasks are replaced by and by", 11),
        ("rollback", "b", "roll back", "Go back to the specification before the last update, after asking", 12),
        ("force", "r", "restart", "Start all tasks of the service anew, after asking", 13),
        ("availability", "a", "availability", "Menu: let the node work, pause it, or drain it", 14),
        ("role", "p", "promote", "Promote the node to a manager, or demote it, after asking", 15),
        ("remove", "d", "remove", "Remove it, after asking; of a stack all that belongs to it", 16),
        ("logs", "m", "logs", "Logs of the service or the task, tasks told apart", 17),
        ("create", "n", "new", "Make a config or a secret in its list, of a file or of typed text", 9),
        ("tokens", "t", "join tokens", "What to type on a machine that is to join; copied on enter", 18),
        ("copy", "y", "copy", "Copy the name, the id or more", 19),
        ("enter", "enter", "open", "Focus the main pane", 30),
        ("filter", "slash", "filter", "Filter the list: words, `!not`; in the main pane / n N search and f filters, as in other logs", 31),
        ("clear", "escape", "clear", "Go back to the list, clear its filter, then leave", 0),
        ("previous_tab", "left_square_bracket", "tab before", "Show the tab before", 0),
        ("next_tab", "right_square_bracket", "tab", "Show the next tab", 40),
        ("zoom", "plus", "zoom", "Next screen mode: normal, half, full", 0),
        ("unzoom", "underscore", "unzoom", "Screen mode before", 0),
        ("page_up", "pageup ctrl+u K", "page up", "Scroll the main pane up", 0),
        ("page_down", "pagedown ctrl+d J", "page down", "Scroll the main pane down", 0),
        ("scroll_left", "H", "scroll left", "Scroll the main pane left", 0),
        ("scroll_right", "L", "scroll right", "Scroll the main pane right", 0),
        ("home", "home", "top", "Main pane: go to the very first line", 0),
        ("end", "end", "follow", "Main pane: go to the end and follow it", 0),
        ("wrap", "w", "wrap", "Fold long lines or cut them", 0),
        ("timestamps", "T", "times", "Times of log lines: none, local, UTC, since the line before", 0),
        ("reveal", "v", "reveal", "Show or hide values that look like secrets", 0),
        ("reload", "ctrl+r", "reload", "Read all lists again", 0),
        ("menu", "x question_mark", "menu", "Menu of everything that can be done here", 50),
        ("leave", "q f5", "back", "Back to the containers", 51),
    ),
    *_of(
        Scope.GLOBAL,
        ("containers", "1", "containers", "Focus Containers", 0),
        ("images", "2", "images", "Focus Images", 0),
        ("volumes", "3", "volumes", "Focus Volumes", 0),
        ("networks", "4", "networks", "Focus Networks", 0),
        ("main", "5", "main", "Focus the main pane", 0),
        ("log", "6", "log", "Focus the log of the selected container", 0),
        ("layout", "0", "layout", "Menu: show and hide lists, their order and size", 0),
        ("wider", "greater_than_sign", "lists wider", "Make the lists wider; the mouse drags their border", 0),
        ("narrower", "less_than_sign", "lists narrower", "Make the lists narrower", 0),
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
        ("palette", "ctrl+p colon", "palette", "Find an action or an object by its name", 0),
        ("journal", "at", "command log", "What was done in this session, and what to type for it", 0),
        ("hosts", "f7", "hosts", "Hosts and their states: go to another one, or list all at once", 0),
        ("monitor", "f6", "monitor", "All running containers with their numbers in any order, and the machine", 0),
        ("events", "f9", "events", "Events of the engine, as they come", 0),
        ("usage", "f8", "disk usage", "What lies on the disk, and what can be removed", 0),
        ("theme", "T", "theme", "Dark or light theme", 0),
        ("themes", "ctrl+t", "themes", "Menu of all themes; the choice is remembered", 0),
        ("custom", "X", "commands", "Menu of your own commands, and a command line to type", 0),
        ("swarm", "f5", "swarm", "Services, nodes, tasks, stacks, configs and secrets, where the engine is in a swarm", 0),
        ("reload", "ctrl+r", "reload", "Read all lists and the settings again", 0),
        ("suspend", "ctrl+z", "suspend", "Go into the background of the shell; `fg` brings it back", 0),
        ("quit", "q ctrl+c ctrl+q", "quit", "Leave; containers go on running", 51),
    ),
)

_CHANGING = {
    "containers": "stop start restart pause remove shell another attach exec shell_screen attach_screen "
    "debug kill rename bulk commit update networks",
    "images": "pull run remove tag bulk push load",
    "volumes": "create remove bulk",
    "networks": "create remove bulk connect disconnect",
    "swarm": "scale image rollback force availability role remove create tokens",
}
CHANGING = frozenset(f"{scope}.{verb}" for scope, verbs in _CHANGING.items() for verb in verbs.split())
"""What read-only mode leaves out: whatever changes something on the engine, or could, as a shell or a join token can."""

_SHOWN = {
    "slash": "/",
    "escape": "esc",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "underscore": "_",
    "question_mark": "?",
    "colon": ":",
    "asterisk": "*",
    "at": "@",
    "vertical_line": "|",
    "comma": ",",
    "minus": "-",
    "equals_sign": "=",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "ctrl+right_square_bracket": "^]",
    "shift+pageup": "shift PgUp",
    "shift+pagedown": "shift PgDn",
}


def show_key(key: str) -> str:
    """A key as people write it."""
    return _SHOWN.get(key, key.replace("ctrl+", "^") if key.startswith("ctrl+") else key)


_SIGNS = {"/": "slash", "\\": "backslash", "@": "at", "-": "minus", "+": "plus", "_": "underscore"}


def key_name(key: str) -> str:
    """Textual's name of a key that is written as its sign: ``question_mark`` for ``?``; a name stays as it is."""
    if len(key) != 1 or key.isalnum():
        return key
    return _SIGNS.get(key) or unicodedata.name(key, key).lower().replace("-", "_").replace(" ", "_")


def with_keys(overrides: Mapping[str, str]) -> tuple[Action, ...]:
    """The registry with other keys for some actions (``id`` to comma-separated key names); unknown ids are ignored."""
    if not overrides:
        return ACTIONS
    return tuple(
        action.replace(keys=tuple(key_name(key.strip()) for key in overrides[action.id].split(",") if key.strip()))
        if action.id in overrides
        else action
        for action in ACTIONS
    )


def custom_actions(commands: Sequence[CustomCommand]) -> tuple[Action, ...]:
    """A person's own commands as actions; the number in the id is their place."""
    return tuple(
        Action(
            id=f"custom.{place}",
            keys=(key_name(one.key),) if one.key else (),
            label=one.name,
            about=f"{one.name}: {one.command}",
            scope=Scope[one.scope.upper()],
            rank=25 if one.key else 0,
        )
        for place, one in enumerate(commands)
    )


def conflicts(actions: Sequence[Action]) -> list[str]:
    """Which actions can not be reached any more because another one, active at the same time, has their keys.

    Only what is not so in the registry itself is told, a sentence for each.
    """
    usual = set(_shadowed(ACTIONS))
    by_id = {action.id: action for action in actions}
    found: list[str] = []
    for lost, winner, key in _shadowed(actions):
        if (lost, winner, key) not in usual:
            found.append(f"{show_key(key)} is {winner}, so {lost} ({by_id[lost].label}) can not be reached with it")
    return found


def _shadowed(actions: Sequence[Action]) -> list[tuple[str, str, str]]:
    """Loser, winner and key for every key that two actions of scopes active together have."""
    nouns = (Scope.CONTAINERS, Scope.IMAGES, Scope.VOLUMES, Scope.NETWORKS)
    together: list[tuple[Scope, ...]] = [(Scope.TERMINAL,)]
    together += [(Scope.LISTS, noun, Scope.GLOBAL) for noun in nouns]
    together += [(Scope.LOGS, Scope.MAIN, noun, Scope.GLOBAL) for noun in nouns]
    found: dict[tuple[str, str, str], None] = {}
    for scopes in together:
        owner: dict[str, str] = {}
        for scope in scopes:
            for action in actions:
                for key in action.keys if action.scope is scope else ():
                    first = owner.setdefault(key, action.id)
                    if first != action.id:
                        found[action.id, first, key] = None
    return list(found)


def unknown_ids(overrides: Iterable[str]) -> list[str]:
    """Ids in somebody's keymap that no action has."""
    known = {action.id for action in ACTIONS}
    return [name for name in overrides if name not in known]


def in_scopes(actions: Iterable[Action], scopes: Iterable[Scope]) -> list[Action]:
    """The actions of some scopes, in the order of the scopes; a key that an earlier one took is not given twice."""
    chosen: list[Action] = []
    taken: set[str] = set()
    available = list(actions)
    for scope in scopes:
        for action in available:
            if action.scope is scope and not (action.keys and taken.issuperset(action.keys)):
                chosen.append(action)
        taken.update(key for action in chosen for key in action.keys)
    return chosen


def footer(actions: Sequence[Action]) -> list[Action]:
    """What the footer shows of the active actions, in its order."""
    return sorted((action for action in actions if action.rank), key=lambda action: action.rank)


def key_table() -> str:
    """All keys as Markdown tables, one for each scope, for the README."""
    parts: list[str] = []
    nouns = (Scope.CONTAINERS, Scope.IMAGES, Scope.VOLUMES, Scope.NETWORKS)
    order = (Scope.GLOBAL, Scope.LISTS, *nouns, Scope.MAIN, Scope.LOGS, Scope.PICK, Scope.TERMINAL, Scope.SWARM)
    for scope in order:
        parts.append(f"**{scope.value}**\n\n| key | does |\n|---|---|")
        for action in ACTIONS:
            if action.scope is scope:
                keys = " ".join(f"`{show_key(key)}`" for key in action.keys)
                parts.append(f"| {keys} | {action.about} |")
        parts.append("")
    return "\n".join(parts)
