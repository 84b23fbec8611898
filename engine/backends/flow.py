"""Byte streams between blocking code and the async interface: one that is read, one that is written."""

from __future__ import annotations

import os
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable, Generator, Iterator

from engine.errors import EngineFault, LongshoreError
from engine.image import compression


class Outflow:
    """A :class:`~engine.model.blocking.Source` of the pieces that a generator yields. Its first piece is taken at once.

    Raises:
        LongshoreError: whatever the generator raises up to there: no such path, for instance.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces: Iterator[bytes] | None = pieces
        self._closed = False
        self._busy = allocate_lock()
        next(pieces)

    def next(self) -> bytes | None:
        """The next piece."""
        with self._busy:
            if self._closed or self._pieces is None:
                return None
            return next((piece for piece in self._pieces if piece), None)

    def close(self) -> None:
        """Give everything up, once a piece that is just being made is done."""
        self._closed = True
        with self._busy:
            pieces, self._pieces = self._pieces, None
            if isinstance(pieces, Generator):
                pieces.close()


class Inflow:
    """A tar stream, compressed or not, that a thread unpacks while it is written here.

    Args:
        work: takes the decompressed pieces; what it raises comes out of :meth:`write` or :meth:`finish`.
        done: called by :meth:`finish` in the caller's thread once the work was done.
    """

    def __init__(self, work: Callable[[Iterator[bytes]], None], done: Callable[[], None] = lambda: None) -> None:
        self._work = work
        self._done = done
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC)
        self._writing = allocate_lock()
        self._failure: BaseException | None = None
        self._ended = allocate_lock()
        self._ended.acquire()
        start_new_thread(self._run, ())

    def write(self, data: bytes) -> None:
        """Send a piece, which is dropped after :meth:`close`. Raises what went wrong, as :meth:`finish`."""
        view = memoryview(data)
        try:
            while view:
                with self._writing:  # not into what another thread opens, should this one be closed meanwhile
                    if self._writer < 0:
                        return
                    view = view[os.write(self._writer, view) :]
        except BrokenPipeError:
            self.finish()

    def finish(self) -> None:
        """The stream is whole: wait until everything is unpacked.

        Raises:
            LongshoreError: why it could not be.
        """
        self.close()
        if isinstance(self._failure, LongshoreError):
            raise self._failure
        if self._failure is not None:
            raise EngineFault(f"unpacking failed: {type(self._failure).__name__} {self._failure}") from self._failure
        self._done()

    def close(self) -> None:
        """End the stream where it is, and wait for the thread. Idempotent, callable while another thread writes."""
        with self._writing:
            if self._writer < 0:
                return
            os.close(self._writer)
            self._writer = -1
        self._ended.acquire()

    def _run(self) -> None:
        try:
            self._work(self._pieces())
        except BaseException as error:
            self._failure = error
        finally:
            os.close(self._reader)
            self._ended.release()

    def _pieces(self) -> Iterator[bytes]:
        head = b""
        while len(head) < compression.MAGIC_LENGTH and (more := os.read(self._reader, 1 << 16)):
            head += more
        rest = [head] if head else []

        def read(size: int) -> bytes:
            return rest.pop() if rest else os.read(self._reader, min(size, 1 << 16))

        yield from compression.decoded(compression.sniff(head), read)
