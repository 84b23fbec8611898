"""The side panes' contents: snapshot, samples, filter and order become rows.

Knows the panes and the presenters; the engine only as values. Filter and order belong to their pane and persist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from engine.model.containers import Container
from engine.model.images import Image
from tui import columns
from tui.feed.sampler import Sampler
from tui.memory import Memory
from tui.presenters import containers as container_rows
from tui.presenters.table import Column, Row
from tui.screens.row_maker import RowMaker
from tui.snapshot import Noun, Snapshot, Thing, key_of, things
from tui.widgets.list_pane import ListPane
from tui.words import mark, tr

if TYPE_CHECKING:
    from tui.presenters import query
    from tui.presenters.projects import Group

SORTS: Mapping[Noun, tuple[str, ...]] = {
    Noun.CONTAINERS: columns.CONTAINER_SORTS,
    Noun.IMAGES: columns.IMAGE_SORTS,
    Noun.VOLUMES: columns.VOLUME_SORTS,
    Noun.NETWORKS: columns.NETWORK_SORTS,
}
_EMPTY: Mapping[Noun, tuple[str, ...]] = {
    Noun.CONTAINERS: (mark("No containers yet."), mark("Press 2, choose an image,"), mark("and R runs it.")),
    Noun.IMAGES: (mark("No images yet."), mark("p pulls one.")),
    Noun.VOLUMES: (mark("No volumes."), mark("n makes one.")),
    Noun.NETWORKS: (mark("No networks."), mark("n makes one.")),
}


class Lists:
    """Fills the panes.

    Attributes:
        panes: by noun, in the order of their numbers.
        sorts: the sort key of each pane; ``reverse`` those that are turned round.
        hide_stopped: only containers that run are listed.
        grouped: containers stand below the names of their compose projects.
    """

    def __init__(
        self, panes: Mapping[Noun, ListPane], sampler: Sampler, rows: RowMaker, memory: Memory, *, sort: str, hide_stopped: bool
    ) -> None:
        self.panes = panes
        self.snapshot = Snapshot()
        self.sorts = {noun: keys[0] for noun, keys in SORTS.items()}
        if sort in SORTS[Noun.CONTAINERS]:
            self.sorts[Noun.CONTAINERS] = sort
        for noun in Noun:
            if (remembered := memory.get(f"sort.{noun.value}")) in SORTS[noun]:
                self.sorts[noun] = remembered
        self.reverse = {noun for noun in Noun if memory.get(f"reverse.{noun.value}")}
        self.hide_stopped = hide_stopped or bool(memory.get("hide_stopped"))
        self._widths: dict[Noun, int] = {}
        self._expected = ""
        self._sample_all = False
        self.grouped = bool(memory.get("grouped"))
        self._folded: set[str] = set()
        self._groups: dict[str, Group] = {}
        self._sampler = sampler
        self._maker = rows
        self._memory = memory
        self._things: dict[Noun, dict[str, Thing]] = {noun: {} for noun in Noun}

    def selected(self, noun: Noun) -> Thing | None:
        """The object under the cursor of a pane."""
        return self._things[noun].get(self.panes[noun].selected)

    def listed(self, noun: Noun) -> list[Thing]:
        """The objects that a pane shows, with its filter, in its order."""
        return [self._things[noun][row.key] for row in self.panes[noun].rows if not row.heading]

    def group(self, noun: Noun) -> Group | None:
        """The project or service whose heading is under the cursor."""
        return self._groups.get(self.panes[noun].selected) if noun is Noun.CONTAINERS else None

    def marked(self, noun: Noun) -> list[Thing]:
        """The marked objects of a pane, those that its filter shows in its order, then the others.

        Without marks a heading under the cursor stands for its members.
        """
        keys = self.panes[noun].marks.keys
        if not keys:
            group = self.group(noun)
            return [*group.members] if group else []
        listed = [row.key for row in self.panes[noun].rows if row.key in keys]
        return [self._things[noun][key] for key in (*listed, *sorted(keys.difference(listed))) if key in self._things[noun]]

    def chosen(self, noun: Noun) -> list[Thing]:
        """What an action is meant for: the marked objects, else the one under the cursor."""
        one = self.selected(noun)
        return self.marked(noun) or ([one] if one else [])

    def unmark(self, noun: Noun, keys: Iterable[str]) -> None:
        """Take the marks of some objects away."""
        pane = self.panes[noun]
        pane.marks.end_range()
        pane.marks.keys.difference_update(keys)
        pane.show_marks()

    def sampled(self) -> set[str]:
        """Running containers whose rows are on the screen."""
        pane = self.panes[Noun.CONTAINERS]
        if self._sample_all or self.sorts[Noun.CONTAINERS] in ("cpu", "memory"):
            return {one.id for one in self.snapshot.containers if one.state.running}
        seen = pane.visible_keys if pane.display and not pane.has_class("line") else []
        return {one.id for one in _containers(self._things[Noun.CONTAINERS], seen) if one.state.running}

    def sample_all(self, wanted: bool) -> None:
        """Have the numbers of all containers sampled, whether they are on the screen or not, or no more."""
        self._sample_all = wanted
        pane = self.panes[Noun.CONTAINERS]
        pane.post_message(ListPane.VisibleChanged(pane))

    def show(self, snapshot: Snapshot) -> None:
        """Show another snapshot."""
        self.snapshot = snapshot
        self._maker.lost = snapshot.lost
        for noun in Noun:
            self._things[noun] = {key_of(thing): thing for thing in things(snapshot, noun)}
            self.panes[noun].set_class(bool(snapshot.trouble) and len(snapshot.lost) == len(snapshot.hosts), "stale")
            if self.panes[noun].marks.keep(self._things[noun]):
                self.panes[noun].show_marks()
            self.refresh(noun)

    def refresh(self, noun: Noun) -> None:
        """Draw a pane anew: its filter, its order or the numbers changed."""
        pane = self.panes[noun]
        everything = things(self.snapshot, noun)
        self._widths[noun] = pane.size.width
        rows = self._rows(noun, pane.size.width)
        shown = self._filtered(noun, rows) if pane.filter else rows
        if noun is Noun.CONTAINERS and self.grouped:
            shown = self._with_headings(shown)
        pane.show(shown, total=len(everything), note=self._note(noun), empty=self._empty(noun, len(everything), len(rows)))
        if self._expected and pane.select(self._expected):
            self._expected = ""

    def _with_headings(self, rows: Sequence[Row]) -> list[Row]:
        containers = {one.id: one for one in self.snapshot.containers}
        stats = {key: sample for key in containers if (sample := self._sampler.latest(key)) is not None}
        from tui.presenters.projects import group_rows  # late: as all that the first picture does not need

        shown, self._groups = group_rows(rows, containers, self._folded, self._maker.columns[Noun.CONTAINERS], stats)
        return shown

    def group_or_flat(self) -> None:
        """Put the containers below the names of their projects, or in one list, and remember it."""
        self.grouped = not self.grouped
        self._groups = {}
        self._memory.put("grouped", "yes" if self.grouped else "")
        self.refresh(Noun.CONTAINERS)

    def fold(self) -> bool:
        """Hide or show the members of the group under the cursor, or of the one that the container is in; whether there is one."""
        pane = self.panes[Noun.CONTAINERS]
        inside = [key for key, group in self._groups.items() if any(one.id == pane.selected for one in group.members)]
        key = pane.selected if pane.selected in self._groups else inside[-1] if inside else ""
        if key:
            self._folded ^= {key}
            self.refresh(Noun.CONTAINERS)
            pane.select(key)
        return bool(key)

    def unfold(self) -> None:
        """Show the members of all groups."""
        self._folded = set()
        self.refresh(Noun.CONTAINERS)

    def _filtered(self, noun: Noun, rows: Sequence[Row]) -> list[Row]:
        """The rows that the pane's filter shows; words that are found nowhere are tried as letters in order."""
        from tui.presenters import query
        from tui.presenters.fields import FIELDS, field_of

        pane, known = self.panes[noun], self._things[noun]
        terms = query.parse(pane.filter, FIELDS[noun])

        def fitting(terms: Sequence[query.Term]) -> list[Row]:
            return [row for row in rows if query.fits(terms, row.search, partial(field_of, known[row.key]))]

        shown = fitting(terms)
        loose = query.loosened(terms) if not shown else terms
        pane.loose = loose != terms and bool(shown := fitting(loose))
        return shown

    def refresh_numbers(self) -> None:
        """Draw the containers on the screen anew, whose samples changed; where order or headings hang on samples, all."""
        noun, pane = Noun.CONTAINERS, self.panes[Noun.CONTAINERS]
        if self.grouped or self.sorts[noun] in ("cpu", "memory"):
            self.refresh(noun)
            return
        shown = _containers(self._things[noun], pane.visible_keys)
        pane.update_rows(self._maker.again(shown, self.snapshot.pending, width=self._widths[noun]))

    @property
    def sizes_wanted(self) -> bool:
        """What containers take on the disk is listed."""
        return self._maker.sizes_wanted

    def titles(self, noun: Noun) -> Sequence[Column]:
        """The columns of a list."""
        return self._maker.titles(noun)

    def choose_columns(self, noun: Noun, names: Sequence[str], otherwise: Mapping[str, Sequence[str]]) -> None:
        """List these columns of an object, and remember it; without any those of the settings."""
        self._memory.put(f"columns.{noun.value}", " ".join(names))
        self.use_columns(otherwise)

    def use_columns(self, columns: Mapping[str, Sequence[str]]) -> None:
        """List these columns, by the nouns' names; what was chosen in the dialog comes before them."""
        self._maker.use(remembered_columns(self._memory, columns))
        for noun, pane in self.panes.items():
            pane.use_columns(self._maker.titles(noun))
            self.refresh(noun)

    def expect(self, key: str) -> None:
        """Put the cursor on an object as soon as it is listed."""
        self._expected = key

    def fit(self, noun: Noun) -> None:
        """Draw a pane anew if its width changed: words may be shortened."""
        if self._widths.get(noun) != self.panes[noun].size.width:
            self.refresh(noun)

    def sort_by(self, noun: Noun, key: str) -> None:
        """Sort by a key, and remember it; by the same one again: turn the order round."""
        if key == self.sorts[noun]:
            self.turn(noun)
            return
        self.sorts[noun] = key
        self.reverse -= {noun}
        self._remember(noun)

    def turn(self, noun: Noun) -> None:
        """Turn the order round, and remember it."""
        self.reverse ^= {noun}
        self._remember(noun)

    def hide(self, hidden: bool) -> None:
        """List only containers that run, or all, and remember it."""
        self.hide_stopped = hidden
        self._memory.put("hide_stopped", "yes" if hidden else "")
        self.refresh(Noun.CONTAINERS)

    def _remember(self, noun: Noun) -> None:
        usual = self.sorts[noun] == SORTS[noun][0]
        self._memory.put(f"sort.{noun.value}", "" if usual else self.sorts[noun])
        self._memory.put(f"reverse.{noun.value}", "yes" if noun in self.reverse else "")
        self.refresh(noun)

    def _note(self, noun: Noun) -> str:
        default = self.sorts[noun] == SORTS[noun][0] and noun not in self.reverse
        order = "" if default else tr("by {sort}{sign}", sort=tr(self.sorts[noun]), sign=" ↑" if noun in self.reverse else "")
        hidden = tr("running only") if noun is Noun.CONTAINERS and self.hide_stopped else ""
        return " · ".join(part for part in (order, hidden) if part)

    def _empty(self, noun: Noun, total: int, unfiltered: int) -> Sequence[str]:
        pane = self.panes[noun]
        if not self.snapshot.loaded:
            return (tr("no answer yet"), "") if self.snapshot.trouble else (tr("reading…"),)
        if total and not unfiltered:
            return (tr("{total} stopped hidden.", total=total), tr("e shows them."))
        if total:
            return (tr("Nothing matches “{filter}”.", filter=pane.filter), tr("esc clears the filter."), *_fields_hint(noun))
        return [tr(line) for line in _EMPTY[noun]]

    def _rows(self, noun: Noun, width: int) -> list[Row]:
        snapshot, sort, reverse = self.snapshot, self.sorts[noun], noun in self.reverse
        if noun is not Noun.CONTAINERS:
            return self._maker.others(noun, snapshot, sort=sort, reverse=reverse)
        ordered = container_rows.arrange(
            snapshot.containers, self._sampler.latest, sort=sort, reverse=reverse, hide_stopped=self.hide_stopped
        )
        return self._maker.containers(ordered, snapshot.pending, width=width)


def remembered_columns(memory: Memory, columns: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    """The columns of the settings, where nothing else was chosen in the dialog, by the nouns' names."""
    chosen = {noun.value: memory.get(f"columns.{noun.value}").split() for noun in Noun}
    return {**columns, **{noun: names for noun, names in chosen.items() if names}}


def _fields_hint(noun: Noun) -> Sequence[str]:
    from tui.presenters.fields import FIELDS

    return ("", tr("fields:"), *(f"{name}:" for name in FIELDS[noun][:6]))


def is_container(thing: Thing | None) -> Container | None:
    """The object, if it is a container."""
    return thing if isinstance(thing, Container) else None


def _containers(known: Mapping[str, Thing], keys: Iterable[str]) -> list[Container]:
    """The containers among these rows, found without a look at all the others."""
    return [one for key in keys if (one := is_container(known.get(key))) is not None]


def is_image(thing: Thing | None) -> Image | None:
    """The object, if it is an image."""
    return thing if isinstance(thing, Image) else None
