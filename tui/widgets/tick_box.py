"""A box to tick that can be read without colours: ``[x]`` and ``[ ]``."""

from __future__ import annotations

from textual.widgets import Checkbox


class TickBox(Checkbox):
    """Textual's checkbox draws its cross in both states, and tells them apart by the colour alone."""

    BUTTON_LEFT = BUTTON_RIGHT = ""

    def __init__(self, label: str, value: bool, *, id: str) -> None:
        super().__init__(label, value, id=id)
        self._draw(value)

    def watch_value(self) -> None:
        self._draw(self.value)
        super().watch_value()

    def _draw(self, value: bool) -> None:
        self.BUTTON_INNER = "[x]" if value else "[ ]"
