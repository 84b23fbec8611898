"""The engine's events in a box, the last hour's and those that come."""

from __future__ import annotations

import time

from engine.errors import LongshoreError
from engine.interface import Engine
from engine.model.events import EventQuery
from tui.late import Late
from tui.presenters.activity import event_line
from tui.presenters.ansi import Styled, ink
from tui.presenters.text import safe
from tui.screens.reader import ReaderModal
from tui.words import tr

HOUR = 3_600_000_000_000
KEPT = 2000


class EventsModal(ReaderModal):
    """Follows the events while it is open; somebody who scrolled up stays there."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(tr("Events of the last hour and from now on"), (), wrapped=False)
        self._engine = engine
        self._events: list[Styled] = []

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(".box").styles.width = "96%"
        self.view.styles.height = max(3, self.app.size.height - 6)
        self.view.show_placeholder(tr("No event so far."))
        self.run_worker(Late(self._follow), exit_on_error=False)

    async def _follow(self) -> None:
        stream = self._engine.system.events(EventQuery(since=time.time_ns() - HOUR))
        try:
            async for event in stream:
                self._events = [*self._events[1 - KEPT :], event_line(event)]
                self._draw()
        except LongshoreError as error:
            self._events.append(((safe(error.message), ink("red")),))
            self._draw()
        finally:
            await stream.aclose()

    def _draw(self) -> None:
        ended = self.view.scroll_offset.y >= self.view.max_scroll_y
        self.view.show(self._events)
        if ended:
            self.view.call_after_refresh(self.view.go_bottom)
