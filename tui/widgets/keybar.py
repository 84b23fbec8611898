"""The bottom line: the keys of what has the focus, clickable; at the right the engine."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from tui.actions import Action
from tui.messages import ActionChosen
from tui.presenters.keybar import GAP, hints


class KeyBar(Widget):
    """Key hints."""

    DEFAULT_CSS = """
    KeyBar { height: 1; width: 1fr; color: $quiet; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._active: Sequence[Action] = ()
        self._right = ""

    @property
    def shown(self) -> list[str]:
        """Ids of the actions that the bar shows."""
        return [action.id for action, _, _ in hints(self._active, self._room)]

    @property
    def _room(self) -> int:
        return self.content_size.width - (len(self._right) + 2 if self.content_size.width > 60 else 0)

    def show(self, active: Sequence[Action], right: str) -> None:
        """Show the hints of these actions, and ``right`` at the right end."""
        if (tuple(active), right) != (tuple(self._active), self._right):
            self._active, self._right = tuple(active), right
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        at = 0
        for action, key, label in hints(self._active, self._room):
            size = Content(f"{key} {label}").cell_length
            if place is not None and at <= place.x < at + size:
                self.post_message(ActionChosen(action.id))
            at += size + len(GAP)

    def render(self) -> Content:
        colours = self.app.theme_variables
        key_style = Style.parse(f"{colours['primary']} bold")
        parts = [Content.styled(key, key_style) + Content(f" {label}") for _, key, label in hints(self._active, self._room)]
        left = Content(GAP).join(parts)
        if self.content_size.width <= 60:
            return left
        space = max(1, self.content_size.width - left.cell_length - len(self._right))
        return left + Content(" " * space) + Content.styled(self._right, Style.parse(colours["success"]))
