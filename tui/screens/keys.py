"""Which actions the keys mean here and now, and which of them are worth offering."""

from __future__ import annotations

from collections.abc import Sequence

from tui.actions import Action, Scope, in_scopes
from tui.feed.pulls import Pulls
from tui.screens.content import Content
from tui.screens.lists import Lists
from tui.screens.offers import offered
from tui.screens.stage import Stage


class Keys:
    """Looks at the focus, the shown tab and the selected object."""

    def __init__(self, actions: Sequence[Action], *, stage: Stage, lists: Lists, content: Content, pulls: Pulls) -> None:
        self._actions = tuple(actions)
        self._stage, self._lists, self._content, self._pulls = stage, lists, content, pulls

    def active(self) -> list[Action]:
        """What the keys do: in the main pane its own keys come before those of its list."""
        own = Scope[self._stage.noun.name]
        scopes = [Scope.LOGS, Scope.MAIN, own, Scope.GLOBAL] if self._stage.main_focused else [Scope.LISTS, own, Scope.GLOBAL]
        return in_scopes((action for action in self._actions if self._applies(action.id)), scopes)

    def offered(self) -> list[Action]:
        """Those that can do something to the selected object."""
        chosen = self._lists.selected(self._stage.noun)
        return [action for action in self.active() if offered(action.id, chosen)]

    def is_active(self, action: str) -> bool:
        """The action can be run now."""
        return any(active.id == action for active in self.active())

    def _applies(self, action: str) -> bool:
        pane = self._content.pane
        if action in ("logs.next", "logs.previous", "logs.clear"):
            return bool(pane.view.term)
        if action == "logs.timestamps":
            return pane.view is pane.log_view
        if action == "logs.reveal":
            return self._content.tab in ("env", "config")
        if action == "images.cancel":
            return bool(self._pulls.running)
        return True
