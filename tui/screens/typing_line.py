"""What is typed into the bottom line: a filter works on the list or the log at once, a search moves through the text."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from tui.screens.seeking import Seeker
from tui.widgets.keybar import KeyBar
from tui.widgets.list_pane import ListPane
from tui.widgets.main_pane import MainPane
from tui.widgets.prompt_line import PromptLine

if TYPE_CHECKING:
    from tui.presenters.log_filter import LogFilter

N = TypeVar("N")


class FilteredLists(Protocol[N]):
    """Lists that can be filtered."""

    @property
    def panes(self) -> Mapping[N, ListPane]:
        """The lists."""
        ...

    def refresh(self, noun: N) -> None:
        """Draw one anew."""
        ...


class FilteredContent(Protocol):
    """A main pane that can be searched, and whose log can be filtered."""

    only: LogFilter | None
    seeker: Seeker

    @property
    def pane(self) -> MainPane:
        """The pane."""
        ...

    def keep_only(self, text: str) -> None:
        """Filter the log."""
        ...

    def status(self) -> None:
        """Say where one is."""
        ...


class FocusedStage(Protocol[N]):
    """Knows where the focus is."""

    noun: N

    def focus_list(self, noun: N) -> None:
        """Put the focus into a list."""
        ...

    def focus_main(self) -> None:
        """Put it into the main pane."""
        ...


class TypingLine(Generic[N]):
    """Gives the line its purpose: ``filter`` (the list), ``search`` (the text) or ``only`` (lines of the log)."""

    def __init__(
        self, line: PromptLine, hints: KeyBar, *, lists: FilteredLists[N], content: FilteredContent, stage: FocusedStage[N]
    ) -> None:
        self._line, self._hints = line, hints
        self._lists, self._content, self._stage = lists, content, stage
        self._purpose = ""

    def open(self, purpose: str) -> None:
        """Begin to type."""
        self._purpose = purpose
        self._hints.display = False
        only = self._content.only.text if self._content.only else ""
        text = {"filter": self._lists.panes[self._stage.noun].filter, "only": only}.get(purpose, self._content.pane.view.term)
        self._line.open(f"{purpose}:", text)

    def changed(self, text: str) -> None:
        """Another text stands in the line."""
        if self._purpose == "filter":
            self._filter(text.strip())
            return
        if self._purpose == "only":
            self._content.keep_only(text)
            self._content.status()
            return
        view = self._content.pane.view
        view.term = text.lower()
        found = self._content.seeker.near(self._direction) if view.term else -1
        if found >= 0:
            view.show_line(found)
        self._content.status()

    def closed(self, text: str, *, kept: bool, seek: Callable[[int], Coroutine[Any, Any, None]]) -> Coroutine[Any, Any, None] | None:
        """Typing ended. What has to be looked for beyond what is loaded comes back as work to be run."""
        self._hints.display = True
        if self._purpose == "filter":
            if not kept:
                self._filter("")
            self._stage.focus_list(self._stage.noun)
            return None
        if self._purpose == "only":
            self._content.keep_only(text if kept else "")
            self._stage.focus_main()
            return None
        view = self._content.pane.view
        view.term = text.lower() if kept else ""
        self._stage.focus_main()
        self._content.status()
        return seek(self._direction) if view.term and not view.found() else None

    @property
    def _direction(self) -> int:
        """A log is searched from its end, other texts from their beginning."""
        pane = self._content.pane
        return -1 if pane.view is pane.log_view else 1

    def _filter(self, text: str) -> None:
        self._lists.panes[self._stage.noun].filter = text
        self._lists.refresh(self._stage.noun)
