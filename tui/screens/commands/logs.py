"""Commands on the log and other texts of the main pane."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from engine.errors import LongshoreError
from engine.model.containers import Container
from tui.presenters.ansi import text_of
from tui.presenters.log_document import TIMES
from tui.screens.confirm import ConfirmModal
from tui.screens.desk import Desk
from tui.screens.menu import Entry, MenuModal
from tui.screens.prompt import PromptModal
from tui.snapshot import Noun
from tui.widgets.log_view import Edge
from tui.words import mark, tr, trn

SINCE = (
    ("1", mark("minute"), 60),
    ("5", mark("5 minutes"), 300),
    ("m", mark("15 minutes"), 900),
    ("h", mark("hour"), 3600),
    ("6", mark("6 hours"), 21600),
    ("d", mark("day"), 86400),
)
"""Key, words and seconds of the moments that one can go to."""
_TIME_WORDS = {"": mark("no times"), "local": mark("local time"), "utc": "UTC", "delta": mark("time since the line before")}


def _all_lines(desk: Desk) -> list[str]:
    view = desk.content.pane.view
    return [text_of(view.styled(index)) for index in range(view.line_count)]


def _seen_lines(desk: Desk) -> list[str]:
    view = desk.content.pane.view
    if not view.row_count:
        return []
    top = view.scroll_offset.y
    bottom = min(top + view.size.height, view.row_count) - 1
    return [text_of(view.styled(index)) for index in range(view.locate(top)[0], view.locate(bottom)[0] + 1)]


def _times(desk: Desk) -> None:
    view = desk.content.pane.log_view
    view.times = TIMES[(TIMES.index(view.times) + 1) % len(TIMES)]
    desk.tell(tr("times"), tr(_TIME_WORDS[view.times]))


async def _look(desk: Desk) -> None:
    view = desk.content.pane.log_view

    def on(flag: bool) -> str:
        return tr("on") if flag else tr("off")

    entries = (
        Entry(value="times", label=tr("times"), keys=("t",), hint=tr(_TIME_WORDS[view.times])),
        Entry(value="wrapped", label=tr("fold long lines"), keys=("w",), hint=on(view.wrapped)),
        Entry(value="tinted", label=tr("stderr red"), keys=("e",), hint=on(view.tinted)),
        Entry(value="folded", label=tr("JSON lines as level, message and fields"), keys=("f",), hint=on(view.folded)),
    )
    choice = await desk.ask(MenuModal(tr("How the log is drawn"), entries))
    if choice == "times":
        _times(desk)
    elif choice:
        setattr(view, choice, not getattr(view, choice))


async def _since(desk: Desk) -> None:
    entries = [Entry(value=str(seconds), label=tr("the last {time}", time=tr(words)), keys=(key,)) for key, words, seconds in SINCE]
    entries.append(Entry(value="0", label=tr("the beginning"), keys=("0",)))
    choice = await desk.ask(MenuModal(tr("Go to where began"), entries))
    if choice == "0":
        desk.content.pane.log_view.go_top()
    elif choice:
        await desk.content.go_to(time.time_ns() - int(choice) * 1_000_000_000)
        if desk.content.pane.log_view.following:
            desk.tell(tr("since"), tr("nothing was written since then: this is the end"))


async def _pick(desk: Desk) -> None:
    content = desk.content
    view = content.pane.view
    if not content.picker.begin(view):  # at once: the next key is for the cursor
        desk.tell(tr("pick"), tr("there is no line"))
    content.status()
    if view is content.pane.log_view and content.pane.log_view.following:
        content.pane.log_view.following = False
        await content.page(Edge.PAUSE)
        content.status()


def _moved(desk: Desk, lines: int = 0, pages: int = 0) -> None:
    if pages:
        desk.content.picker.move_page(pages)
    else:
        desk.content.picker.move(lines)
    desk.content.status()


def _range(desk: Desk) -> None:
    desk.content.picker.anchor()
    desk.content.status()


def _copy_picked(desk: Desk) -> None:
    desk.copy(desk.content.picker.text)
    _leave(desk)


def _leave(desk: Desk) -> None:
    desk.content.picker.end()
    desk.content.status()


async def _context(desk: Desk) -> None:
    if desk.content.only:
        await desk.content.in_context(desk.content.picker.at)
    else:
        _leave(desk)


async def _copy(desk: Desk) -> None:
    if selected := desk.take_selection():
        desk.copy(selected)
        return
    view = desk.content.pane.view
    seen, loaded = _seen_lines(desk), _all_lines(desk)
    found = text_of(view.styled(view.current)) if 0 <= view.current < view.line_count else ""
    entries = (
        Entry(value="found" if found else "", label=tr("the line found"), keys=("l",), hint=found.strip()[:50]),
        Entry(value="seen", label=trn("{count} line on the screen", "{count} lines on the screen", len(seen)), keys=("s",)),
        Entry(value="loaded", label=trn("the {count} loaded line", "all {count} loaded lines", len(loaded)), keys=("a",)),
    )
    choice = await desk.ask(MenuModal(tr("Copy"), entries))
    texts = {"found": [found], "seen": seen, "loaded": loaded}
    if choice:
        desk.copy("\n".join(texts[choice]))


async def _save(desk: Desk) -> None:
    from tui.feed.log_file import default_path, resolved, save_log, save_text  # late: not needed for the first picture

    content = desk.content
    one = desk.lists.selected(Noun.CONTAINERS)
    single = isinstance(one, Container) and content.tab == "logs" and desk.noun is Noun.CONTAINERS and not content.mix
    lines = _all_lines(desk)
    kept = content.only is not None
    everything = tr("all lines that match, as they were written") if kept else tr("all lines of the log, as they were written")
    entries = (
        Entry(
            value="shown",
            label=trn(
                "the {count} line that is loaded, as it is shown", "the {count} lines that are loaded, as they are shown", len(lines)
            ),
            keys=("s",),
        ),
        Entry(value="all" if single else "", label=everything, keys=("a",)),
    )
    choice = await desk.ask(MenuModal(tr("Save"), entries))
    if not choice:
        return
    name = one.name if isinstance(one, Container) and not content.mix else "logs"
    path = await desk.ask(PromptModal(tr("Save to"), text=default_path(name, time.strftime("%Y%m%d-%H%M%S"))))
    if not path:
        return
    path, exists = resolved(path)
    if exists and not await desk.ask(ConfirmModal(tr("Replace {path}?", path=path), tr("What is in it is lost."))):
        return
    try:
        if choice == "all" and isinstance(one, Container):
            count = await save_log(desk.engine, one.id, path, content.only)
        else:
            await save_text(path, "".join(f"{line}\n" for line in lines))
            count = len(lines)
    except LongshoreError as error:
        desk.tell_error(tr("save"), error)
        return
    desk.tell(tr("saved"), trn("{count} line in {path}", "{count} lines in {path}", count, path=path))


def _clear(desk: Desk) -> None:
    content = desk.content
    if content.pane.view.term:
        content.pane.view.term = ""
    elif content.only:
        content.keep_only("")
    elif content.mix:
        content.mix_logs(())
    content.status()


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "logs.only": lambda desk: desk.typing.open("only"),
    "logs.pick": _pick,
    "logs.copy": _copy,
    "logs.solo": lambda desk: desk.content.next_solo(),
    "logs.since": _since,
    "logs.timestamps": _times,
    "logs.look": _look,
    "logs.save": _save,
    "logs.pager": lambda desk: desk.page_text("".join(f"{line}\n" for line in _all_lines(desk))),
    "logs.clear": _clear,
    "pick.up": lambda desk: _moved(desk, lines=-1),
    "pick.down": lambda desk: _moved(desk, lines=1),
    "pick.page_up": lambda desk: _moved(desk, pages=-1),
    "pick.page_down": lambda desk: _moved(desk, pages=1),
    "pick.range": _range,
    "pick.copy": _copy_picked,
    "pick.context": _context,
    "pick.leave": _leave,
}
