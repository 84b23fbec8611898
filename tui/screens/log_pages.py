"""Another part of a log that somebody scrolled to, the same for a container's and for a service's."""

from __future__ import annotations

import asyncio
from typing import Protocol

from tui.feed.log_window import LogWindow
from tui.widgets.log_view import Edge
from tui.widgets.main_pane import MainPane


class PagedLog(Protocol):
    """A log of which a window is loaded."""

    @property
    def window(self) -> LogWindow:
        """What is loaded."""
        ...

    @property
    def following(self) -> bool:
        """New lines are added as they come."""
        ...

    async def older(self) -> object:
        """Load the lines before."""
        ...

    async def newer(self) -> object:
        """Load the lines after."""
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


class LogReader(Protocol):
    """Whatever shows a log in a main pane."""

    @property
    def pane(self) -> MainPane:
        """Where it is shown."""
        ...

    @property
    def log(self) -> PagedLog | None:
        """What is shown; none while nothing is."""
        ...

    @property
    def paging(self) -> asyncio.Lock:
        """Held while a part is loaded."""
        ...

    def log_changed(self) -> None:
        """Draw what is loaded."""
        ...

    def status(self) -> None:
        """Say where one is."""
        ...


async def turn_to(reader: LogReader, edge: Edge) -> None:
    """Load the part of the log that lies at an edge of what is loaded; not twice at once, and not into another log."""
    if reader.paging.locked() and edge in (Edge.OLDER, Edge.NEWER):
        return
    async with reader.paging:
        log, view = reader.log, reader.pane.log_view
        if log is None:
            return
        match edge:
            case Edge.OLDER if log.window.entries and not log.window.at_start:
                view.following = False
                await log.older()
            case Edge.NEWER:
                await log.newer()
            case Edge.FIRST:
                await log.first()
            case Edge.LAST:
                await log.last()
            case Edge.PAUSE:
                await log.pause()
        if log is not reader.log:
            return
        reader.log_changed()
        if edge is Edge.FIRST:
            view.scroll_to(y=0, animate=False)
        if log.following and edge is Edge.NEWER:
            view.reached_end()
        reader.status()
