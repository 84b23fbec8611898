"""Layers on their way in: each byte goes to the blob store, its digest, and the unpacker, in the order of arrival.

One thread a layer. A lost connection is continued where it broke, as often as it goes on at all; what a cancelled or killed
pull leaves behind is continued by the next, maybe another process's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from engine.errors import CorruptData, LongshoreError, NotFound, Unavailable
from engine.image.documents import Descriptor
from engine.image.progress import Progress
from engine.model.images import PullPhase
from engine.registry.blob import Blob
from engine.registry.cancel import Cancel
from engine.registry.client import RegistryClient
from engine.store.blobs import Blobs, Ingest

DOWNLOADS = 3
"""Layers that are downloaded at the same time, as docker does."""
PAUSES = (1, 2, 4, 8)
"""Seconds before another attempt after one that brought nothing."""
_MAX_CONTINUED = 100


class Fetcher:
    """Downloads the blobs of one image from one registry.

    Attributes:
        reused: bytes that were here before have been used, so that what is wrong may be theirs.
    """

    def __init__(self, client: RegistryClient, blobs: Blobs, progress: Progress, cancel: Cancel, pauses: Sequence[int] = PAUSES) -> None:
        self._client = client
        self._blobs = blobs
        self._progress = progress
        self._cancel = cancel
        self._pauses = pauses
        self._slots = threading.BoundedSemaphore(DOWNLOADS)
        self.reused = False

    def small(self, blob: Descriptor, limit: int) -> bytes:
        """A blob as bytes, from the store or else from the registry into the store.

        Raises:
            CorruptData: its size or digest is wrong (docker's words).
        """
        if not self._blobs.has(blob.digest):
            ingest = self._blobs.ingest(blob.digest, blob.size, cancelled=lambda: self._cancel.thrown)
            try:
                if not ingest.complete:  # another pull may have brought it while we waited
                    for _ in self._download(ingest, blob, None):
                        pass
                    _commit(ingest, f"image config verification failed for digest {blob.digest}")
            finally:
                ingest.close()
        return self._blobs.read(blob.digest, limit)

    def layer(self, blob: Descriptor, number: int) -> Iterator[bytes]:
        """A layer's compressed bytes from the first to the last, for the unpacker; the blob is in the store at the end.

        Raises:
            CorruptData: its size or digest is wrong (docker's words).
            As the registry's client.
        """
        ingest = self._blobs.ingest(blob.digest, blob.size, cancelled=lambda: self._cancel.thrown)
        try:
            self.reused |= ingest.offset > 0 or ingest.complete
            done = 0
            for chunk in ingest.existing():
                yield chunk
                done += len(chunk)
                self._progress.count(number, PullPhase.EXTRACTING, done, blob.size)
            if not ingest.complete:
                with self._slots:
                    yield from self._download(ingest, blob, number)
                    self._progress.layer(number, PullPhase.VERIFYING)
                    _commit(ingest, f"filesystem layer verification failed for digest {blob.digest}")
        finally:
            ingest.close()
        self._progress.layer(number, PullPhase.DOWNLOADED)
        self._progress.layer(number, PullPhase.EXTRACTING, total=blob.size)

    def drop(self, blob: Descriptor) -> None:
        """Forget what is here of a blob that turned out to be wrong."""
        self._blobs.delete(blob.digest)
        self._blobs.ingest(blob.digest, blob.size, cancelled=lambda: self._cancel.thrown).discard()

    def _download(self, ingest: Ingest, blob: Descriptor, number: int | None) -> Iterator[bytes]:
        """The bytes that are missing, written to ``ingest`` as they are given out."""
        failed = 0
        for _ in range(_MAX_CONTINUED):
            if ingest.offset == blob.size:
                return
            before, error = ingest.offset, None
            try:
                yield from self._continue(ingest, blob, number)
            except Unavailable as lost:
                error = lost
            self._cancel.check()
            if ingest.offset == blob.size:
                return
            error = error or Unavailable(f"blob {blob.digest}: unexpected EOF after {ingest.offset} of {blob.size} bytes")
            failed = 0 if ingest.offset > before else failed + 1
            if failed > len(self._pauses):
                raise error
            self._pause(self._pauses[max(failed - 1, 0)] if self._pauses else 0, number)
        raise Unavailable(f"blob {blob.digest}: unexpected EOF after {ingest.offset} of {blob.size} bytes, {_MAX_CONTINUED} times")

    def _continue(self, ingest: Ingest, blob: Descriptor, number: int | None) -> Iterator[bytes]:
        incoming = self._open(blob, ingest.offset)
        try:
            for chunk in incoming:
                if self._cancel.thrown:
                    self._cancel.check()
                ingest.write(chunk)
                yield chunk
                if number is not None:
                    self._progress.count(number, PullPhase.DOWNLOADING, ingest.offset, blob.size)
        finally:
            incoming.close()

    def _open(self, blob: Descriptor, offset: int) -> Blob:
        try:
            return self._client.blob(blob.digest, offset)
        except NotFound:
            for url in blob.urls:
                try:
                    return self._client.foreign(url, offset)
                except Unavailable:
                    raise
                except LongshoreError:
                    continue
            raise

    def _pause(self, seconds: int, number: int | None) -> None:
        for left in range(seconds, 0, -1):
            if number is not None:
                self._progress.layer(number, PullPhase.RETRYING, detail=f"in {left} second{'s' if left > 1 else ''}")
            self._cancel.pause(1)


def _commit(ingest: Ingest, words: str) -> None:
    try:
        ingest.commit()
    except CorruptData as error:
        raise CorruptData(words, hint=error.message) from error
