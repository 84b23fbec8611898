"""Commands that change what is seen, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from engine.model.containers import Container
from engine.model.images import Image
from tui.presenters.geometry import Zoom
from tui.screens.commands.batch import counted
from tui.screens.desk import Desk
from tui.screens.lists import SORTS
from tui.screens.menu import Entry, MenuModal
from tui.snapshot import Noun, Thing, key_of, label_of
from tui.words import tr

SIDEWAYS = 8


def _rows(desk: Desk, rows: int) -> None:
    desk.content.pane.view.go(rows)
    desk.content.status()


def _pages(desk: Desk, pages: int) -> None:
    desk.content.pane.view.go_page(pages)
    desk.content.status()


def _top(desk: Desk) -> None:
    desk.content.pane.view.go_top()


def _bottom(desk: Desk) -> None:
    desk.content.pane.view.go_bottom()


def _toggle_wrap(desk: Desk) -> None:
    view = desk.content.pane.view
    view.wrapped = not view.wrapped


def _reveal(desk: Desk) -> None:
    desk.content.reveal = not desk.content.reveal
    desk.content.again()


async def _match(desk: Desk, step: int) -> None:
    if not await desk.content.seeker.seek(step):
        desk.tell(tr("search"), tr("no further match below") if step > 0 else tr("no further match above"))


def _clear(desk: Desk) -> None:
    pane = desk.lists.panes[desk.noun]
    if pane.marks.clear():
        pane.show_marks()
    elif pane.filter:
        pane.filter = ""
        desk.lists.refresh(desk.noun)
    elif not desk.pulls.clear() and desk.stage.zoom is not Zoom.NORMAL:
        desk.stage.zoom = Zoom.NORMAL
        desk.stage.arrange()


def _mark(desk: Desk) -> None:
    pane = desk.lists.panes[desk.noun]
    group = desk.lists.group(desk.noun)
    if pane.selected:
        if group:
            pane.marks.toggle_all([one.id for one in group.members])
        else:
            pane.marks.toggle(pane.selected)
        pane.move(1)
        pane.show_marks()


def _mark_all(desk: Desk) -> None:
    pane = desk.lists.panes[desk.noun]
    pane.marks.toggle_all([row.key for row in pane.rows if not row.heading])
    pane.show_marks()


def _range(desk: Desk) -> None:
    pane = desk.lists.panes[desk.noun]
    if pane.marks.ranging:
        pane.marks.end_range()
    elif pane.selected:
        pane.marks.begin_range(pane.selected, lasting=True)
    pane.show_marks()


def _extend(desk: Desk, step: int) -> None:
    pane = desk.lists.panes[desk.noun]
    pane.move(step, extend=True)
    pane.show_marks()


def _sort(desk: Desk) -> None:
    keys = SORTS[desk.noun]
    desk.lists.sort_by(desk.noun, keys[(keys.index(desk.lists.sorts[desk.noun]) + 1) % len(keys)])


async def _sort_menu(desk: Desk) -> None:
    current = desk.lists.sorts[desk.noun]
    entries = [Entry(value=key, label=tr(key), hint=tr("now; again turns it round") if key == current else "") for key in SORTS[desk.noun]]
    key = await desk.ask(MenuModal(tr("Sort by"), entries))
    if key:
        desk.lists.sort_by(desk.noun, key)


def _pane(noun: Noun) -> Callable[[Desk], None]:
    return lambda desk: desk.stage.focus_list(noun)


def _log(desk: Desk) -> None:
    desk.stage.focus_list(Noun.CONTAINERS)
    desk.content.choose("logs")
    desk.stage.focus_main()


def _copies(thing: Thing) -> list[tuple[str, str]]:
    wanted = [("name", label_of(thing)), ("id", key_of(thing))]
    if isinstance(thing, Container):
        addresses = " ".join(address for end in thing.networks for address in end.addresses)
        wanted += [("image", thing.image), ("address", addresses), ("command", thing.command)]
    if isinstance(thing, Image):
        wanted += [("digest", thing.digests[0] if thing.digests else "")]
    return [(name, value) for name, value in wanted if value]


async def _copy(desk: Desk) -> None:
    things = desk.lists.chosen(desk.noun)
    if not things:
        return
    choices: dict[str, list[str]] = {}
    for thing in things:
        for name, value in _copies(thing):
            choices.setdefault(name, []).append(value)
    taken: set[str] = set()
    entries = []
    for name, values in choices.items():
        key = next((letter for letter in name if letter.isalpha() and letter not in taken and letter not in "jkqy"), "")
        taken.add(key)
        entries.append(Entry(value="\n".join(values), label=tr(name), keys=(key,) if key else (), hint=" ".join(values)[:60]))
    title = label_of(things[0]) if len(things) == 1 else counted(len(things), desk.noun)
    text = await desk.ask(MenuModal(tr("Copy from {title}", title=title), entries))
    if text:
        desk.copy(text)


def _reload(desk: Desk) -> None:
    desk.feed.reload()
    desk.reread_settings()


async def _themes(desk: Desk) -> None:
    entries = [Entry(value=name, label=name) for name in desk.themes]
    name = await desk.ask(MenuModal(tr("Theme"), entries))
    if name:
        desk.set_theme(name)


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "logs.search": lambda desk: desk.typing.open("search"),
    "logs.next": lambda desk: _match(desk, 1),
    "logs.previous": lambda desk: _match(desk, -1),
    "logs.wrap": _toggle_wrap,
    "logs.reveal": _reveal,
    "main.back": lambda desk: desk.stage.focus_list(desk.noun),
    "main.up": lambda desk: _rows(desk, -1),
    "main.down": lambda desk: _rows(desk, 1),
    "main.left": lambda desk: desk.content.pane.view.go_sideways(-SIDEWAYS),
    "main.right": lambda desk: desk.content.pane.view.go_sideways(SIDEWAYS),
    "main.top": _top,
    "main.bottom": _bottom,
    "main.previous_pane": lambda desk: desk.stage.focus_list(desk.noun),
    "main.next_pane": lambda desk: desk.stage.step_list(1),
    "lists.up": lambda desk: desk.lists.panes[desk.noun].move(-1),
    "lists.down": lambda desk: desk.lists.panes[desk.noun].move(1),
    "lists.first": lambda desk: desk.lists.panes[desk.noun].move_to(0),
    "lists.last": lambda desk: desk.lists.panes[desk.noun].move_to(len(desk.lists.panes[desk.noun].rows) - 1),
    "lists.previous_pane": lambda desk: desk.stage.step_list(-1),
    "lists.next_pane": lambda desk: desk.stage.step_list(1),
    "lists.enter": lambda desk: desk.stage.focus_main(),
    "lists.filter": lambda desk: desk.typing.open("filter"),
    "lists.clear": _clear,
    "lists.mark": _mark,
    "lists.range": _range,
    "lists.extend_up": lambda desk: _extend(desk, -1),
    "lists.extend_down": lambda desk: _extend(desk, 1),
    "lists.mark_all": _mark_all,
    "lists.sort": _sort,
    "lists.sort_menu": _sort_menu,
    "lists.reverse": lambda desk: desk.lists.turn(desk.noun),
    "lists.copy": _copy,
    "global.containers": _pane(Noun.CONTAINERS),
    "global.images": _pane(Noun.IMAGES),
    "global.volumes": _pane(Noun.VOLUMES),
    "global.networks": _pane(Noun.NETWORKS),
    "global.main": lambda desk: desk.stage.focus_main(),
    "global.log": _log,
    "global.previous_tab": lambda desk: desk.content.step(-1),
    "global.next_tab": lambda desk: desk.content.step(1),
    "global.zoom": lambda desk: desk.stage.step_zoom(1),
    "global.unzoom": lambda desk: desk.stage.step_zoom(-1),
    "global.page_up": lambda desk: _pages(desk, -1),
    "global.page_down": lambda desk: _pages(desk, 1),
    "global.scroll_left": lambda desk: desk.content.pane.view.go_sideways(-SIDEWAYS),
    "global.scroll_right": lambda desk: desk.content.pane.view.go_sideways(SIDEWAYS),
    "global.home": _top,
    "global.end": _bottom,
    "global.menu": lambda desk: desk.menu_of_actions(),
    "global.palette": lambda desk: desk.open_palette(),
    "global.themes": _themes,
    "global.theme": lambda desk: desk.switch_theme(),
    "global.reload": _reload,
    "global.suspend": lambda desk: desk.suspend(),
    "global.quit": lambda desk: desk.leave(),
}
