"""Work of which nothing is made before it begins.

A worker of Textual that is given a coroutine and is cancelled before its first step, because a newer wish came or the app ended,
leaves that coroutine behind unawaited, which Python warns about at some later moment. :class:`Late` makes it in the worker.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Late(Awaitable[T], Generic[T]):
    """What ``work(*args)`` comes to; it is called when somebody awaits it."""

    def __init__(self, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> None:
        self._work = partial(work, *args, **kwargs)

    def __await__(self) -> Generator[Any, Any, T]:
        return self._work().__await__()
