"""The two themes and the ANSI palettes that container output and state colours are drawn with.

Every pair of colours that text uses reaches a contrast of 4.5 on its background, the selected row included.
"""

from __future__ import annotations

from rich.terminal_theme import TerminalTheme
from textual.theme import Theme

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
