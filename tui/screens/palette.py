"""The command palette: every action that works here and now and every object, found by its name."""

from __future__ import annotations

import asyncio
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui.actions import Action, show_key
from tui.presenters.text import safe
from tui.screens.finding import go_to
from tui.screens.main import MainScreen
from tui.snapshot import Noun, key_of, label_of, things
from tui.words import tr

SLICE = 200
"""Objects that are looked at until the screen has its turn."""
_LAST = ("global", "lists", "main")
"""Scopes that are named after those of the objects: what is done to a container comes before how a list is walked through."""


class ActionCommands(Provider):
    """Actions of the screen below the palette, and the objects that it lists."""

    async def discover(self) -> Hits:
        for action in sorted(self._actions(), key=_place):
            yield DiscoveryHit(_name(action), partial(self._run, action), help=f"{tr(action.about)} · {action.id}")

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in self._actions():
            name = _name(action)
            score = max(matcher.match(name), matcher.match(tr(action.about)))
            if score > 0:
                yield Hit(score, matcher.highlight(name), partial(self._run, action), help=f"{tr(action.about)} · {action.id}")
        for place, (noun, key, name) in enumerate(self._objects()):
            score = matcher.match(name)
            if score > 0:
                yield Hit(
                    score, matcher.highlight(name), partial(self._go_to, noun, key), help=tr("go to it in {lists}", lists=tr(noun.value))
                )
            if place % SLICE == SLICE - 1:
                await asyncio.sleep(0)

    def _objects(self) -> list[tuple[Noun, str, str]]:
        """Every object: its list, its key, its name with the kind before it; an image once for each of its tags."""
        screen = self.screen
        if not isinstance(screen, MainScreen):
            return []
        snapshot = screen.lists.snapshot
        found = [(noun, key_of(one), label_of(one)) for noun in tuple(Noun) if noun != "images" for one in things(snapshot, noun)]
        found += [(Noun.IMAGES, one.id, tag) for one in snapshot.images for tag in one.tags or (one.short_id,)]
        return [(noun, key, f"{tr(noun.value.removesuffix('s'))}: {safe(name)}") for noun, key, name in found]

    async def _go_to(self, noun: Noun, key: str) -> None:
        screen = self.screen
        if isinstance(screen, MainScreen) and not go_to(screen.desk, noun, key):
            screen.desk.tell(tr(noun.value.removesuffix("s")), tr("it is gone"), bad=True)

    def _actions(self) -> list[Action]:
        screen = self.screen
        if not isinstance(screen, MainScreen):
            return []
        return [action for action in screen.keys.offered() if action.id != "global.palette"]

    async def _run(self, action: Action) -> None:
        await self.screen.run_action(f"screen.do('{action.id}')")


def _place(action: Action) -> int:
    scope = action.id.partition(".")[0]
    return _LAST.index(scope) + 1 if scope in _LAST else 0


def _name(action: Action) -> str:
    scope, label = tr(action.id.partition(".")[0]), tr(action.label)
    return f"{scope}: {label}  ({show_key(action.keys[0])})" if action.keys else f"{scope}: {label}"
