"""What a container has changed in its files, and what each layer of an image adds. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.files import Change, ChangeKind
from engine.model.images import ImageContents, ImageLayer, LayerContents
from tui.presenters.ansi import Styled, ink
from tui.presenters.details import instruction, note
from tui.presenters.pulls import bar
from tui.presenters.text import decimal_size, safe
from tui.words import tr, trn

MAX_PATHS = 20_000
_SIGNS = {ChangeKind.ADDED: ("A", "green"), ChangeKind.MODIFIED: ("C", "yellow"), ChangeKind.DELETED: ("D", "red")}
_BAR = 20
_QUIET = ink("bright_black")


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


def layer_lines(history: Sequence[ImageLayer], contents: ImageContents | None = None) -> list[Styled]:
    """The steps that made an image, the first one on top, with what each adds and how much there is by then.

    With ``contents`` also how many files each adds, and how much of it later layers hide.
    """
    total = sum(layer.size for layer in history)
    if not history:
        return note(tr("Nothing is known of how this image was made."))
    filled = sum(bool(layer.size) for layer in history)
    steps = trn("{count} step", "{count} steps", len(history))
    of_step = _of_steps(history, contents)
    columns = f" {tr('FILES'):>8} {tr('HIDDEN'):>9}" if of_step else ""
    lines: list[Styled] = [
        ((tr("{steps}, {filled} of them with files, {size} in all", steps=steps, filled=filled, size=decimal_size(total)), _QUIET),),
        (),
        ((f"{tr('ADDS'):>9} {'':{_BAR}} {tr('SO FAR'):>9}{columns}  {tr('STEP')}", ink("cyan", bold=True)),),
    ]
    so_far = 0
    for place, layer in enumerate(reversed(history)):
        so_far += layer.size
        part = layer.size / total if total else 0.0
        tint = "red" if part > 0.5 else "yellow" if part > 0.2 else "green"
        lines.append(
            (
                (f"{decimal_size(layer.size) if layer.size else '—':>9} ", ink("" if layer.size else "bright_black")),
                (bar(part, _BAR), ink(tint)),
                (f" {decimal_size(so_far):>9}", _QUIET),
                *(_files_of(of_step[place]) if of_step else ()),
                ("  ", ink()),
                *instruction(layer.created_by or layer.comment),
            )
        )
    if contents is None:
        return [*lines, (), ((tr("w reads the image, and tells which files later layers hide."), _QUIET),)]
    return [*lines, (), *_hidden_lines(contents)]


def _of_steps(history: Sequence[ImageLayer], contents: ImageContents | None) -> Sequence[LayerContents | None]:
    """What each step's layer holds, oldest first; nothing where steps and layers can not be brought together."""
    if contents is None or len(contents.steps) != len(history):
        return ()
    return [contents.layers[place] if place >= 0 else None for place in contents.steps]


def _files_of(layer: LayerContents | None) -> Styled:
    if layer is None:
        return ((f" {'':>8} {'':>9}", ink()),)
    hidden = decimal_size(layer.hidden) if layer.hidden else "—"
    return ((f" {layer.files:>8}", ink()), (f" {hidden:>9}", ink("yellow" if layer.hidden else "bright_black")))


def _hidden_lines(contents: ImageContents) -> list[Styled]:
    """How much of an image can not be seen, and its largest pieces."""
    held = sum(layer.size for layer in contents.layers)
    hidden = sum(layer.hidden for layer in contents.layers)
    if not hidden:
        return [((tr("No layer hides a file of an earlier one: nothing is carried in vain."), ink("green")),)]
    told = tr(
        "Hidden by later layers: {hidden} of {held} ({part:.0%})",
        hidden=decimal_size(hidden),
        held=decimal_size(held),
        part=hidden / held,
    )
    lines: list[Styled] = [((told, ink("yellow")),), (), ((f"{tr('HIDDEN'):>9} {tr('COPIES'):>7}  {tr('PATH')}", ink("cyan", bold=True)),)]
    for file in contents.hidden:
        lines.append(((f"{decimal_size(file.size):>9} {file.copies:>7}  ", ink()), (safe(f"/{file.path}"), ink())))
    left = hidden - sum(file.size for file in contents.hidden)
    if left:
        lines.append(((tr("… and {size} in smaller ones", size=decimal_size(left)), _QUIET),))
    return lines
