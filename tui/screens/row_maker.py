"""Objects of a snapshot become rows in order. Rows of objects that have not changed are taken from the last time.

Making a row costs about 15 µs, looking whether it is still right about one: what makes two thousand rows once a second
possible while somebody types.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from engine.model.containers import Container
from engine.model.stats import Stats
from tui.presenters import containers as container_rows
from tui.presenters import objects
from tui.presenters.ansi import ink
from tui.presenters.table import Column, Row
from tui.snapshot import Noun, Snapshot, Thing, bare, key_of

KNOWN: Mapping[Noun, Mapping[str, Column]] = {
    Noun.CONTAINERS: container_rows.COLUMNS,
    Noun.IMAGES: objects.IMAGE_COLUMNS,
    Noun.VOLUMES: objects.VOLUME_COLUMNS,
    Noun.NETWORKS: objects.NETWORK_COLUMNS,
}
SHOWN: Mapping[Noun, tuple[str, ...]] = {
    Noun.CONTAINERS: container_rows.SHOWN,
    Noun.IMAGES: objects.IMAGE_SHOWN,
    Noun.VOLUMES: objects.VOLUME_SHOWN,
    Noun.NETWORKS: objects.NETWORK_SHOWN,
}


def offered(noun: Noun, *, hosts: bool) -> dict[str, Column]:
    """The columns that a list can have: the host only where there are several, as it says nothing of a single one."""
    return {name: column for name, column in KNOWN[noun].items() if hosts or name != "host"}


class RowMaker:
    """Makes rows.

    Attributes:
        columns: names of the columns of each list.
        lost: hosts that do not answer, whose rows are what they said last.
        terminal: what stands after the name of a container, by its id, for its terminal.
    """

    def __init__(
        self,
        stats: Callable[[str], Stats | None],
        now: Callable[[], float],
        columns: Mapping[str, Sequence[str]],
        *,
        hosts: bool = False,
    ) -> None:
        """With ``hosts`` each row tells its host."""
        self._hosts = hosts
        self.terminal: Callable[[str], str] = lambda container: ""
        self.columns: Mapping[Noun, tuple[str, ...]] = {}
        self.use(columns)
        self.lost: Collection[str] = ()
        self._stats = stats
        self._now = now

    def use(self, columns: Mapping[str, Sequence[str]]) -> None:
        """Make rows of these columns, by the nouns' names; the usual ones where none are named."""
        self.columns = {noun: _wanted(noun, columns.get(noun.value, ()), hosts=self._hosts) for noun in Noun}
        self._kept: dict[str, tuple[tuple[object, ...], Row]] = {}

    def titles(self, noun: Noun) -> tuple[Column, ...]:
        """The columns of a list, in their order."""
        return tuple(KNOWN[noun][name] for name in self.columns[noun])

    @property
    def sizes_wanted(self) -> bool:
        """What containers take on the disk is to be shown, which costs the engine a walk over their files."""
        return "size" in self.columns[Noun.CONTAINERS]

    def containers(self, ordered: Sequence[Container], pending: Mapping[str, str], *, width: int) -> list[Row]:
        """Rows of containers in an order that is settled already."""
        made = self._made(ordered, pending, width)
        self._kept = made
        return [row for _, row in made.values()]

    def again(self, some: Sequence[Container], pending: Mapping[str, str], *, width: int) -> dict[str, Row]:
        """Rows of some of the containers by their ids, when only numbers may have changed."""
        made = self._made(some, pending, width)
        self._kept.update(made)
        return {key: row for key, (_, row) in made.items()}

    def _made(self, ordered: Sequence[Container], pending: Mapping[str, str], width: int) -> dict[str, tuple[tuple[object, ...], Row]]:
        """Each row with what it was made from."""
        now, columns = self._now(), self.columns[Noun.CONTAINERS]
        form = (width < container_rows.NARROW, width < container_rows.WIDE)
        found: dict[str, tuple[tuple[object, ...], Row]] = {}
        for one in ordered:
            stats, doing, mark = self._stats(one.id), pending.get(one.id, ""), self.terminal(one.id)
            facts = (one, stats, doing, mark, form, container_rows.age_text(one, now), one.host in self.lost)
            before = self._kept.get(one.id)
            if before is not None and before[0] == facts:
                found[one.id] = before
            else:
                made = container_rows.row(bare(one), stats, doing, width=width, now=now, columns=columns)
                made = self._shown(one, made)
                found[one.id] = facts, _marked(made, columns.index("name"), mark) if mark else made
        return found

    def others(self, noun: Noun, snapshot: Snapshot, *, sort: str, reverse: bool) -> list[Row]:
        """Rows of images, volumes or networks."""
        now, pending, columns = self._now(), snapshot.pending, self.columns[noun]
        if noun is Noun.IMAGES:
            users = objects.image_users(snapshot.containers)
            images = objects.arrange_images(snapshot.images, sort=sort, reverse=reverse, users=users)
            return [
                self._shown(one, objects.image_row(bare(one), pending.get(one.id, ""), now, users=users, columns=columns)) for one in images
            ]
        if noun is Noun.VOLUMES:
            users = objects.volume_users(snapshot.containers)
            volumes = objects.arrange_volumes(snapshot.volumes, sort=sort, reverse=reverse, users=users)
            return [
                self._shown(one, objects.volume_row(bare(one), pending.get(one.name, ""), now, users=users, columns=columns))
                for one in volumes
            ]
        users = objects.network_users(snapshot.containers)
        networks = objects.arrange_networks(snapshot.networks, sort=sort, reverse=reverse, users=users)
        return [
            self._shown(one, objects.network_row(bare(one), pending.get(one.id, ""), now, users=users, columns=columns)) for one in networks
        ]

    def _shown(self, one: Thing, row: Row) -> Row:
        """The row of an object that several hosts may have: found by its host too, and grey where the host is lost."""
        if not one.host:
            return row
        cells = tuple((text, ink("bright_black")) for text, _ in row.cells) if one.host in self.lost else row.cells
        return row.replace(key=key_of(one), cells=cells, search=f"{row.search} {one.host}")


def _marked(row: Row, place: int, mark: str) -> Row:
    """The row with a mark after what one of its cells says."""
    text, style = row.cells[place]
    return row.replace(cells=(*row.cells[:place], (text + mark, style), *row.cells[place + 1 :]))


def _wanted(noun: Noun, names: Sequence[str], *, hosts: bool) -> tuple[str, ...]:
    """The columns that are asked for, the usual ones for none.

    The name is always there, and the host where there are several: behind the name unless it has a place, and nowhere for a single one.
    """
    known = tuple(name for name in names if name in offered(noun, hosts=hosts)) or SHOWN[noun]
    known = known if "name" in known else ("name", *known)
    if not hosts or "host" in known:
        return known
    place = known.index("name") + 1
    return (*known[:place], "host", *known[place:])
