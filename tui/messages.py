"""Messages of the feed to the screen. Past tense: something happened, the handler owns the widgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from engine.errors import LongshoreError
from tui.snapshot import PullState, Snapshot

if TYPE_CHECKING:
    from tui.swarm_snapshot import SwarmSnapshot  # most engines are in no swarm, and nothing of it is loaded then


@dataclass
class SnapshotChanged(Message):
    """The lists changed."""

    snapshot: Snapshot

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SnapshotChanged)


@dataclass
class SwarmChanged(Message):
    """The lists of a swarm changed."""

    snapshot: SwarmSnapshot

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SwarmChanged)


class StatsChanged(Message):
    """New samples came in; whoever shows numbers asks the sampler."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, StatsChanged)


@dataclass
class PullsChanged(Message):
    """A pull came further."""

    pulls: tuple[PullState, ...]

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, PullsChanged)


class LogChanged(Message):
    """The window of the log that is shown has other lines."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, LogChanged)


@dataclass
class HostChosen(Message):
    """Somebody wants to see another host; ``all`` is all of them in one list."""

    name: str


@dataclass
class OperationSucceeded(Message):
    """An operation that has something to tell ended well."""

    title: str
    text: str


@dataclass
class OperationFailed(Message):
    """An operation failed. ``title`` names what was tried on what."""

    title: str
    error: LongshoreError


@dataclass
class TerminalChanged(Message):
    """There is something new on the screen of a container's terminal, or it began or ended."""

    container: str
    state: bool = False

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, TerminalChanged) and message.container == self.container and not message.state


class SettingsWanted(Message):
    """The settings are to be read again."""


@dataclass
class ActionChosen(Message):
    """The mouse asks for an action of the registry."""

    action: str
