"""The monitor over the whole screen: the machine, and all running containers in any order. Once a second while it is open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from engine.model.containers import Container
from engine.model.stats import Stats
from tui.memory import Memory
from tui.presenters import monitor
from tui.screens.modal import Modal
from tui.snapshot import HostStats
from tui.widgets.line_view import TextView
from tui.widgets.list_pane import ListPane
from tui.words import mark, tr

EVERY = 1.0
ROWS = 5


class MonitorModal(Modal[str]):
    """Answers with the id of the container to look at, ``""`` for none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "close", id="monitor.close"),
        Binding("enter", "take", "look at it", id="monitor.take"),
        Binding("down,j", "go(1)", "down", id="monitor.down", priority=True),
        Binding("up,k", "back(1)", "up", id="monitor.up", priority=True),
        Binding("home,g", "first", "first", id="monitor.first", priority=True),
        Binding("end,G", "last", "last", id="monitor.last", priority=True),
        Binding("o", "sort", "sort", id="monitor.sort"),
        Binding("O", "turn", "reverse", id="monitor.reverse"),
    ]

    def __init__(
        self,
        containers: Callable[[], Sequence[Container]],
        history: Callable[[str], Sequence[Stats]],
        host: Callable[[], HostStats | None],
        *,
        where: str,
        memory: Memory,
        now: Callable[[], float],
        plain: bool = False,
    ) -> None:
        super().__init__()
        self._containers, self._history, self._host = containers, history, host
        self._where, self._memory, self._now, self._plain = where, memory, now, plain
        remembered, _, turned = memory.get("sort.monitor", "cpu").partition(" ")
        self._sort = remembered if remembered in monitor.SORTS else "cpu"
        self._reverse = bool(turned)
        self._view = TextView(id="host")
        self._view.wrapped = False
        self._pane = ListPane(0, mark("Monitor"), monitor.COLUMNS, id="monitor")
        self._pane.heading = True

    def compose(self) -> ComposeResult:
        with Vertical(classes="box monitor") as box:
            box.border_title = Content(tr("This machine"))
            box.border_subtitle = Content.from_markup(
                tr(
                    "[@click=screen.sort]o: sort[/]  [@click=screen.turn]O: reverse[/]  [@click=screen.take]enter: look at "
                    "it[/]  [@click=screen.close]esc: close[/]"
                )
            )
            yield self._view
            yield self._pane

    def on_mount(self) -> None:
        self._view.can_focus = False
        self._pane.focus()
        self.set_interval(EVERY, self.draw)
        self.call_after_refresh(self.draw)

    def on_resize(self, _: events.Resize) -> None:
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Show the numbers of now."""
        lines = monitor.host_lines(self._host(), width=max(20, self.app.size.width - 8), where=self._where, plain=self._plain)
        self._view.styles.height = len(lines)
        self._view.show(lines)
        containers = self._containers()
        rows = monitor.rows(containers, self._history, sort=self._sort, reverse=self._reverse, now=self._now(), plain=self._plain)
        note = tr("by {sort}{sign}", sort=tr(self._sort), sign=" ↑" if self._reverse else "")
        self._pane.show(rows, total=len(rows), note=note, empty=(tr("No container runs."),))

    def on_list_pane_title_clicked(self, message: ListPane.TitleClicked) -> None:
        if message.sort == self._sort:
            self.action_turn()
        elif message.sort:
            self._order(message.sort, reverse=False)

    def on_click(self, event: events.Click) -> None:
        super().on_click(event)
        if event.chain == 2 and event.widget is self._pane and event.y > 1:
            self.action_take()

    def action_sort(self) -> None:
        """Sort by the next column."""
        self._order(monitor.SORTS[(monitor.SORTS.index(self._sort) + 1) % len(monitor.SORTS)], reverse=False)

    def action_turn(self) -> None:
        """Turn the order round."""
        self._order(self._sort, reverse=not self._reverse)

    def _order(self, sort: str, *, reverse: bool) -> None:
        self._sort, self._reverse = sort, reverse
        usual = (sort, reverse) == ("cpu", False)
        self._memory.put("sort.monitor", "" if usual else f"{sort}{' reverse' if reverse else ''}")
        self.draw()

    def action_go(self, rows: int) -> None:
        """Move the cursor down."""
        self._pane.move(rows)

    def action_back(self, rows: int) -> None:
        """Move the cursor up."""
        self._pane.move(-rows)

    def action_first(self) -> None:
        """Go to the first row."""
        self._pane.move_to(0)

    def action_last(self) -> None:
        """Go to the last row."""
        self._pane.move_to(len(self._pane.rows) - 1)

    def action_take(self) -> None:
        """Answer with the container under the cursor."""
        self.dismiss(self._pane.selected)

    def action_close(self) -> None:
        """Close."""
        self.dismiss("")

    def give_up(self) -> None:
        self.dismiss("")
