"""Messages of the feed to the screen. Past tense: something happened, the handler owns the widgets."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from engine.errors import LongshoreError
from tui.snapshot import PullState, Snapshot


@dataclass
class SnapshotChanged(Message):
    """The lists changed."""

    snapshot: Snapshot

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SnapshotChanged)


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
class OperationSucceeded(Message):
    """An operation that has something to tell ended well."""

    title: str
    text: str


@dataclass
class OperationFailed(Message):
    """An operation failed. ``title`` names what was tried on what."""

    title: str
    error: LongshoreError
