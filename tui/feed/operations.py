"""Doing things: one awaited engine call with a mark in the row, and the outcome as a message.

Nothing here changes a list: what an operation did comes back as an event, as anyone else's change does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.message import Message

from engine.errors import LongshoreError, NotModified
from tui.feed.watch import Feed
from tui.messages import OperationFailed, OperationSucceeded
from tui.snapshot import Noun


class Operations:
    """Runs operations on the engine and tells what became of them."""

    def __init__(self, feed: Feed, post: Callable[[Message], object]) -> None:
        self._feed = feed
        self._post = post

    async def perform(self, noun: Noun, key: str, word: str, title: str, work: Awaitable[object], *, told: str = "") -> bool:
        """Await ``work`` with ``word`` shown on the object.

        Args:
            key: the object's key in the lists, ``""`` where none is touched.
            title: what is tried on what, the title of an error (``stop web``).
            told: what to say when it went well, ``""`` for nothing.

        Returns:
            Whether it went well.
        """
        if key:
            self._feed.mark(key, word)
        try:
            await work
        except NotModified as same:
            self._post(OperationSucceeded(title, same.message))
            return True
        except LongshoreError as error:
            self._post(OperationFailed(title, error))
            return False
        finally:
            self._feed.settle(key, noun)
        if told:
            self._post(OperationSucceeded(title, told))
        return True
