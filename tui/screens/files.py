"""The file browser: a directory of a container, into others and back. It answers with what is wanted of a file."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Awaitable, Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from engine.errors import InvalidArgument, LongshoreError
from engine.model.files import Directory, DirectoryEntry
from engine.model.value import Value
from tui.late import Late
from tui.presenters.browser import entry_line, ordered, summary
from tui.presenters.text import clip, safe
from tui.screens.list_modal import ListModal
from tui.words import tr

MOST = 5000
"""Entries that are shown of one directory."""


class FileWish(Value):
    """What is wanted of a file.

    Attributes:
        verb: ``view``, ``out``, ``in`` or ``copy`` (its path).
        directory: the one that is shown, which ``in`` is about.
        mode: the file's, as ``st_mode``.
    """

    verb: str
    path: str
    directory: str
    mode: int = 0


class FilesModal(ListModal[FileWish | None]):
    """Answers with a wish, None when it was closed.

    Attributes:
        path: the directory that is shown.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "close", id="files.close"),
        Binding("left,h,backspace", "up", "up", id="files.up"),
        Binding("right,l,space", "open", "open", id="files.open"),
        Binding("j", "move(1)", "down", id="files.down"),
        Binding("k", "move(-1)", "up", id="files.above"),
        Binding("c", "wish('out')", "copy out", id="files.out"),
        Binding("p", "wish('in')", "copy in", id="files.in"),
        Binding("y", "wish('copy')", "copy the path", id="files.copy"),
        Binding("ctrl+r", "again", "read again", id="files.again"),
    ]

    def __init__(self, title: str, load: Callable[[str], Awaitable[Directory]], *, top: str, path: str, at: str = "") -> None:
        """``load`` lists a directory; nothing above ``top`` is shown; ``at`` is the name that the cursor begins on."""
        super().__init__()
        self.path = path
        self._title = title
        self._load = load
        self._top = top
        self._at = at
        self._wanted = path
        self._entries: tuple[DirectoryEntry, ...] = ()
        self._list = OptionList()
        self._about = Static("", classes="consequence", markup=False)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box files") as box:
            box.border_subtitle = Content(tr("enter: open  ←: up  c: copy out  p: copy in  y: path  esc: close"))
            yield self._list
            yield self._about

    def on_mount(self) -> None:
        self._list.focus()
        self._go(self.path, self._at)

    def _go(self, path: str, at: str = "") -> None:
        self._wanted = path
        self.run_worker(Late(self._show, path, at), group="files", exclusive=True, exit_on_error=False)

    async def _show(self, path: str, at: str) -> None:
        box = self.query_one(".files")
        box.border_title = Content(clip(f"{safe(self._title)}: {safe(path)} …", max(20, self.app.size.width - 12)))
        try:
            found = await self._load(path)
        except InvalidArgument:
            self.dismiss(FileWish(verb="view", path=path, directory=self.path))  # what a link leads to is no directory
            return
        except LongshoreError as error:
            self._about.update(Content(safe(error.message)))
            self._title_of(self.path)
            self._wanted = self.path
            return
        self.path = path
        self._entries = tuple(ordered(found)[:MOST])
        self._list.clear_options()
        rows = [Text.assemble(*entry_line(entry), no_wrap=True, overflow="ellipsis") for entry in self._entries]
        self._list.add_options([Option(row) for row in rows])
        names = [entry.name for entry in self._entries]
        if names:
            self._list.highlighted = names.index(at) if at in names else 0
        left = len(found.entries) - len(self._entries)
        self._about.update(Content(summary(found) + (tr("; {left} not shown", left=left) if left else "")))
        self._title_of(path)

    def _title_of(self, path: str) -> None:
        self.query_one(".files").border_title = Content(clip(f"{safe(self._title)}: {safe(path)}", max(20, self.app.size.width - 12)))

    @property
    def _chosen(self) -> DirectoryEntry | None:
        """What the cursor is on; nothing while another directory is read, whose entries are not these."""
        at = self._list.highlighted
        return self._entries[at] if at is not None and at < len(self._entries) and self._wanted == self.path else None

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """Go into a directory or where a link leads; look at a file."""
        entry = self._chosen
        if entry is None:
            return
        path = posixpath.join(self.path, entry.name)
        if stat.S_ISDIR(entry.mode) or stat.S_ISLNK(entry.mode):
            self._go(path)
        else:
            self.dismiss(FileWish(verb="view", path=path, directory=self.path))

    def action_up(self) -> None:
        """Go to the directory above."""
        if self.path.rstrip("/") != self._top.rstrip("/"):
            above, _, name = self.path.rstrip("/").rpartition("/")
            self._go(above or "/", name)

    def action_wish(self, verb: str) -> None:
        """Answer with what is wanted of the entry under the cursor, or of the directory."""
        entry = self._chosen
        if verb == "in" or entry is not None:
            path = posixpath.join(self.path, entry.name) if entry is not None else self.path
            self.dismiss(FileWish(verb=verb, path=path, directory=self.path, mode=entry.mode if entry else 0))

    def action_again(self) -> None:
        """Read the directory again."""
        self._go(self.path, self._chosen.name if self._chosen else "")

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)

    def give_up(self) -> None:
        self.dismiss(None)
