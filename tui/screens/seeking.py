"""Search in what the main pane shows: matches in what is loaded, and further ones in the rest of a log, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from engine.model.streams import LogLine
from tui.feed.log_window import LogWindow
from tui.feed.logs import LogFeed
from tui.presenters.lines import may_hold
from tui.presenters.log_document import stamp
from tui.presenters.text import safe
from tui.screens.log_pages import turn_to
from tui.widgets.line_view import first_seen
from tui.widgets.log_view import Edge, LogView
from tui.widgets.main_pane import MainPane
from tui.words import tr

PAGE = 5000
"""Lines that are loaded at once to look for a match in them."""


class SearchedLog(Protocol):
    """A log of which a window is loaded, which can be moved by as many lines as are wanted."""

    @property
    def window(self) -> LogWindow:
        """What is loaded."""
        ...

    @property
    def following(self) -> bool:
        """New lines are added as they come."""
        ...

    async def older(self, count: int = ...) -> int:
        """Load lines before: how many."""
        ...

    async def newer(self, count: int = ...) -> int:
        """Load lines after: how many."""
        ...

    async def first(self) -> object:
        """Load the first lines."""
        ...

    async def last(self) -> object:
        """Load the last lines and follow."""
        ...

    async def pause(self) -> object:
        """Follow no more."""
        ...


class Searched(Protocol):
    """Whatever shows a log or a text in a main pane."""

    @property
    def pane(self) -> MainPane:
        """Where it is shown."""
        ...

    @property
    def log(self) -> SearchedLog | None:
        """The log that is shown; none while there is none."""
        ...

    @property
    def paging(self) -> asyncio.Lock:
        """Held while a part of the log is loaded."""
        ...

    def log_changed(self) -> None:
        """Draw what is loaded."""
        ...

    def status(self) -> None:
        """Say where one is."""
        ...


class Seeker:
    """Goes from match to match."""

    def __init__(self, shown: Searched) -> None:
        self._shown = shown
        self._seeking = asyncio.Lock()

    async def seek(self, step: int) -> bool:
        """Go to the next match in a direction, beyond what is loaded if need be: whether there is one.

        One at a time: a further step goes on from where the one before has led.
        """
        async with self._seeking:
            return await self._seek(step)

    def near(self, step: int) -> int:
        """The nearest loaded line with a match, seen from what is on the screen; -1 for none."""
        view = self._shown.pane.view
        start = first_seen(view, step)
        found = view.search_from(start, step)
        return found if found >= 0 else view.search_from(start, -step)

    def found(self) -> str:
        """What is searched for, which of its matches one is at, and how many are loaded; empty when nothing is."""
        view = self._shown.pane.view
        if not view.term:
            return ""
        found = view.found()
        at = found.index(view.current) + 1 if view.current in found else 0
        return f"“{safe(view.term)}” {tr('{at} of {count}', at=at, count=len(found)) if at else len(found)}"

    async def _seek(self, step: int) -> bool:
        shown = self._shown
        view, log_view = shown.pane.view, shown.pane.log_view
        start = view.current + step if view.current >= 0 else first_seen(view, step)
        found = view.search_from(start, step)
        while found < 0 and view is log_view and (log := shown.log) is not None:
            window = log.window
            if not window.entries or (window.at_start if step < 0 else window.at_end):
                break
            log_view.following = False
            edge = _edge(window.entries, step)
            count = await _further(log, log_view, step)
            if not count or log is not shown.log:
                break
            shown.pane.show_status(tr("searching “{term}” {strip}…", term=safe(view.term), strip=stamp(edge.time).strip()[:-4]))
            shown.log_changed()
            place = log_view.document.find_anchor(edge)
            found = view.search_from((place if place >= 0 else view.line_count) - 1 if step < 0 else place + 1, step)
            await asyncio.sleep(0)
        if found >= 0:
            if view is log_view and log_view.following:
                log_view.following = False
                await turn_to(shown, Edge.PAUSE)
            view.show_line(found)
        shown.status()
        return found >= 0


async def _further(log: SearchedLog, view: LogView, step: int) -> int:
    """Load more of a log that is searched: how many lines. Pages in which the term can not be are passed over where that is known."""
    shown = view.document
    if not isinstance(log, LogFeed) or shown.times or shown.folded or shown.names:
        return await (log.older(PAGE) if step < 0 else log.newer(PAGE))

    def worth(lines: Sequence[LogLine]) -> bool:
        return may_hold([line.data for line in lines], view.term)

    return await (log.older(PAGE, worth) if step < 0 else log.newer(PAGE, worth))


def _edge(lines: Sequence[LogLine], step: int) -> LogLine:
    return lines[0] if step < 0 else lines[-1]
