"""One blob on its way to a registry: there already, taken over from another repository, sent whole, or in parts.

A big blob goes in parts, so that after a lost connection the registry can be asked how far it is. A registry that takes no parts gets
the blob whole, and one for which the whole is too much at once (413, as proxies before registries say) gets parts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence

from engine.errors import Unavailable
from engine.image.documents import Descriptor
from engine.model.images import PushPhase
from engine.registry.cancel import Cancel
from engine.registry.uploads import Upload, Uploads
from engine.store.blobs import Blobs

PAUSES = (1, 2, 4, 8)
"""Seconds before another attempt after one that brought nothing."""
PART = 32 << 20
"""Bytes of a part. What is not larger goes whole."""
_SMALLEST = 1 << 20
_INTERVAL = 0.1
_PIECE = 1 << 18

Told = Callable[[PushPhase, int, int, str], None]
"""Takes a phase, the bytes sent and those there are, and a detail."""


class Sending:
    """Brings blobs to one repository. Safe for threads."""

    def __init__(self, uploads: Uploads, blobs: Blobs, cancel: Cancel, *, pauses: Sequence[int] = PAUSES, part: int = PART) -> None:
        self._uploads = uploads
        self._blobs = blobs
        self._cancel = cancel
        self._pauses = tuple(pauses)
        self._part = part

    def blob(self, blob: Descriptor, source: str, told: Told) -> None:
        """See to it that the repository has a blob. ``source`` is another repository of the registry that may have it, ``""`` for none.

        Raises:
            NotFound: the store lacks the blob.
            Unavailable: the registry was lost, after as many attempts as there are pauses since the last that brought anything.
            As the registry's client.
        """
        if self._uploads.has(blob.digest):
            told(PushPhase.EXISTS, 0, 0, "")
            return
        trip = _Trip(self._uploads, self._blobs, self._cancel, blob.digest, told)
        pauses = list(self._pauses)
        while True:
            before = trip.sent
            try:
                mounted = trip.go(source, self._part)
                told(PushPhase.MOUNTED if mounted else PushPhase.PUSHED, 0, 0, source if mounted else "")
                return
            except Unavailable:
                self._cancel.check()
                if trip.sent > before:
                    pauses = list(self._pauses)
                if not pauses:
                    raise
                for left in range(pauses.pop(0), 0, -1):
                    told(PushPhase.RETRYING, 0, 0, f"in {left} second{'s' if left > 1 else ''}")
                    self._cancel.pause(1)


class _Trip:
    """The attempts at one blob.

    Attributes:
        sent: the most bytes of it that the registry has confirmed in parts.
    """

    def __init__(self, uploads: Uploads, blobs: Blobs, cancel: Cancel, digest: str, told: Told) -> None:
        self._uploads = uploads
        self._blobs = blobs
        self._cancel = cancel
        self._digest = digest
        self._told = told
        self._size = blobs.size(digest)
        self._upload: Upload | None = None
        self._last = 0.0
        self.sent = 0

    def go(self, source: str, part: int) -> bool:
        """Send it, or what is left of it; ``True`` when it was taken over from ``source``. Raises Unavailable when the registry is lost."""
        upload = self._uploads.ask(self._upload) if self._upload else None
        self._upload = None
        if upload is None or upload.offset > self._size:
            upload = self._uploads.begin(self._digest, source)
        if upload is None:
            return True
        big = self._size > part or upload.offset > 0
        for size in (*((part, 0) if big else (0,)), *_smaller(part)):
            if self._in_parts(upload, max(size, upload.least)) if size else self._whole(upload):
                return False
            upload = self._uploads.begin(self._digest) or upload
        raise Unavailable(f"the registry takes blob {self._digest} neither whole nor in parts of {_SMALLEST} bytes")

    def _whole(self, upload: Upload) -> bool:
        return self._uploads.send(upload, self._digest, self._size, lambda: self._content(0, self._size))

    def _in_parts(self, upload: Upload, part: int) -> bool:
        """Send what is left in parts; ``False`` when the registry refuses."""
        refused = False
        while upload.offset < self._size:
            start, size = upload.offset, min(part, self._size - upload.offset)
            self._upload = upload
            following = self._uploads.part(upload, size, lambda start=start, size=size: self._content(start, size))  # type: ignore[misc]
            if following is None:
                # Perhaps it only has other bytes than we believe, once.
                following = None if refused else self._uploads.ask(upload)
                refused = True
                if following is None or following.offset in (start, 0) or following.offset > self._size:
                    self._upload = None
                    return False
            upload = following
            self.sent = max(self.sent, upload.offset)
        self._upload = upload
        self._uploads.finish(upload, self._digest)
        return True

    def _content(self, start: int, size: int) -> Iterator[bytes]:
        left = size
        with os.fdopen(self._blobs.open(self._digest), "rb", buffering=0) as file:
            file.seek(start)
            while left and (piece := file.read(min(left, _PIECE))):
                self._cancel.check()
                yield piece
                left -= len(piece)
                if time.monotonic() - self._last >= _INTERVAL:
                    self._last = time.monotonic()
                    self._told(PushPhase.PUSHING, start + size - left, self._size, "")


def _smaller(part: int) -> Iterator[int]:
    """What is tried when a registry takes a blob neither whole nor in parts of this size."""
    while part > _SMALLEST:
        part = max(part // 4, _SMALLEST)
        yield part
