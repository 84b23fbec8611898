"""The themes of ours and the ANSI palettes that container output and state colours are drawn with.

Every pair of colours that text uses reaches a contrast of 4.5 on its background, the selected row included. For themes of
Textual and of a person's own, the colours that they do not name are mixed from those that they do, to the same contrast.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.terminal_theme import TerminalTheme
from textual.color import Color, ColorParseError
from textual.theme import Theme

from engine.errors import InvalidArgument
from tui.columns import THEME_COLOURS

CONTRAST = 4.5
"""WCAG 2's least contrast for text (AA)."""

DARK = Theme(
    name="longshore-dark",
    primary="#5fafff",
    secondary="#7dcfff",
    accent="#d787d7",
    success="#87d787",
    warning="#ffd75f",
    error="#ff8787",
    foreground="#d8dee9",
    background="#11151c",
    surface="#161b24",
    panel="#1c2330",
    dark=True,
    variables={
        "border": "#3b4557",
        "frame": "#4a5568",
        "selection": "#1f4f8f",
        "selection-dim": "#232c3b",
        "selection-text": "#ffffff",
        "quiet": "#8792a6",
        "match": "#ffd75f",
        "footer-key-foreground": "#5fafff",
        "scrollbar": "#3b4557",
        "scrollbar-hover": "#55627a",
        "scrollbar-active": "#87d787",
        "scrollbar-background": "#11151c",
        "scrollbar-background-hover": "#11151c",
        "scrollbar-background-active": "#11151c",
        "scrollbar-corner-color": "#11151c",
    },
)

LIGHT = Theme(
    name="longshore-light",
    primary="#005faf",
    secondary="#006f87",
    accent="#87005f",
    success="#1c6b1c",
    warning="#7a5200",
    error="#af0000",
    foreground="#1f2733",
    background="#fbfbf8",
    surface="#f3f3ee",
    panel="#e8e8e1",
    dark=False,
    variables={
        "border": "#b6bcc6",
        "frame": "#a3abb8",
        "selection": "#b9d6f5",
        "selection-dim": "#e6ebf1",
        "selection-text": "#0d1622",
        "quiet": "#5a6475",
        "match": "#ffe08a",
        "footer-key-foreground": "#005faf",
        "scrollbar": "#b6bcc6",
        "scrollbar-hover": "#8d96a5",
        "scrollbar-active": "#1c6b1c",
        "scrollbar-background": "#fbfbf8",
        "scrollbar-background-hover": "#fbfbf8",
        "scrollbar-background-active": "#fbfbf8",
        "scrollbar-corner-color": "#fbfbf8",
    },
)

SAFE_DARK = Theme(
    name="longshore-safe-dark",
    primary="#4f9df0",
    secondary="#9ad0f5",
    accent="#e59ac5",
    success="#4fe0bf",
    warning="#f0e442",
    error="#ff8c4d",
    foreground="#e6e9ef",
    background="#11151c",
    surface="#161b24",
    panel="#1c2330",
    dark=True,
    variables={**DARK.variables, "footer-key-foreground": "#4f9df0", "match": "#f0e442", "scrollbar-active": "#4fe0bf"},
)
"""After Okabe and Ito's colours (Color Universal Design, 2008): red, green, yellow and blue differ for every kind of colour vision."""
SAFE_LIGHT = Theme(
    name="longshore-safe-light",
    primary="#123f99",
    secondary="#1f6f9f",
    accent="#98416f",
    success="#0a7d66",
    warning="#80691a",
    error="#7d1500",
    foreground="#1f2733",
    background="#fbfbf8",
    surface="#f3f3ee",
    panel="#e8e8e1",
    dark=False,
    variables={**LIGHT.variables, "footer-key-foreground": "#123f99", "match": "#f0e442", "scrollbar-active": "#0a7d66"},
)
THEMES = (DARK, LIGHT, SAFE_DARK, SAFE_LIGHT)
AUTO = "auto"
"""In the settings: ours, dark or light as the terminal is."""

Rgb = tuple[int, int, int]


def _rgb(code: str) -> Rgb:
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


def _palette(background: str, foreground: str, normal: str, bright: str) -> TerminalTheme:
    return TerminalTheme(
        _rgb(background), _rgb(foreground), [_rgb(code) for code in normal.split()], [_rgb(code) for code in bright.split()]
    )


DARK_PALETTE = _palette(
    "11151c",
    "d8dee9",
    "6b7689 ff8787 87d787 ffd75f 6fb3ff d7a0e8 5fd7d7 d8dee9",
    "8792a6 ffa3a3 a8e6a8 ffe58f 9ccaff e8bff5 8ce8e8 ffffff",
)
LIGHT_PALETTE = _palette(
    "fbfbf8",
    "1f2733",
    "1f2733 af0000 1c6b1c 7a5200 005faf 87005f 00676f 5a6475",
    "5a6475 c4282a 2a7a2a 8a6000 1f6fbf 9b2a78 0a7780 3d4654",
)

SAFE_DARK_PALETTE = _palette(
    "11151c",
    "e6e9ef",
    "6b7689 ff8c4d 4fe0bf f0e442 4f9df0 e59ac5 9ad0f5 e6e9ef",
    "8792a6 ffa875 5fdcbf f6ee7d 8ccdf2 f0bcda bfe2fa ffffff",
)
SAFE_LIGHT_PALETTE = _palette(
    "fbfbf8",
    "1f2733",
    "1f2733 7d1500 0a7d66 80691a 123f99 98416f 1f6f9f 5a6475",
    "5a6475 9c2a0c 147a66 7d6a20 2a55b0 a8507d 25739f 3d4654",
)


def palettes(theme: str) -> tuple[TerminalTheme, TerminalTheme]:
    """The ANSI colours of a theme: those for dark grounds and those for light ones."""
    return (SAFE_DARK_PALETTE, SAFE_LIGHT_PALETTE) if theme.startswith("longshore-safe") else (DARK_PALETTE, LIGHT_PALETTE)


def counterpart(theme: str, *, dark: bool) -> str:
    """The light theme to a dark one and the other way round: of the same family where it has both, else ours."""
    if theme.startswith("longshore-safe"):
        return SAFE_LIGHT.name if dark else SAFE_DARK.name
    return LIGHT.name if dark else DARK.name


def chosen(wish: str, *, dark: bool) -> str:
    """The theme that the settings mean, on a terminal with a dark or light ground."""
    return wish if wish != AUTO else DARK.name if dark else LIGHT.name


def luminance(colour: Color) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""

    def linear(value: int) -> float:
        part = value / 255
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(colour.r) + 0.7152 * linear(colour.g) + 0.0722 * linear(colour.b)


def contrast(one: Color, other: Color) -> float:
    """Contrast of two opaque colours, 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _legible(colour: Color, background: Color, towards: Color) -> Color:
    """The colour, mixed with another one until it can be read on the background."""
    for step in range(11):
        mixed = colour.blend(towards, step / 10)
        if contrast(mixed, background) >= CONTRAST:
            return mixed
    return towards


def fallbacks(theme: Theme) -> dict[str, str]:
    """Colours that our style sheets use and that a theme may not name, mixed from its own."""
    generated = theme.to_color_system().generate()
    try:
        foreground, background, primary = (Color.parse(generated[name]) for name in ("foreground", "background", "primary"))
    except (ColorParseError, KeyError):
        foreground, background, primary = Color.parse("#d8dee9"), Color.parse("#11151c"), Color.parse("#5fafff")
    if any(colour.ansi is not None for colour in (foreground, background, primary)):  # the terminal's own: nothing to mix
        quiet = "ansi_bright_black"
        return {
            "border": quiet, "frame": quiet, "frame-focus": "ansi_green", "quiet": quiet, "selection": "ansi_blue",
            "selection-text": "ansi_bright_white", "selection-dim": quiet, "match": "ansi_yellow",
        }  # fmt: skip
    white, black = Color.parse("#ffffff"), Color.parse("#000000")
    selection = background.blend(primary, 0.45)
    readable = white if contrast(white, selection) >= contrast(black, selection) else black
    return {
        "border": background.blend(foreground, 0.25).hex,
        "frame": background.blend(foreground, 0.35).hex,
        "frame-focus": generated.get("success", primary.hex),
        "quiet": _legible(background.blend(foreground, 0.55), background, foreground).hex,
        "selection": _legible_under(selection, readable, background).hex,
        "selection-text": readable.hex,
        "selection-dim": background.blend(foreground, 0.12).hex,
        "match": generated.get("warning", "#ffd75f"),
    }


def _legible_under(background: Color, text: Color, towards: Color) -> Color:
    """A background, mixed with another one until the text on it can be read."""
    for step in range(11):
        mixed = background.blend(towards, step / 10)
        if contrast(text, mixed) >= CONTRAST:
            return mixed
    return towards


def own_theme(name: str, table: Mapping[str, object]) -> Theme:
    """A theme of the settings: colours by Textual's names, ``dark``, and ``variables`` for single ones.

    Raises:
        InvalidArgument: a name or a colour is unknown, or there is no ``primary``.
    """
    for key, value in table.items():
        if key not in (*THEME_COLOURS, "dark", "variables"):
            raise InvalidArgument(f"theme {name}: {key} is no colour", hint=f"known: {', '.join(THEME_COLOURS)}, dark, variables")
        if key in THEME_COLOURS:
            _check_colour(name, key, value)
    if "primary" not in table:
        raise InvalidArgument(f"theme {name}: primary is missing")
    variables = table.get("variables", {})
    if not isinstance(variables, Mapping):
        raise InvalidArgument(f"theme {name}: variables is no table")
    for key, value in variables.items():
        _check_colour(name, key, value)
    colours = {slot: str(table[slot]) for slot in THEME_COLOURS if slot in table}
    dark = table.get("dark", True) is not False
    ground = {} if dark else {"background": "#fbfbf8", "foreground": "#1f2733", "surface": "#f3f3ee", "panel": "#e8e8e1"}
    return Theme(name=name, dark=dark, variables={str(key): str(value) for key, value in variables.items()}, **{**ground, **colours})  # type: ignore[arg-type]  # texts for the colour slots only


def faint(theme: Theme) -> list[str]:
    """Colours of a theme that can not be read well: a sentence for each, empty for a theme that is legible everywhere."""
    colours = theme.to_color_system().generate()
    mixed = {**fallbacks(theme), **theme.variables}
    pairs = [(name, "background") for name in ("foreground", "primary", "success", "warning", "error", "accent", "quiet")]
    pairs += [("selection-text", "selection"), ("foreground", "panel")]
    found: list[str] = []
    for name, ground in pairs:
        try:
            text, below = (Color.parse(mixed.get(each) or colours[each]) for each in (name, ground))
        except (ColorParseError, KeyError):
            continue
        if text.ansi is None and below.ansi is None and (ratio := contrast(text, below)) < CONTRAST:
            found.append(f"theme {theme.name}: {name} on {ground} has a contrast of {ratio:.1f}; {CONTRAST:g} is the least to be read well")
    return found


def _check_colour(theme: str, name: str, value: object) -> None:
    try:
        Color.parse(str(value))
    except ColorParseError as error:
        raise InvalidArgument(f"theme {theme}: {name}: {value} is no colour") from error
