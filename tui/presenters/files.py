"""What a container has changed in its files, and what each layer of an image adds. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.files import Change, ChangeKind
from engine.model.images import ImageLayer
from tui.presenters.ansi import Styled, ink
from tui.presenters.details import instruction, note
from tui.presenters.pulls import bar
from tui.presenters.text import decimal_size, safe
from tui.words import tr

MAX_PATHS = 20_000
_SIGNS = {ChangeKind.ADDED: ("A", "green"), ChangeKind.MODIFIED: ("C", "yellow"), ChangeKind.DELETED: ("D", "red")}
_BAR = 20


def diff_lines(changes: Sequence[Change]) -> list[Styled]:
    """Changed paths with docker's letters, what was added, changed and deleted counted first.

    A directory that is listed only because of what lies in it stays, as ``docker diff`` has it.
    """
    if not changes:
        return note(tr("Nothing differs from the image."))
    counts = {kind: sum(change.kind is kind for change in changes) for kind in _SIGNS}
    words = {ChangeKind.ADDED: tr("added"), ChangeKind.MODIFIED: tr("changed"), ChangeKind.DELETED: tr("deleted")}
    told = ", ".join(f"{counts[kind]} {words[kind]}" for kind in words if counts[kind])
    lines: list[Styled] = [((told, ink("bright_black")),), ()]
    for change in sorted(changes, key=lambda change: change.path)[:MAX_PATHS]:
        sign, tint = _SIGNS[change.kind]
        lines.append(((f"{sign} ", ink(tint, bold=True)), (safe(change.path), ink(tint))))
    if len(changes) > MAX_PATHS:
        lines.append(((tr("… and {count} more", count=len(changes) - MAX_PATHS), ink("yellow")),))
    return lines


def layer_lines(history: Sequence[ImageLayer]) -> list[Styled]:
    """The steps that made an image, the first one on top, with what each adds and how much there is by then."""
    total = sum(layer.size for layer in history)
    if not history:
        return note(tr("Nothing is known of how this image was made."))
    filled = sum(bool(layer.size) for layer in history)
    lines: list[Styled] = [
        (
            (
                tr(
                    "{count} steps, {filled} of them with files, {size} in all", count=len(history), filled=filled, size=decimal_size(total)
                ),
                ink("bright_black"),
            ),
        ),
        (),
        (
            (
                f"{tr('ADDS'):>9} {'':{_BAR}} {tr('SO FAR'):>9}  {tr('STEP')}",
                ink("cyan", bold=True),
            ),
        ),
    ]
    so_far = 0
    for layer in reversed(history):
        so_far += layer.size
        part = layer.size / total if total else 0.0
        tint = "red" if part > 0.5 else "yellow" if part > 0.2 else "green"
        lines.append(
            (
                (f"{decimal_size(layer.size) if layer.size else '—':>9} ", ink("" if layer.size else "bright_black")),
                (bar(part, _BAR), ink(tint)),
                (f" {decimal_size(so_far):>9}  ", ink("bright_black")),
                *instruction(layer.created_by or layer.comment),
            )
        )
    return lines
