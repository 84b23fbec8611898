"""A flag that wakes a poll: how a blocking source is closed from another thread."""

from __future__ import annotations

import os
from _thread import allocate_lock


class Cancel:
    """Unset at first. ``fd`` becomes readable, and stays so, when it is set."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.is_set = False
        self._lock = allocate_lock()

    def set(self) -> None:
        """Set it. Idempotent, from any thread, also after :meth:`close`."""
        with self._lock:
            if self.fd >= 0 and not self.is_set:
                os.eventfd_write(self.fd, 1)
            self.is_set = True

    def close(self) -> None:
        """Give the descriptor back; nobody may poll it any more. Idempotent."""
        with self._lock:
            if self.fd >= 0:
                os.close(self.fd)
                self.fd = -1
