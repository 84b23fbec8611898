"""Watching over the firewall while a container runs.

``nft flush ruleset``, as a restart of the distribution's nftables service does, takes everybody's tables away: published ports
would go dead, and worse, networks would not be kept apart any more. A firewall that is started or reloaded sets its own policy to
drop, and has forgotten that our bridges were let through. The kernel tells whoever listens; every supervisor of a container in a
bridge network does, and the first one whose moment comes has the rules mended. A stamp in the run root tells the others. What is
loaded thereby is a change too, which finds nothing to mend.
"""

from __future__ import annotations

import _socket as bare
import os
import time
from collections.abc import Callable
from typing import Final

from engine.linux import nft_watch
from engine.store.roots import Roots
from engine.supervisor.loop import READ, Loop, Timer

_SHORTEST: Final = 0.1
_SPREAD: Final = 0.4
"""Seconds until a change is looked into: who makes it is often not done yet, and the others need not find the same."""


class Guard:
    """Calls ``mend`` after a change of the firewall, unless another guard of the same engine did. Raises OSError.

    ``lot``, from 0 to 1, says when its moment comes among others. ``ready`` is a descriptor of :func:`engine.linux.nft_watch.changes`
    that a clerk has made.
    """

    __slots__ = ("_loop", "_mend", "_since", "_socket", "_stamp", "_timer", "_wait")

    def __init__(self, loop: Loop, roots: Roots, mend: Callable[[], object], lot: float, ready: int = -1) -> None:
        self._loop = loop
        self._stamp = f"{roots.run}/firewall"
        self._mend = mend
        self._wait = _SHORTEST + _SPREAD * lot
        self._timer: Timer | None = None
        self._since = 0.0
        self._socket = bare.socket(fileno=ready) if ready >= 0 else nft_watch.changes()
        self._watch()

    def _watch(self) -> None:
        self._loop.watch(self._socket.fileno(), READ, self._noticed)

    def _noticed(self, _mask: int) -> None:
        self._loop.forget(self._socket.fileno())
        self._since = time.time()
        self._timer = self._loop.later(self._wait, self._look)

    def _look(self) -> None:
        self._timer = None
        nft_watch.drain(self._socket)
        self._watch()
        try:
            done = os.stat(self._stamp).st_mtime > self._since
        except FileNotFoundError:
            done = False
        if not done:
            with open(self._stamp, "wb"):
                pass
            self._mend()

    def close(self) -> None:
        """End it. Idempotent."""
        self._loop.cancel(self._timer)
        self._timer = None
        if self._socket.fileno() >= 0:
            self._loop.forget(self._socket.fileno())
            self._socket.close()
