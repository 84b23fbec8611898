"""What commands on a swarm work with: the collaborators of its screen, and the desk of the main screen for questions and toasts."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from typing import TypeVar

from engine.errors import LongshoreError
from engine.interface import Swarm
from tui.actions import Action
from tui.config import Settings
from tui.feed.swarm import SwarmFeed
from tui.screens.desk import Desk
from tui.screens.modal import Modal
from tui.screens.swarm_content import SwarmContent
from tui.screens.swarm_lists import SwarmLists
from tui.screens.swarm_stage import SwarmStage
from tui.screens.typing_line import TypingLine
from tui.swarm_snapshot import SwarmNoun, SwarmSnapshot, SwarmThing, key_of, label_of

T = TypeVar("T")


class SwarmDesk:
    """Collaborators, and operations with a mark in the row."""

    def __init__(
        self,
        desk: Desk,
        *,
        feed: SwarmFeed,
        lists: SwarmLists,
        content: SwarmContent,
        stage: SwarmStage,
        typing: TypingLine[SwarmNoun],
        settings: Settings,
    ) -> None:
        self.desk, self.feed, self.lists, self.content, self.stage = desk, feed, lists, content, stage
        self.typing = typing
        self._policies = settings.confirm

    @property
    def swarm(self) -> Swarm:
        """The swarm's interface."""
        return self.desk.engine.swarm

    @property
    def snapshot(self) -> SwarmSnapshot:
        """The lists as they are."""
        return self.lists.snapshot

    @property
    def selected(self) -> SwarmThing | None:
        """The object under the cursor of the list that has the focus, or had it last."""
        return self.lists.selected(self.stage.noun)

    def name(self, thing: SwarmThing) -> str:
        """What a person calls the object."""
        return label_of(thing, self.snapshot)

    async def ask(self, modal: Modal[T]) -> T | None:
        """Show a modal and wait for its answer; the settings may give a yes beforehand."""
        return await self.desk.ask(modal)

    async def permitted(self, action: Action) -> bool:
        """What the settings want to be asked before an action was asked, and answered with yes."""
        policy, thing = self._policies.get(action.id, ""), self.selected
        name = self.name(thing) if thing else ""
        if policy not in ("ask", "name"):
            return True
        from tui.screens.confirm import ConfirmModal  # late: few people want it
        from tui.screens.prompt import PromptModal

        if policy == "ask" or not name:
            answer = await self.desk.put(ConfirmModal(action.about, name))
            return bool(answer)
        typed = await self.desk.put(PromptModal(action.about, about=f"type {name} to go on"))
        return typed == name

    async def perform(
        self, thing: SwarmThing | None, word: str, title: str, work: Awaitable[object], *, command: str, told: str = ""
    ) -> bool:
        """Await ``work`` with ``word`` shown on the object; whether it went well.

        Args:
            thing: what is changed, None for what is made.
            title: what is tried on what, the title of an error.
            command: the command line that does the same, for the journal.
            told: what to say when it went well and the manager has no remark.
        """
        key = key_of(thing) if thing is not None else ""
        journal = self.desk.operations.journal
        if key:
            self.feed.mark(key, word)
        entry, problem = journal.begin(time.time(), command), "given up"
        try:
            remarks = await work
            problem = ""
        except LongshoreError as error:
            problem = error.message
            self.desk.tell_error(title, error)
            return False
        finally:
            journal.end(entry, now=time.time(), problem=problem)
            self.feed.settle(key)
        text = "\n".join(map(str, remarks)) if isinstance(remarks, tuple) and remarks else told
        if text:
            self.desk.tell(title, text)
        return True
