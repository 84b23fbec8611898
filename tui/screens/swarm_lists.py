"""The side panes of a swarm: snapshot and filter become rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tui.presenters import query
from tui.presenters.swarm import Kept, rows
from tui.swarm_snapshot import SwarmNoun, SwarmSnapshot, SwarmThing, key_of, swarm_things
from tui.widgets.list_pane import ListPane

_EMPTY: Mapping[SwarmNoun, Sequence[str]] = {
    SwarmNoun.SERVICES: ("No services.", "longshore service create makes one."),
    SwarmNoun.NODES: ("No nodes.",),
    SwarmNoun.TASKS: ("No tasks.",),
    SwarmNoun.STACKS: ("No stacks.",),
    SwarmNoun.CONFIGS: ("No configs.",),
    SwarmNoun.SECRETS: ("No secrets.",),
}


class SwarmLists:
    """Fills the panes."""

    def __init__(self, panes: Mapping[SwarmNoun, ListPane], now: Callable[[], float]) -> None:
        self.panes = panes
        self.snapshot = SwarmSnapshot()
        self._now = now
        self._kept: dict[SwarmNoun, Kept] = {noun: {} for noun in panes}
        self._things: dict[SwarmNoun, dict[str, SwarmThing]] = {noun: {} for noun in panes}

    def selected(self, noun: SwarmNoun) -> SwarmThing | None:
        """The object under the cursor of a pane."""
        return self._things[noun].get(self.panes[noun].selected)

    def show(self, snapshot: SwarmSnapshot) -> None:
        """Show another snapshot."""
        self.snapshot = snapshot
        for noun, pane in self.panes.items():
            pane.set_class(bool(snapshot.trouble), "stale")
            self.refresh(noun)

    def refresh(self, noun: SwarmNoun) -> None:
        """Draw a pane anew."""
        pane, things = self.panes[noun], swarm_things(self.snapshot, noun)
        self._things[noun] = {key_of(thing): thing for thing in things}
        made = rows(noun, things, self.snapshot, self._now(), self._kept[noun])
        terms = query.parse(pane.filter, ())
        shown = [row for row in made if query.fits(terms, row.search, lambda _, row=row: row.search)]  # type: ignore[misc]  # mypy can not infer a lambda with a default
        pane.show(shown, total=len(things), note="", empty=self._empty(noun, len(things)))

    def _empty(self, noun: SwarmNoun, total: int) -> Sequence[str]:
        if not self.snapshot.loaded:
            return ("no answer",) if self.snapshot.trouble else ("reading…",)
        if total:
            return (f"Nothing matches “{self.panes[noun].filter}”.", "esc clears the filter.")
        return _EMPTY[noun]
