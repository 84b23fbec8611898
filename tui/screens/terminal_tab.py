"""The Terminal tab between its parts: sessions, the pane that shows one of them, the focus, and the marks in the list."""

from __future__ import annotations

from engine.model.containers import Container
from tui.feed.terminals import Terminals
from tui.screens.content import Content
from tui.screens.stage import Stage
from tui.snapshot import Noun


class TerminalTab:
    """Knows whether the keys go into a container."""

    def __init__(self, content: Content, stage: Stage) -> None:
        self.terminals: Terminals = content.terminals
        self._content, self._stage = content, stage
        self._view = content.pane.terminal_view

    @property
    def typing(self) -> bool:
        """The keys go into a container."""
        return self._stage.main_focused and self._content.pane.view is self._view and self._view.captures

    def mark(self, container: str) -> str:
        """What the list shows of a container's terminals after its name: how many go on, if more than one."""
        several = self.terminals.of(container)
        alive = sum(one.alive for one in several)
        return f" ❯{alive if alive > 1 else ''}" if alive else " ·" if several else ""

    def changed(self, container: str, selected: object) -> None:
        """Draw what is new in a container's terminal if it is looked at; ``selected`` is the object under the cursor."""
        shown = isinstance(selected, Container) and selected.id == container and self._stage.noun is Noun.CONTAINERS
        if shown and self._content.tab == "shell":
            self._view.changed()
            self._content.status()
