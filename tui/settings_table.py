"""What may be set in ``[tui]``, each setting with its shape: the one table that the reader and the JSON schema share."""

from __future__ import annotations

from collections.abc import Mapping

from tui import columns
from tui.actions import ACTIONS
from tui.custom import FIELDS as COMMAND_FIELDS
from tui.graphs import FIELDS as GRAPH_FIELDS
from tui.presets import PRESETS
from tui.shapes import Flag, Many, Number, Shape, Table, Text
from tui.words import languages, mark

POLICIES = ("ask", "never", "name")
SCREEN_MODES = ("normal", "half", "full")
_KEYS = Many(of=Text(), single=True)
_COLOUR = Text(needed=True)

FIELDS: Mapping[str, Shape] = {
    "theme": Text(about="auto (ours, dark or light as the terminal's background is), longshore-dark, longshore-light, "
                        "longshore-safe-dark and longshore-safe-light (colour-blind safe), any theme of Textual, or one of your own"),
    "language": Text(about="what the terminal interface speaks; without it LC_ALL, LC_MESSAGES, LANG and LANGUAGE decide",
                     choices=languages()),
    "mouse": Flag(about="react to the mouse; counts from the next start on"),
    "hide_stopped": Flag(about="start with stopped containers hidden"),
    "sort": Text(about="what containers are sorted by until another order is chosen", choices=columns.CONTAINER_SORTS),
    "log_lines": Number(about="how many lines of a log are shown at first", least=1),
    "log_timestamps": Flag(about="show the time before each log line"),
    "log_wrap": Flag(about="fold long lines"),
    "log_json": Flag(about="show lines that are a JSON object as level, message and fields"),
    "log_stderr": Flag(about="what a process wrote to stderr without colours is red"),
    "side_ratio": Number(about="the lists take one part in this many of the width", least=2, most=20),
    "screen_mode": Text(about="how large the focused pane is at the start, as + changes it", choices=SCREEN_MODES),
    "expand_focused": Flag(about="the focused list is twice as high as the others"),
    "screen_reader": Flag(about="for screen readers and Braille: one plain pane at a time, no lines, no graphs, changes said in words"),
    "columns": Table(
        about="names of the columns of each list, in their order",
        noun=mark("list"),
        known={noun: Many(of=Text(choices=names)) for noun, names in columns.NAMES.items()},
    ),
    "remember": Text(about="file in which order, layout and hidden rows are kept; empty forgets them"),
    "preset": Text(about="whose keys: Longshore's own, those of lazydocker, or vim's", choices=("", *PRESETS)),
    "keys": Table(
        about="keys of actions, by the action's id: a text with commas or a list; an empty one takes the keys away",
        noun=mark("action"),
        known={action.id: _KEYS.replace(about=action.about) for action in ACTIONS},
    ),
    "readonly": Flag(about="nothing can be changed, only looked at"),
    "confirm": Table(
        about="what is asked before an action, by the action's id: a yes, nothing, or the object's name",
        noun=mark("action"),
        known={action.id: Text(about=action.about, choices=POLICIES) for action in ACTIONS},
    ),
    "commands": Many(
        about="commands of your own", of=Table(known=COMMAND_FIELDS, needed=("name", "command"), noun=mark("field"))
    ),
    "graphs": Many(about="graphs of your own in the Stats tab", of=Table(known=GRAPH_FIELDS, needed=("path",), noun=mark("field"))),
    "themes": Table(
        about="themes of your own, by name; a file themes/NAME.toml beside this one holds one as well",
        others=Table(
            noun=mark("colour"),
            needed=("primary",),
            known={
                "dark": Flag(about="it is a dark theme"),
                "variables": Table(about="single colours of Textual's style sheets", others=_COLOUR),
                **dict.fromkeys(columns.THEME_COLOURS, _COLOUR),
            },
        ),
    ),
}  # fmt: skip
"""What may be set, each with its shape."""

TABLE = Table(about="the terminal interface", known=FIELDS)
