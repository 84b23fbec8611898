"""The side panes of a swarm: snapshot and filter become rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tui.presenters import query
from tui.presenters.swarm import Kept, rows
from tui.swarm_snapshot import SwarmNoun, SwarmSnapshot, SwarmThing, key_of, swarm_things
from tui.widgets.list_pane import ListPane
from tui.words import mark, tr

_EMPTY: Mapping[SwarmNoun, Sequence[str]] = {
    SwarmNoun.SERVICES: (mark("No services."), mark("longshore service create makes one.")),
    SwarmNoun.NODES: (mark("No nodes."),),
    SwarmNoun.TASKS: (mark("No tasks."),),
    SwarmNoun.STACKS: (mark("No stacks."),),
    SwarmNoun.CONFIGS: (mark("No configs."),),
    SwarmNoun.SECRETS: (mark("No secrets."),),
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
            return (tr("no answer"),) if self.snapshot.trouble else (tr("reading…"),)
        if total:
            return (tr("Nothing matches “{filter}”.", filter=self.panes[noun].filter), tr("esc clears the filter."))
        return [tr(line) for line in _EMPTY[noun]]
