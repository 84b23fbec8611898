"""Commands of a person's own, from ``[[tui.commands]]`` of the settings, and how their line is filled in.

::

    [[tui.commands]]
    name = "htop"                        # in the menu, the palette and the help
    key = "f3"                           # may be missing: c opens the menu
    scope = "containers"                 # images, volumes, networks; global: without an object
    command = "docker exec -it {name} htop"
    output = "terminal"                  # pane (a box, as it comes), none (a note at the end), terminal
    confirm = true                       # ask first
    readonly = true                      # harmless: offered in read-only mode too

``{name}``, ``{id}``, ``{image}``, ``{project}``, ``{service}``, ``{tag}``, ``{driver}`` are the object's, quoted for the
shell, inside quotes of the line too, but not for a second shell as in ``sh -c``; ``{ask:Port}`` is asked for. ``{{`` and ``}}`` are braces.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from engine.errors import InvalidArgument
from engine.model.value import Value
from tui.shapes import Flag, Shape, Text
from tui.words import tr

SCOPES = ("containers", "images", "volumes", "networks", "global")
OUTPUTS = ("pane", "none", "terminal")
PLACES: Mapping[str, tuple[str, ...]] = {
    "containers": ("name", "id", "image", "project", "service"),
    "images": ("name", "id", "tag"),
    "volumes": ("name", "driver", "mountpoint"),
    "networks": ("name", "id", "driver"),
    "global": (),
}
_UNSAFE = "unsafe"
"""Where other rules hold than those of quotes, and a value could give orders whatever is done to it."""
_PLACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


class CustomCommand(Value):
    """One command; the fields are those of the settings."""

    name: str
    command: str
    scope: str = "containers"
    key: str = ""
    output: str = "pane"
    confirm: bool = False
    readonly: bool = False


FIELDS: Mapping[str, Shape] = {
    "name": Text(about="in the menu, the palette and the help", needed=True),
    "command": Text(about="the line for the shell; {name}, {id} and others are filled in, {ask:Label} asks", needed=True),
    "scope": Text(about="what it is for", choices=SCOPES),
    "key": Text(about="one key; without it the menu has it"),
    "output": Text(about="a box, nothing, or the terminal", choices=OUTPUTS),
    "confirm": Flag(about="ask first"),
    "readonly": Flag(about="harmless: offered in read-only mode too"),
}


def custom_command(table: object, place: int) -> CustomCommand:
    """A command of the settings, the ``place``-th one.

    Raises:
        InvalidArgument: a field is unknown, missing or wrong, or the line names what the scope does not have.
    """
    where = f"tui.commands[{place}]"
    if not isinstance(table, Mapping):
        raise InvalidArgument(tr("{where} is no table", where=where))
    defaults = dict(CustomCommand(name="", command="").fields())
    for name, value in table.items():
        if name not in defaults:
            raise InvalidArgument(
                tr("{where}: {name} is no field", where=where, name=name), hint=tr("known: {names}", names=", ".join(defaults))
            )
        if type(value) is not type(defaults[name]):
            raise InvalidArgument(
                tr(
                    "{where}: {name} wants {wanted}, not {given}",
                    where=where,
                    name=name,
                    wanted=type(defaults[name]).__name__,
                    given=type(value).__name__,
                )
            )
    made = CustomCommand(**{"name": "", "command": "", **table})
    if not made.name or not made.command:
        raise InvalidArgument(tr("{where}: name and command are needed", where=where))
    if made.scope not in SCOPES or made.output not in OUTPUTS:
        raise InvalidArgument(
            tr(
                "{where}: scope is one of {scopes}, output one of {outputs}",
                where=where,
                scopes=", ".join(SCOPES),
                outputs=", ".join(OUTPUTS),
            )
        )
    for placeholder in placeholders(made.command):
        if placeholder not in PLACES[made.scope] and not placeholder.startswith("ask:"):
            known = ", ".join(PLACES[made.scope]) or tr("nothing")
            raise InvalidArgument(
                tr("{where}: {{{placeholder}}} is not known", where=where, placeholder=placeholder),
                hint=tr("{scope} have {known}; {{ask:Label}} asks", scope=made.scope, known=known),
            )
    try:
        filled(made.command, {})
    except InvalidArgument as error:
        raise InvalidArgument(f"{where}: {error.message}") from error
    return made


def placeholders(command: str) -> Sequence[str]:
    """What the line wants filled in, each once, in its order."""
    return list(dict.fromkeys(found[1] for found in _PLACE.finditer(command) if found[1] is not None))


def filled(command: str, values: Mapping[str, str]) -> str:
    """The line with its placeholders filled in, each value quoted for the place in the shell's line where it stands.

    Names and labels are strangers' words: quotes that the line has around a placeholder must not end where the value says so.

    Raises:
        InvalidArgument: a placeholder stands where no quoting is safe.
    """
    made: list[str] = []
    quote, at = "", 0
    for found in _PLACE.finditer(command):
        literal = command[at : found.start()]
        at = found.end()
        quote, escaping = _quote_after(literal, quote)
        if found[1] is None:
            made += [literal, found[0][0]]
        else:
            made += [literal, "\\" if escaping else "", _quoted(values.get(found[1], ""), quote, found[0])]
    return "".join(made) + command[at:]


def _quote_after(text: str, quote: str) -> tuple[str, bool]:
    """Inside which quotes the shell is after a text, or :data:`_UNSAFE`; and whether a backslash comes last."""
    escaping = False
    for at, char in enumerate(text):
        if quote == _UNSAFE:
            break
        if escaping:
            escaping = False
        elif char == "\\" and quote != "'":
            escaping = True
        elif char == quote:
            quote = ""
        elif quote != "'" and (char == "`" or text.startswith("$(" if quote else "<<", at)):
            quote = _UNSAFE
        elif not quote and char in "'\"":
            quote = char
    return quote, escaping


def _quoted(value: str, quote: str, place: str) -> str:
    value = value.replace("\0", "").replace("\n", " ")
    if quote == "'":
        return value.replace("'", "'\\''")
    if quote == '"':
        return re.sub(r'([\\"$`])', r"\\\1", value)
    if quote == _UNSAFE:
        raise InvalidArgument(tr("{place} can not stand behind `…`, <<, or $(…) inside double quotes", place=place))
    return shlex.quote(value)
