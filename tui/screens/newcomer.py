"""The first start of somebody who comes from lazydocker: whether its settings are to be taken over. Asked once."""

from __future__ import annotations

import os

from engine.errors import LongshoreError
from tui.presenters.ansi import ink
from tui.screens.confirm import ConfirmModal
from tui.screens.desk import Desk
from tui.screens.reader import ReaderModal
from tui.words import tr

ASKED = "asked.lazydocker"


def wanted(desk: Desk, config: str) -> str:
    """lazydocker's file, if there is one, there are no settings of ours yet, and nobody was asked before; else ``""``."""
    from tui.lazydocker.settings import existing_path

    if not desk.settings.remember or desk.memory.get(ASKED) or os.path.exists(config):
        return ""
    return existing_path()


async def offer(desk: Desk, config: str, found: str) -> None:
    """Ask; on a yes write the settings, which the running TUI takes up as any change, and show what became of each line."""
    from tui.lazydocker.settings import import_file
    from tui.lazydocker.writing import write_new

    try:
        imported = import_file(found)
    except LongshoreError as error:
        desk.memory.put(ASKED, "yes")
        desk.tell_error(tr("lazydocker's settings"), error)
        return
    taken = sum(one.taken for one in imported.report)
    what = tr(
        "{taken} of {count} settings in {found} have a counterpart,\nthe keys are lazydocker's. {config} is written.",
        taken=taken,
        count=len(imported.report),
        found=found,
        config=config,
    )
    answer = await desk.ask(ConfirmModal(tr("Take over your settings of lazydocker?"), what, danger=False))
    desk.memory.put(ASKED, "yes")
    if not answer:
        desk.tell("lazydocker", tr("longshore settings import-lazydocker does it later"))
        return
    try:
        write_new(config, imported.toml(found))
    except LongshoreError as error:
        desk.tell_error(tr("settings"), error)
        return
    desk.reread_settings()
    lines = [((line, ink("" if one.taken else "yellow")),) for line, one in zip(imported.told, imported.report, strict=True)]
    await desk.ask(ReaderModal(tr("From {found}", found=found), lines))
