"""The command palette: every action that works here and now, found by its name."""

from __future__ import annotations

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui.actions import Action, show_key
from tui.screens.main import MainScreen


class ActionCommands(Provider):
    """Actions of the screen below the palette."""

    async def discover(self) -> Hits:
        for action in self._actions():
            yield DiscoveryHit(_name(action), partial(self._run, action), help=action.about)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in self._actions():
            name = _name(action)
            score = max(matcher.match(name), matcher.match(action.about))
            if score > 0:
                yield Hit(score, matcher.highlight(name), partial(self._run, action), help=action.about)

    def _actions(self) -> list[Action]:
        screen = self.screen
        if not isinstance(screen, MainScreen):
            return []
        return [action for action in screen.keys.offered() if action.id != "global.palette"]

    async def _run(self, action: Action) -> None:
        await self.screen.run_action(f"screen.do('{action.id}')")


def _name(action: Action) -> str:
    scope = action.id.partition(".")[0]
    return f"{scope}: {action.label}  ({show_key(action.keys[0])})" if action.keys else f"{scope}: {action.label}"
