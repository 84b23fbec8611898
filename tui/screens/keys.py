"""Which actions the keys mean here and now, and which of them are worth offering."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tui.actions import CHANGING, Action, Scope, in_scopes
from tui.feed.pulls import Pulls
from tui.screens.content import Content
from tui.screens.lists import Lists
from tui.screens.offers import offered
from tui.screens.stage import Stage
from tui.snapshot import Thing
from tui.words import mark, tr

ENOUGH = 100
"""So many marked objects tell what is worth offering."""
_WANTING = {
    "containers.custom": mark("you have none for containers yet: [[tui.commands]] in config.toml makes them, X types one"),
    "containers.hang_up": mark("no terminal is open; E opens one"),
    "containers.next_terminal": mark("no terminal is open; E opens one"),
    "global.swarm": mark("this engine is in no swarm; where a Docker host is in one, it is shown here"),
    "images.cancel": mark("nothing is pulled, pushed, read or written now"),
    "logs.reveal": mark("values are hidden in Env and Config only"),
}
"""What is missing where a key does nothing."""


class Keys:
    """Looks at the focus, the shown tab and the selected object."""

    def __init__(self, *, stage: Stage, lists: Lists, content: Content, pulls: Pulls) -> None:
        self._actions: tuple[Action, ...] = ()
        self._forbidden: tuple[Action, ...] = ()
        self._own = False
        self._stage, self._lists, self._content, self._pulls = stage, lists, content, pulls

    def use(self, actions: Sequence[Action], *, readonly: bool, harmless: Collection[str]) -> None:
        """Take these actions with their keys.

        With ``readonly`` only what changes nothing is there, and those of a person's commands that are ``harmless``.
        """
        self._actions = tuple(action for action in actions if not readonly or _harmless(action.id, harmless))
        self._forbidden = tuple(action for action in actions if action not in self._actions)
        self._content.pane.terminal_view.reserved = {key for action in actions if action.scope is Scope.TERMINAL for key in action.keys}
        self._own = any(action.id.startswith("custom.") and action.scope is Scope.CONTAINERS for action in self._actions)

    def meaning(self, key: str) -> tuple[Action | None, str]:
        """The action that a key means here and now, of several the one that stands first, and why it does nothing, where it does not."""
        if found := next((action for action in self.active() if key in action.keys), None):
            idle = not offered(found.id, None) and not self._lists.chosen(self._stage.noun)
            return found, tr("nothing is selected in this list") if idle else ""
        for action in in_scopes((*self._actions, *self._forbidden), self._scopes()):
            if key in action.keys:
                wanting = mark("read only: nothing can be changed here") if action in self._forbidden else _WANTING.get(action.id, "")
                return (action, tr(wanting)) if wanting else (None, "")
        return None, ""

    def active(self) -> list[Action]:
        """What the keys do: in the main pane its own keys come before those of its list."""
        if self._stage.main_focused and self._content.pane.view is (terminal := self._content.pane.terminal_view) and terminal.captures:
            return in_scopes(self._actions, [Scope.TERMINAL])
        return in_scopes((action for action in self._actions if self._applies(action.id)), self._scopes())

    def _scopes(self) -> list[Scope]:
        own = Scope[self._stage.noun.name]
        picking = [Scope.PICK] if self._content.picker.active else []
        return [*picking, Scope.LOGS, Scope.MAIN, own, Scope.GLOBAL] if self._stage.main_focused else [Scope.LISTS, own, Scope.GLOBAL]

    def offered(self) -> list[Action]:
        """Those that can do something to the selected object, or to a marked one."""
        chosen: list[Thing | None] = [*self._lists.chosen(self._stage.noun)[:ENOUGH]] or [None]
        return [action for action in self.active() if any(offered(action.id, one) for one in chosen)]

    def is_active(self, action: str) -> bool:
        """The action can be run now."""
        return any(active.id == action for active in self.active())

    def _applies(self, action: str) -> bool:
        pane = self._content.pane
        if action in ("logs.next", "logs.previous"):
            return bool(pane.view.term)
        if action == "logs.clear":
            return bool(pane.view.term) or (pane.view is pane.log_view and bool(self._content.only or self._content.mix))
        if action == "logs.solo":
            return pane.view is pane.log_view and len(self._content.joined) > 1
        if action in ("logs.timestamps", "logs.only", "logs.since", "logs.look", "pick.context"):
            return pane.view is pane.log_view
        if action == "logs.reveal":
            return self._content.tab in ("env", "config")
        if action == "containers.custom":
            return self._own
        if action == "global.swarm":
            info = self._lists.snapshot.info
            return info is not None and info.swarm == "active"
        if action in ("containers.hang_up", "containers.next_terminal"):
            return any(True for _ in self._content.terminals.alive())
        if action == "images.cancel":
            return bool(self._pulls.running)
        return True


def _harmless(action: str, own: Collection[str]) -> bool:
    return action in own if action.startswith("custom.") else action not in CHANGING
