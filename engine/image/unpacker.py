"""The unpacker: a warm, jailed helper process that forks one worker a layer.

::

    front end                          unpacker (PID 1 of its own namespaces)      worker (one a layer)
       | -- request, data, talk -----------> |                                        |
       |                                     | -- fork -----------------------------> | locks itself in, reads data
       | <--------------------------------------------- "applied" and the diff ID --- |
       | --- "settle", once the layers below exist ---------------------------------> |
       | <--------------------- "opaque" with a path, any number; "done", the size --- | exits
       | <------------------------------------ or at any time: "error", kind, text --- |

A fresh interpreter, because the front end has threads; one for all layers, because it takes 40 ms to start and a fork 2. It ends when
the front end closes its socket or dies, and all its workers with it. Inside a worker one thread decompresses and digests while the other
makes files: both leave the interpreter's lock for most of their time.
"""

from __future__ import annotations

import gc
import hashlib
import os
import signal
import socket
from _queue import SimpleQueue
from _thread import allocate_lock, start_new_thread
from collections.abc import Iterator

from engine.errors import EngineFault, LongshoreError
from engine.image import compression, jail
from engine.image.apply import Applier, failure
from engine.image.lower import Lowers
from engine.image.settle import settle
from engine.image.tar import TarReader
from engine.linux import syscalls

MAX_REQUEST = 128 << 10
_AHEAD = 4
"""Decompressed pieces that may wait: enough to keep both threads busy, and what bounds the memory."""


class _Pump:
    """Decompresses and digests in a thread of its own; iterates over the pieces."""

    def __init__(self, fd: int, kind: str, algorithm: str) -> None:
        self._fd = fd
        self._kind = kind
        self._digest = hashlib.new(algorithm)
        self._pieces: SimpleQueue[bytes | LongshoreError | None] = SimpleQueue()
        self._slots: SimpleQueue[None] = SimpleQueue()
        for _ in range(_AHEAD):
            self._slots.put(None)
        self._ended = allocate_lock()
        self._ended.acquire()
        start_new_thread(self._run, ())

    def __iter__(self) -> Iterator[bytes]:
        while (piece := self._pieces.get()) is not None:
            if isinstance(piece, LongshoreError):
                raise piece
            self._slots.put(None)
            yield piece

    def diff_id(self) -> str:
        """The digest of everything, after the last piece was taken."""
        self._ended.acquire()
        return f"{self._digest.name}:{self._digest.hexdigest()}"

    def _run(self) -> None:
        try:
            for piece in compression.decoded(self._kind, self._read):
                self._slots.get()
                self._pieces.put(piece)
                self._digest.update(piece)
            self._pieces.put(None)
        except LongshoreError as error:
            self._pieces.put(error)
        except (OSError, MemoryError) as error:
            self._pieces.put(EngineFault(f"reading the layer failed: {error}"))
        finally:
            self._ended.release()

    def _read(self, size: int) -> bytes:
        return os.read(self._fd, size)


def serve(connection: socket.socket) -> None:
    """Be the unpacker until ``connection`` ends."""
    walls = jail.Walls(rootless=jail.enter_namespaces())
    pid = os.fork()
    if pid:
        connection.close()
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    os.umask(0)
    gc.disable()
    gc.collect()
    gc.freeze()
    while True:
        request, fds, _, _ = socket.recv_fds(connection, MAX_REQUEST, 2)
        if not request:
            os._exit(0)
        job = _Job(request, fds)
        compression.preload(job.kind)
        if os.fork() == 0:
            connection.close()
            _work(job, walls)
        job.talk.close()
        os.close(job.data)


class _Job:
    """A request: which compression and digest the data has, where it goes, and what lies below (directory names, lowest first)."""

    def __init__(self, request: bytes, fds: list[int]) -> None:
        self.data, talk = fds
        self.talk = socket.socket(fileno=talk)
        words = request.decode("utf-8", "surrogateescape").split("\0")
        self.kind, self.algorithm, self.target, self.layers, *self.parents = words


def _work(job: _Job, walls: jail.Walls) -> None:
    """Unpack one layer and exit. Errors are told, never raised: a traceback would open source files inside the jail."""
    talk = job.talk
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        root, lower_root = jail.lock_in(job.target, job.layers, walls)
        _unpack(job, root, lower_root, walls)
        os._exit(0)
    except LongshoreError as error:
        _tell(talk, "error", type(error).__name__, error.message, error.hint)
    except OSError as error:
        _tell(talk, "error", "EngineFault", f"unpacking the layer failed: {error}", "")
    except MemoryError:
        _tell(talk, "error", "CorruptData", "the layer needs too much memory to unpack", "")
    except BaseException as error:
        _tell(talk, "error", "EngineFault", f"unpacking the layer failed: {type(error).__name__} {error}", "")
    finally:
        os._exit(1)


def _unpack(job: _Job, root: int, lower_root: int, walls: jail.Walls) -> None:
    talk = job.talk
    pump = _Pump(job.data, job.kind, job.algorithm)
    applier = Applier(root, rootless=walls.rootless, alone=walls.alone)
    applier.run(TarReader(iter(pump)))
    _tell(talk, "applied", pump.diff_id())
    if talk.recv(64) != b"settle":
        return  # the front end gave up
    try:
        opaque = settle(applier, Lowers(lower_root, job.parents))
    except OSError as error:
        raise failure(error, b"") from error
    for path in opaque:
        talk.send(b"opaque\0" + path)
    _tell(talk, "done", str(max(applier.size, 0)))


def _tell(talk: socket.socket, *words: str) -> None:
    try:
        talk.send("\0".join(words).encode("utf-8", "surrogateescape")[:60000])
    except OSError:
        pass


def main() -> None:
    """Entry point of the process: the socket is standard input, and nothing else that the front end had open is ours."""
    syscalls.close_range(3)
    connection = socket.socket(fileno=os.dup(0))
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    os.dup2(null, 0)  # a worker must not be able to answer for another
    os.close(null)
    serve(connection)
