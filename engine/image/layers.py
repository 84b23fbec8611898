"""The layer store: every layer unpacked once, named by its chain ID, shared by all containers (OCI image-spec, "Layer ChainID").

On disk a layer is ``layers/<hex of the chain ID>/`` with ``diff/``, the overlayfs lower, and ``opaque``, the NUL-separated paths of its
opaque directories. It is made as ``layers/.new-<hex>/`` by a jailed worker, synced, renamed, and only then recorded: a directory without a
record is half-made. The maker holds an flock on the new directory, which serialises processes that unpack the same layer, and tells
:meth:`LayerStore.sweep` what nobody works on any more.

Layers of one image unpack at the same time. Only the last step of each, which looks at the layers below, waits for its parent.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Self

from engine.errors import Cancelled, CorruptData, LongshoreError, NotFound
from engine.image import claims, compression
from engine.image.flusher import Flusher
from engine.image.tree import remove_tree
from engine.image.unpacking import Unpacker
from engine.linux import syscalls, userns
from engine.model import digest
from engine.model.value import Value
from engine.store import faults
from engine.store.database import Database
from engine.store.layers import LayerRecord, Layers
from engine.store.roots import Roots

_NEW = ".new-"
_GONE = ".gone-"
_CHECK = ".check-"
_POLL = 0.02
_BENEATH = 1 | 2 | 4 | 8  # openat2: NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS, BENEATH

Progress = Callable[[int], None]
"""Told how many compressed bytes were handed over so far."""
Stop = Callable[[], bool]
"""Asked now and then; ``True`` gives the operation up."""


class _Job(Value):
    """One call of :meth:`LayerStore.unpack`."""

    diff_id: str
    chain_id: str
    parents: tuple[str, ...]
    progress: Progress
    stop: Stop


class Again(Value):
    """A layer that :meth:`LayerStore.again` has unpacked once more. ``path`` is its directory, as the store has them."""

    record: LayerRecord
    path: str


class LayerStore:
    """The layers of one engine. Safe to use from several threads and processes at once.

    The helper process that unpacks is started with the first layer and lives until :meth:`close`.
    """

    def __init__(self, roots: Roots, db: Database) -> None:
        self._root = roots.layers
        self._layers = Layers(db)
        self._unpacker = Unpacker()
        self._flusher = Flusher(roots.layers)
        self._making: set[str] = set()
        self._swept = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the helper process. Unpackings that still run fail."""
        self._unpacker.close()

    def warm(self) -> None:
        """Start the helper process now, while something else (a manifest, say) is being waited for."""
        self._unpacker.start()

    # -- what is there

    def has(self, chain_id: str) -> bool:
        """The layer is unpacked, whole and durable."""
        return self._layers.has(chain_id) and os.path.isdir(self.path(chain_id))

    def path(self, chain_id: str) -> str:
        """The directory for overlayfs. It exists if :meth:`has` says so.

        Raises:
            InvalidArgument: ``chain_id`` is no digest.
        """
        return f"{self._directory(chain_id)}/diff"

    def lowers(self, chain_ids: Sequence[str]) -> list[str]:
        """Directories for overlayfs' ``lowerdir``, topmost first, of an image's chain IDs (lowest first).

        Raises:
            NotFound: a layer is missing.
        """
        for chain_id in chain_ids:
            if not self.has(chain_id):
                raise NotFound(f"layer {chain_id} is not unpacked", hint="pull the image again")
        return [self.path(chain_id) for chain_id in reversed(chain_ids)]

    def flatten(self, chain_ids: Sequence[str], target: str) -> None:
        """Copy the merged view of an image's layers (lowest first) into the empty directory ``target``, where overlayfs is refused.

        Raises:
            NotFound: a layer is missing.
            DiskFull, EngineFault: it can not be copied.
        """
        from engine.image.flatten import flatten

        lowers = self.lowers(chain_ids)
        try:
            flatten(lowers, target)
        except OSError as error:
            raise faults.from_os(error, f"copy layers to {target}") from error

    def size(self, chain_id: str) -> int:
        """Bytes of the layer's files, as docker counts them; hard links once.

        Raises:
            NotFound: there is no such layer.
        """
        record = self._layers.get(chain_id)
        if record is None:
            raise NotFound(f"layer {chain_id} is not unpacked")
        return record.size

    # -- making

    def unpack(
        self,
        source: Iterable[bytes],
        *,
        diff_id: str,
        parents: Sequence[str] = (),
        progress: Progress | None = None,
        stop: Stop | None = None,
    ) -> str:
        """Unpack the layer whose compressed bytes ``source`` yields, while they arrive; blocks until the layer is durable.

        ``source`` is not touched if the layer is there already or somebody else makes it meanwhile. What it raises is passed on (an
        OSError as one of ours). Call this for several layers at a time from threads, lowest first: it waits for ``parents``
        that are being unpacked by anyone.

        Args:
            diff_id: digest of the uncompressed archive, verified.
            parents: chain IDs of the layers below, lowest first.
            progress, stop: see :data:`Progress` and :data:`Stop`.

        Returns:
            The chain ID.

        Raises:
            CorruptData: the bytes are malformed, hostile or not those of ``diff_id``.
            NotFound: the parent is neither there nor in the making.
            DiskFull: it does not fit.
            Cancelled: ``stop`` said so.
            EngineFault: the kernel refused something.
        """
        digest.check(diff_id)
        job = _Job(
            diff_id=diff_id,
            chain_id=_chained(parents, diff_id),
            parents=tuple(parents),
            progress=progress or _ignore,
            stop=stop or _never,
        )
        if self.has(job.chain_id):
            return job.chain_id
        self._sweep_once()
        self._making.add(job.chain_id)
        try:
            self._make(job, source)
        except OSError as error:
            raise faults.from_os(error, f"unpack layer {digest.short(diff_id)}") from error
        finally:
            self._making.discard(job.chain_id)
        return job.chain_id

    def _make(self, job: _Job, source: Iterable[bytes]) -> None:
        new = f"{self._root}/{_NEW}{_hex(job.chain_id)}"
        lock = self._claim(job, new)
        if lock < 0:
            return
        try:
            os.mkdir(f"{new}/diff", 0o755)
            size, opaque = self._feed(job, source, f"{new}/diff")
            self._mark_opaque(new, opaque)
            self._commit(job, new, size)
        except BaseException:
            remove_tree(new)
            raise
        finally:
            os.close(lock)

    def _feed(self, job: _Job, source: Iterable[bytes], target: str) -> tuple[int, list[bytes]]:
        """Let a worker unpack ``source`` into ``target``: the size, and the directories to mark opaque."""
        head, chunks = _peek(iter(source))
        algorithm = job.diff_id.partition(":")[0]
        parents = [_hex(parent) for parent in job.parents]
        with (
            self._flusher.watch() as watch,
            self._unpacker.begin(target, self._root, compression.sniff(head), algorithm, parents) as worker,
        ):
            done = 0
            for chunk in chunks:
                if job.stop():
                    raise Cancelled(f"unpacking layer {digest.short(job.diff_id)} was cancelled")
                worker.feed(chunk)
                done += len(chunk)
                watch.done(done)
                job.progress(done)
            found = worker.applied()
            if found != job.diff_id:
                raise CorruptData(f"layer {digest.short(job.diff_id)} does not match its diff ID: expected {job.diff_id}, got {found}")
            if job.parents:
                self._wait_for(job.parents[-1], job.stop)
            return worker.settle()

    def _mark_opaque(self, new: str, paths: list[bytes]) -> None:
        """Set overlayfs' attribute, which the jail may not, without following a link out of the layer; note them for later layers."""
        if not paths:
            return
        root = os.open(f"{new}/diff", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            for path in () if userns.contained() else paths:  # there it is made in the jail
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                fd = syscalls.openat2(root, path, flags, 0, _BENEATH)
                try:
                    os.setxattr(fd, "trusted.overlay.opaque", b"y")
                finally:
                    os.close(fd)
        finally:
            os.close(root)
        with open(f"{new}/opaque", "wb") as file:
            file.write(b"".join(path + b"\0" for path in paths))

    def _commit(self, job: _Job, new: str, size: int) -> None:
        final = self._directory(job.chain_id)
        _sync(new, syscalls.syncfs)
        os.rename(new, final)
        _sync(self._root, os.fsync)
        parent_id = job.parents[-1] if job.parents else ""
        self._layers.put(LayerRecord(chain_id=job.chain_id, diff_id=job.diff_id, parent=parent_id, size=size))

    def _claim(self, job: _Job, new: str) -> int:
        """Make ``new`` ours: a descriptor that holds its lock; -1 when somebody else finished the layer meanwhile."""
        while True:
            os.makedirs(self._root, mode=0o700, exist_ok=True)
            try:
                os.mkdir(new, 0o700)
            except FileExistsError:
                pass
            fd = claims.lock(new)
            if fd is not None:
                if self._settled(job.chain_id):
                    for leftover in ("diff", "opaque"):
                        claims.remove(f"{new}/{leftover}")
                    return fd
                claims.remove(new)
                os.close(fd)
            if self.has(job.chain_id):
                return -1
            if job.stop():
                raise Cancelled("waiting for a layer was cancelled")
            time.sleep(_POLL)

    def _settled(self, chain_id: str) -> bool:
        """Nobody has finished the layer, and nobody is between renaming and recording it."""
        final = self._directory(chain_id)
        if self.has(chain_id):
            return False
        if not os.path.isdir(final):
            return True
        fd = claims.lock(final)
        if fd is None:
            return False
        try:
            if self.has(chain_id):
                return False
            self._discard(final)  # its record was lost, or never written
        finally:
            os.close(fd)
        return True

    def _wait_for(self, parent: str, stop: Stop) -> None:
        """Until ``parent`` is there.

        Raises:
            NotFound: nobody makes it.
        """
        while not self.has(parent):
            # Asked before the second look: a maker renames, records, and only then lets go.
            places = (f"{self._root}/{_NEW}{_hex(parent)}", self._directory(parent))
            idle = parent not in self._making and not any(map(claims.is_locked, places))
            if idle and not self.has(parent):
                raise NotFound(f"the layer below, {parent}, is not unpacked")
            if stop():
                raise Cancelled("waiting for a layer was cancelled")
            time.sleep(_POLL)

    # -- looking again

    @contextlib.contextmanager
    def again(self, source: Iterable[bytes], *, diff_id: str, parents: Sequence[str] = (), stop: Stop | None = None) -> Iterator[Again]:
        """Unpack a layer beside the one that may be there, to compare the two or to put it in that one's place.

        Arguments and errors as :meth:`unpack`. What is not put into its place is gone at the end.
        """
        chain_id = _chained(parents, diff_id)
        job = _Job(diff_id=diff_id, chain_id=chain_id, parents=tuple(parents), progress=_ignore, stop=stop or _never)
        path = f"{self._root}/{_CHECK}{os.urandom(8).hex()}"
        try:
            os.mkdir(path, 0o700)
            lock = claims.lock(path)
            try:
                os.mkdir(f"{path}/diff", 0o755)
                size, opaque = self._feed(job, source, f"{path}/diff")
                self._mark_opaque(path, opaque)
                record = LayerRecord(chain_id=chain_id, diff_id=diff_id, parent=parents[-1] if parents else "", size=size)
                yield Again(record=record, path=path)
            finally:
                remove_tree(path)
                if lock is not None:
                    os.close(lock)
        except OSError as error:
            raise faults.from_os(error, f"unpack layer {digest.short(diff_id)} again") from error

    def replace(self, again: Again) -> None:
        """Put a layer where the store has it, whatever was there. The caller made sure that nobody uses that.

        Raises:
            EngineFault: the file system refused.
        """
        final = self._directory(again.record.chain_id)
        try:
            _sync(again.path, syscalls.syncfs)
            if os.path.lexists(final):
                syscalls.exchange(os.fsencode(again.path), os.fsencode(final))
            else:
                os.rename(again.path, final)
            _sync(self._root, os.fsync)
        except OSError as error:
            raise faults.from_os(error, f"replace layer {again.record.chain_id}") from error
        self.record(again.record)

    def record(self, record: LayerRecord) -> None:
        """Make the database say this, and nothing else, of a layer that is there."""
        self._layers.delete(record.chain_id)
        self._layers.put(record)

    # -- removing

    def remove(self, chain_id: str) -> int:
        """Remove a layer; the bytes it held, 0 if it was not there. The caller made sure that nothing uses it.

        Raises:
            EngineFault: the file system refused.
        """
        record = self._layers.get(chain_id)
        self._layers.delete(chain_id)
        try:
            self._discard(self._directory(chain_id))
        except OSError as error:
            raise faults.from_os(error, f"remove layer {chain_id}") from error
        return record.size if record else 0

    def sweep(self) -> int:
        """Remove what interrupted unpackings and removals left behind; how many directories that were.

        Raises:
            EngineFault: the file system refused.
        """
        known = {_hex(record.chain_id) for record in self._layers.all()}
        swept = 0
        try:
            names = sorted(os.listdir(self._root))
        except FileNotFoundError:
            return 0
        for name in names:
            path = f"{self._root}/{name}"
            if name in known:
                continue
            try:
                swept += self._sweep_one(path, name)
            except OSError as error:
                raise faults.from_os(error, f"remove {path}") from error
        return swept

    def _sweep_once(self) -> None:
        """Whoever makes layers clears away what others left, so that a crash costs space only until the next pull."""
        if not self._swept:
            self._swept = True
            try:
                self.sweep()
            except LongshoreError:
                pass  # it did not stand in our way

    def _sweep_one(self, path: str, name: str) -> int:
        if name.startswith(_GONE):
            remove_tree(path)
            return 1
        fd = claims.lock(path)  # a layer between its rename and its record still has its maker's lock
        if fd is None:
            return 0
        try:
            if self._recorded(name):
                return 0
            self._discard(path)
        finally:
            os.close(fd)
        return 1

    def _recorded(self, name: str) -> bool:
        return any(_hex(record.chain_id) == name for record in self._layers.all())

    def _discard(self, path: str) -> None:
        """Remove a directory so that it is never seen half-removed under its name."""
        gone = f"{self._root}/{_GONE}{os.urandom(8).hex()}"
        try:
            os.rename(path, gone)
        except FileNotFoundError:
            return
        remove_tree(gone)

    def _directory(self, chain_id: str) -> str:
        return f"{self._root}/{_hex(chain_id)}"


def _hex(chain_id: str) -> str:
    """A directory name without a colon, which separates overlayfs' lowers."""
    algorithm, digits = digest.split(chain_id)
    return digits if algorithm == "sha256" else f"{algorithm}-{digits}"


def _chained(parents: Sequence[str], diff_id: str) -> str:
    return digest.of(f"{parents[-1]} {diff_id}".encode()) if parents else diff_id


def _sync(path: str, how: Callable[[int], object]) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        how(fd)
    finally:
        os.close(fd)


def _ignore(done: int) -> None:
    pass


def _never() -> bool:
    return False


def _peek(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, enough to tell the compression, and everything."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= compression.MAGIC_LENGTH:
            break

    def whole() -> Iterator[bytes]:
        yield head
        yield from chunks

    return head, whole()
