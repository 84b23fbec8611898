"""The side panes' contents: snapshot, samples, filter and order become rows.

Knows the panes and the presenters; the engine only as values. Filter and order belong to their pane and persist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engine.model.containers import Container
from engine.model.images import Image
from engine.model.stats import Stats
from tui.feed.sampler import Sampler
from tui.presenters import containers as container_rows
from tui.presenters import objects
from tui.presenters.table import Row
from tui.snapshot import Noun, Snapshot, Thing, key_of, things
from tui.widgets.list_pane import ListPane

SORTS: Mapping[Noun, tuple[str, ...]] = {
    Noun.CONTAINERS: container_rows.SORTS,
    Noun.IMAGES: objects.IMAGE_SORTS,
    Noun.VOLUMES: objects.PLAIN_SORTS,
    Noun.NETWORKS: objects.PLAIN_SORTS,
}
_EMPTY: Mapping[Noun, tuple[str, ...]] = {
    Noun.CONTAINERS: ("No containers yet.", "Press 2, choose an image,", "and R runs it."),
    Noun.IMAGES: ("No images yet.", "p pulls one."),
    Noun.VOLUMES: ("No volumes.", "n makes one."),
    Noun.NETWORKS: ("No networks.", "n makes one."),
}


class Lists:
    """Fills the panes.

    Attributes:
        panes: by noun, in the order of their numbers.
        sorts: the sort key of each pane; ``reverse`` those that are turned round.
        hide_stopped: only containers that run are listed.
    """

    def __init__(
        self, panes: Mapping[Noun, ListPane], sampler: Sampler, *, sort: str, hide_stopped: bool, now: Callable[[], float]
    ) -> None:
        self.panes = panes
        self.snapshot = Snapshot()
        self.sorts = {noun: keys[0] for noun, keys in SORTS.items()}
        if sort in container_rows.SORTS:
            self.sorts[Noun.CONTAINERS] = sort
        self.reverse: set[Noun] = set()
        self.hide_stopped = hide_stopped
        self._widths: dict[Noun, int] = {}
        self._expected = ""
        self._sampler = sampler
        self._now = now
        self._things: dict[Noun, dict[str, Thing]] = {noun: {} for noun in Noun}

    def selected(self, noun: Noun) -> Thing | None:
        """The object under the cursor of a pane."""
        return self._things[noun].get(self.panes[noun].selected)

    def listed(self, noun: Noun) -> list[Thing]:
        """The objects that a pane shows, with its filter, in its order."""
        return [self._things[noun][row.key] for row in self.panes[noun].rows]

    def sampled(self) -> set[str]:
        """Running containers whose rows are on the screen."""
        pane = self.panes[Noun.CONTAINERS]
        keys = set(pane.visible_keys) if pane.display and not pane.has_class("line") else set()
        if self.sorts[Noun.CONTAINERS] in ("cpu", "memory"):
            keys = {one.id for one in self.snapshot.containers}
        return {one.id for one in self.snapshot.containers if one.state.running and one.id in keys}

    def show(self, snapshot: Snapshot) -> None:
        """Show another snapshot."""
        self.snapshot = snapshot
        for noun in Noun:
            self._things[noun] = {key_of(thing): thing for thing in things(snapshot, noun)}
            self.panes[noun].set_class(bool(snapshot.trouble), "stale")
            self.refresh(noun)

    def refresh(self, noun: Noun) -> None:
        """Draw a pane anew: its filter, its order or the numbers changed."""
        pane = self.panes[noun]
        everything = things(self.snapshot, noun)
        self._widths[noun] = pane.size.width
        rows = self._rows(noun, pane.size.width)
        wanted = pane.filter.lower().split()
        shown = [row for row in rows if all(word in row.search for word in wanted)]
        pane.show(shown, total=len(everything), note=self._note(noun), empty=self._empty(noun, len(everything), len(rows)))
        if self._expected and pane.select(self._expected):
            self._expected = ""

    def expect(self, key: str) -> None:
        """Put the cursor on an object as soon as it is listed."""
        self._expected = key

    def fit(self, noun: Noun) -> None:
        """Draw a pane anew if its width changed: words may be shortened."""
        if self._widths.get(noun) != self.panes[noun].size.width:
            self.refresh(noun)

    def next_sort(self, noun: Noun) -> str:
        """Sort by the next key: which one it is now."""
        keys = SORTS[noun]
        self.sorts[noun] = keys[(keys.index(self.sorts[noun]) + 1) % len(keys)]
        self.refresh(noun)
        return self.sorts[noun]

    def turn(self, noun: Noun) -> None:
        """Turn the order round."""
        self.reverse ^= {noun}
        self.refresh(noun)

    def _note(self, noun: Noun) -> str:
        default = self.sorts[noun] == SORTS[noun][0] and noun not in self.reverse
        order = "" if default else f"by {self.sorts[noun]}{' ↑' if noun in self.reverse else ''}"
        hidden = "running only" if noun is Noun.CONTAINERS and self.hide_stopped else ""
        return " · ".join(part for part in (order, hidden) if part)

    def _empty(self, noun: Noun, total: int, unfiltered: int) -> Sequence[str]:
        pane = self.panes[noun]
        if not self.snapshot.loaded:
            return ("no answer yet", "") if self.snapshot.trouble else ("reading…",)
        if total and not unfiltered:
            return (f"{total} stopped hidden.", "e shows them.")
        if total:
            return (f"Nothing matches “{pane.filter}”.", "esc clears the filter.")
        return _EMPTY[noun]

    def _rows(self, noun: Noun, width: int) -> list[Row]:
        snapshot, sort, reverse = self.snapshot, self.sorts[noun], noun in self.reverse
        pending, now = snapshot.pending, self._now()
        if noun is Noun.CONTAINERS:
            ordered = container_rows.arrange(snapshot.containers, self._stats, sort=sort, reverse=reverse, hide_stopped=self.hide_stopped)
            return [container_rows.row(one, self._stats(one.id), pending.get(one.id, ""), width=width, now=now) for one in ordered]
        if noun is Noun.IMAGES:
            images = objects.arrange_images(snapshot.images, sort=sort, reverse=reverse)
            return [objects.image_row(image, pending.get(image.id, ""), now) for image in images]
        if noun is Noun.VOLUMES:
            volumes = objects.arrange_volumes(snapshot.volumes, sort=sort, reverse=reverse)
            return [objects.volume_row(volume, pending.get(volume.name, ""), now) for volume in volumes]
        networks = objects.arrange_networks(snapshot.networks, sort=sort, reverse=reverse)
        return [objects.network_row(network, pending.get(network.id, ""), now) for network in networks]

    def _stats(self, container: str) -> Stats | None:
        return self._sampler.latest(container)


def is_container(thing: Thing | None) -> Container | None:
    """The object, if it is a container."""
    return thing if isinstance(thing, Container) else None


def is_image(thing: Thing | None) -> Image | None:
    """The object, if it is an image."""
    return thing if isinstance(thing, Image) else None
