"""A file where the interface takes a stream of bytes."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator

from engine.errors import EngineFault

PIECE = 1 << 20


class OpenFile:
    """What a descriptor gives, to its end (``AsyncIterable[bytes]``). It stays the caller's, and open until the call is over.

    An engine on the same machine may read the file itself, from wherever it wants, if it is a :attr:`whole` one.
    """

    def __init__(self, handle: int) -> None:
        self.handle = handle

    @property
    def whole(self) -> bool:
        """It is a regular file of which nothing has been read yet."""
        try:
            return stat.S_ISREG(os.fstat(self.handle).st_mode) and os.lseek(self.handle, 0, os.SEEK_CUR) == 0
        except OSError:
            return False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Pieces of it.

        Raises:
            EngineFault: it can not be read.
        """
        try:
            while piece := os.read(self.handle, PIECE):
                yield piece
        except OSError as error:
            raise EngineFault(f"read: {(error.strerror or str(error)).lower()}") from error
