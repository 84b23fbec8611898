"""Commands that change what is seen, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from engine.model.containers import Container
from engine.model.images import Image
from tui.presenters.geometry import Zoom
from tui.screens.desk import Desk
from tui.screens.menu import Entry, MenuModal
from tui.snapshot import Noun, Thing, key_of, label_of

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


def _toggle_times(desk: Desk) -> None:
    view = desk.content.pane.log_view
    view.times = not view.times


def _reveal(desk: Desk) -> None:
    desk.content.reveal = not desk.content.reveal
    desk.content.again()


async def _match(desk: Desk, step: int) -> None:
    if not await desk.content.seek(step):
        where = "below" if step > 0 else "above"
        desk.tell("search", f"no further match {where}")


def _clear_search(desk: Desk) -> None:
    desk.content.pane.view.term = ""
    desk.content.status()


def _clear(desk: Desk) -> None:
    pane = desk.lists.panes[desk.noun]
    if pane.filter:
        pane.filter = ""
        desk.lists.refresh(desk.noun)
    elif not desk.pulls.clear() and desk.stage.zoom is not Zoom.NORMAL:
        desk.stage.zoom = Zoom.NORMAL
        desk.stage.arrange()


def _sort(desk: Desk) -> None:
    desk.lists.next_sort(desk.noun)


def _pane(noun: Noun) -> Callable[[Desk], None]:
    return lambda desk: desk.stage.focus_list(noun)


def _log(desk: Desk) -> None:
    desk.stage.focus_list(Noun.CONTAINERS)
    desk.content.choose("logs")
    desk.stage.focus_main()


def _copies(thing: Thing) -> list[tuple[str, str]]:
    wanted = [("name", label_of(thing)), ("id", key_of(thing))]
    if isinstance(thing, Container):
        addresses = " ".join(end.ip_address for end in thing.networks if end.ip_address)
        wanted += [("image", thing.image), ("address", addresses), ("command", thing.command)]
    if isinstance(thing, Image):
        wanted += [("digest", thing.digests[0] if thing.digests else "")]
    return [(name, value) for name, value in wanted if value]


async def _copy(desk: Desk) -> None:
    thing = desk.lists.selected(desk.noun)
    if thing is None:
        return
    choices = _copies(thing)
    entries = [Entry(value=value, label=name, keys=(name[0],), hint=value[:60]) for name, value in choices]
    text = await desk.ask(MenuModal(f"Copy from {label_of(thing)}", entries))
    if text:
        desk.copy(text)


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "logs.search": lambda desk: desk.typing.open("search"),
    "logs.next": lambda desk: _match(desk, 1),
    "logs.previous": lambda desk: _match(desk, -1),
    "logs.timestamps": _toggle_times,
    "logs.wrap": _toggle_wrap,
    "logs.reveal": _reveal,
    "logs.clear": _clear_search,
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
    "lists.sort": _sort,
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
    "global.theme": lambda desk: desk.switch_theme(),
    "global.reload": lambda desk: desk.feed.reload(),
    "global.quit": lambda desk: desk.leave(),
}
