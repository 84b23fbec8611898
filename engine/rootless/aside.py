"""Work in the network namespace of an ordinary user's engine, for processes that live in the host's.

From inside a user namespace there is no way back into the host's network namespace (setns(2) wants CAP_SYS_ADMIN over its owner). So
a thread goes ahead that ends with its work. Its caller waits, and does meanwhile what has to be done at home: a published port
is bound on the host.

::

    caller (host's network)             thread (engine's network)
      run(netns, call)             ->     setns, call()
      make() <- "at home, please"  <-       at_home(make)
             -> its result         ->
      the result                   <-     ends
"""

from __future__ import annotations

import os
import time
from _queue import SimpleQueue
from _thread import get_ident, get_native_id, start_new_thread
from collections.abc import Callable
from typing import Any, Final, TypeVar

from engine.linux import namespaces, syscalls

T = TypeVar("T")

_CLONE_FS: Final = 0x200
_DONE: Final = "done"
_FAILED: Final = "failed"
_AT_HOME: Final = "at home"

_away: dict[int, _Errand] = {}


class _Errand:
    def __init__(self, netns: str, call: Callable[[], Any]) -> None:
        self._netns = netns
        self._call = call
        self.thread = 0
        self.news: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self.answers: SimpleQueue[tuple[str, Any]] = SimpleQueue()

    def work(self) -> None:
        self.thread = get_native_id()
        _away[get_ident()] = self
        try:
            syscalls.unshare(_CLONE_FS)  # the caller may have to change its mount namespace, which nobody may share with it then
            namespaces.enter(self._netns, namespaces.CLONE_NEWNET)
            answer = _DONE, self._call()
        except BaseException as error:
            answer = _FAILED, error
        del _away[get_ident()]
        self.news.put(answer)


def run(netns: str, call: Callable[[], T]) -> T:
    """The result of ``call``, run in the network namespace at ``netns``; its error, if it fails.

    Raises:
        OSError: the namespace can not be entered.
    """
    if get_ident() in _away:
        return call()
    errand = _Errand(netns, call)
    start_new_thread(errand.work, ())
    while True:
        kind, value = errand.news.get()
        if kind != _AT_HOME:
            break
        errand.answers.put(_try(value))
    _outlive(errand.thread)
    if kind == _FAILED:
        raise value
    result: T = value
    return result


def at_home(call: Callable[[], T]) -> T:
    """The result of ``call``, run by the thread that waits in the host's network namespace; here, when this is no such errand."""
    errand = _away.get(get_ident())
    if errand is None:
        return call()
    errand.news.put((_AT_HOME, call))
    kind, value = errand.answers.get()
    if kind == _FAILED:
        raise value
    result: T = value
    return result


def _try(call: Callable[[], Any]) -> tuple[str, Any]:
    try:
        return _DONE, call()
    except BaseException as error:
        return _FAILED, error


def _outlive(thread: int) -> None:
    """Wait until the kernel has buried the thread, some microseconds after its last word: who forks containers must be alone."""
    while os.path.exists(f"/proc/self/task/{thread}"):
        time.sleep(0.0001)
