"""The blob store: an OCI image layout whose blobs are never seen half.

A blob grows in ``ingest/`` under a lock that one process holds, is verified, made durable, and renamed into place. What a
killed process leaves there is continued by the next.

Source: OCI image-spec, ``image-layout.md``.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from engine.errors import Cancelled, CorruptData, InvalidArgument, NotFound
from engine.store import atomic, faults
from engine.store.locks import Lock, is_held
from engine.store.roots import Roots

if TYPE_CHECKING:
    from hashlib import _Hash

_HEX = frozenset("0123456789abcdef")
_DIGITS = {"sha256": 64, "sha512": 128}
_READ_SIZE = 1 << 20
_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


class Blobs:
    """The blobs of an engine."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots

    def path(self, digest: str) -> str:
        """Where a blob lies, or would. Raises InvalidArgument unless the digest is well formed."""
        algorithm, digits = check_digest(digest)
        return f"{self._roots.layout}/blobs/{algorithm}/{digits}"

    def has(self, digest: str) -> bool:
        """The blob is there, whole."""
        return os.path.exists(self.path(digest))

    def size(self, digest: str) -> int:
        """Its bytes. Raises NotFound."""
        try:
            return os.stat(self.path(digest)).st_size
        except FileNotFoundError:
            raise _missing(digest) from None

    def open(self, digest: str) -> int:
        """A read-only descriptor, which the caller closes. Raises NotFound."""
        try:
            return os.open(self.path(digest), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise _missing(digest) from None
        except OSError as error:
            raise faults.from_os(error, f"open blob {digest}") from error

    def read(self, digest: str, limit: int) -> bytes:
        """The whole blob, which must not be larger than ``limit`` bytes.

        Raises:
            NotFound: it is not there.
            CorruptData: it is larger.
        """
        handle = self.open(digest)
        with os.fdopen(handle, "rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise CorruptData(f"blob {digest} is larger than {limit} bytes")
        return data

    def put(self, digest: str, data: bytes) -> None:
        """Store bytes that are in memory. Raises CorruptData unless they match."""
        ingest = self.ingest(digest, len(data))
        try:
            if not ingest.complete:
                ingest.restart()
                ingest.write(data)
            ingest.commit()
        finally:
            ingest.close()

    def delete(self, digest: str) -> int:
        """Remove a blob; the bytes that came free come back, 0 when it was not there."""
        path = self.path(digest)
        try:
            size = os.stat(path).st_size
            os.unlink(path)
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise faults.from_os(error, f"remove blob {digest}") from error
        return size

    def all(self) -> list[str]:
        """Digests of every blob."""
        found: list[str] = []
        for algorithm, digits in _DIGITS.items():
            try:
                names = os.listdir(f"{self._roots.layout}/blobs/{algorithm}")
            except FileNotFoundError:
                continue
            found.extend(f"{algorithm}:{name}" for name in names if len(name) == digits)
        return found

    def ingest(self, digest: str, size: int, *, cancelled: Callable[[], bool] = lambda: False) -> Ingest:
        """Begin or continue a blob of ``size`` bytes (-1: not known). Waits while another process or thread is at it.

        Args:
            cancelled: asked every few milliseconds while waiting.

        Raises:
            InvalidArgument: the digest is malformed.
            Cancelled: ``cancelled`` said so.
        """
        target = self.path(digest)
        self._prepare(os.path.dirname(target))
        algorithm, digits = check_digest(digest)
        partial = f"{self._roots.ingest}/{algorithm}-{digits}"
        lock = Lock(f"{partial}.lock")
        pause = 0.002
        while not (lock.try_exclusive() and lock.in_place()):
            lock.release()
            if cancelled():
                raise Cancelled(f"waiting for blob {digest} was cancelled")
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        try:
            return Ingest(digest, size, partial, target, lock)
        except BaseException:
            lock.release()
            raise

    def abandoned(self) -> dict[str, int]:
        """Names and sizes of what :meth:`sweep` would remove now."""
        found = {}
        for name in os.listdir(self._roots.ingest):
            path = f"{self._roots.ingest}/{name}"
            if not name.endswith(".lock") and os.path.exists(f"{path}.lock") and not is_held(f"{path}.lock"):
                with contextlib.suppress(FileNotFoundError):
                    found[name] = os.stat(path).st_size
        return found

    def sweep(self) -> int:
        """Remove what nobody is writing from ``ingest/``; the bytes that came free come back."""
        freed = 0
        for name in sorted(os.listdir(self._roots.ingest)):
            if not name.endswith(".lock"):
                continue
            lock = Lock(f"{self._roots.ingest}/{name}")
            if not lock.try_exclusive():
                continue
            partial = lock.path.removesuffix(".lock")
            try:
                freed += os.stat(partial).st_size
                atomic.discard(partial)
            except FileNotFoundError:
                pass
            finally:
                if lock.in_place():
                    atomic.discard(lock.path)
                lock.release()
        return freed

    def _prepare(self, directory: str) -> None:
        if not os.path.isdir(directory):
            os.makedirs(directory, mode=0o700, exist_ok=True)
        self.mark()

    def mark(self) -> None:
        """Write the file that makes the directory an OCI image layout."""
        marker = f"{self._roots.layout}/oci-layout"
        if not os.path.exists(marker):
            atomic.write_file(marker, _LAYOUT, 0o600)


class Ingest:
    """A blob on its way in. Made by :meth:`Blobs.ingest`.

    Attributes:
        offset: bytes that are there already; the download goes on from here.
        complete: the blob is in the store: nothing has to be written.
    """

    def __init__(self, digest: str, size: int, partial: str, target: str, lock: Lock) -> None:
        self.digest = digest
        self.size = size
        self.offset = 0
        self._partial = partial
        self._target = target
        self._lock = lock
        self._handle = -1
        self.complete = os.path.exists(target)
        self._hash: _Hash = _hasher(digest)
        if not self.complete:
            self._open()

    def write(self, chunk: bytes | memoryview) -> None:
        """Append bytes.

        Raises:
            CorruptData: there are more than announced.
            DiskFull, EngineFault: they can not be written.
        """
        if self.size >= 0 and self.offset + len(chunk) > self.size:
            raise CorruptData(f"blob {self.digest} is larger than the {self.size} bytes announced")
        try:
            atomic.write_all(self._handle, chunk)
        except OSError as error:
            raise faults.from_os(error, f"write blob {self.digest}") from error
        self._hash.update(chunk)
        self.offset += len(chunk)

    def existing(self) -> Iterator[bytes]:
        """The bytes up to :attr:`offset` (all, when :attr:`complete`), in pieces of 1 MiB: for a consumer that unpacks meanwhile."""
        return _chunks(self._target) if self.complete else _chunks(self._partial, self.offset)

    def commit(self) -> None:
        """Verify, make durable, and show to everybody. Does nothing when :attr:`complete`.

        Raises:
            CorruptData: size or digest are wrong; what was ingested is removed.
        """
        if self.complete:
            return
        if self.size >= 0 and self.offset != self.size:
            raise CorruptData(f"blob {self.digest} has {self.offset} of {self.size} bytes")
        found = f"{self.digest.partition(':')[0]}:{self._hash.hexdigest()}"
        if found != self.digest:
            self.discard()
            raise CorruptData(f"blob {self.digest} does not match: its bytes have digest {found}")
        try:
            os.fsync(self._handle)
            os.rename(self._partial, self._target)
            atomic.sync_directory(os.path.dirname(self._target))
        except OSError as error:
            raise faults.from_os(error, f"store blob {self.digest}") from error
        self.complete = True
        atomic.discard(self._lock.path)

    def restart(self) -> None:
        """Begin at byte 0 again, for a server that can not continue."""
        try:
            os.ftruncate(self._handle, 0)
            os.lseek(self._handle, 0, os.SEEK_SET)
        except OSError as error:
            raise faults.from_os(error, f"write blob {self.digest}") from error
        self._hash = _hasher(self.digest)
        self.offset = 0

    def close(self) -> None:
        """Let others at it. What is there stays, to be continued. Idempotent."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        self._lock.release()

    def discard(self) -> None:
        """Remove what is there, and close."""
        if not self.complete:
            atomic.discard(self._partial)
        self.close()

    def _open(self) -> None:
        try:
            self._handle = os.open(self._partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise faults.from_os(error, f"write blob {self.digest}") from error
        try:
            for chunk in _chunks(self._partial):
                self._hash.update(chunk)
                self.offset += len(chunk)
            if 0 <= self.size < self.offset:
                self.restart()
            os.lseek(self._handle, self.offset, os.SEEK_SET)
        except BaseException:
            os.close(self._handle)
            self._handle = -1
            raise


def _chunks(path: str, limit: int = -1) -> Iterator[bytes]:
    """The first ``limit`` bytes of a file (-1: all)."""
    left = limit
    with open(path, "rb", buffering=0) as file:
        while left and (chunk := file.read(_READ_SIZE if left < 0 else min(left, _READ_SIZE))):
            if left > 0:
                left -= len(chunk)
            yield chunk


def check_digest(digest: str) -> tuple[str, str]:
    """Algorithm and digits of a digest that may become a file name (CVE-2024-3727).

    Raises:
        InvalidArgument: it is malformed, or of an algorithm that we do not know.
    """
    algorithm, _, digits = digest.partition(":")
    if len(digits) != _DIGITS.get(algorithm, -1) or not _HEX.issuperset(digits):
        raise InvalidArgument(f"invalid digest: {digest[:150]!r}")
    return algorithm, digits


def _hasher(digest: str) -> _Hash:
    import hashlib

    return hashlib.new(digest.partition(":")[0], usedforsecurity=False)


def _missing(digest: str) -> NotFound:
    return NotFound(f"no such blob: {digest}")
