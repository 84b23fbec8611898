"""The base of boxes with one list in them."""

from __future__ import annotations

from textual.widgets import OptionList

from tui.screens.modal import Modal, T


class ListModal(Modal[T]):
    """A box whose keys move the cursor of its list."""

    def action_move(self, step: int) -> None:
        """Move the cursor."""
        options = self.query_one(OptionList)
        if step > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()
