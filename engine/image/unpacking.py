"""The front end's side of :mod:`engine.image.unpacker`: starts the helper process and talks to its workers.

What a worker says is hostile: it reads archives from strangers. Every message is bounded and parsed strictly, and names nothing
but paths below the layer being made.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
from _thread import allocate_lock
from collections.abc import Sequence
from types import TracebackType

from engine.errors import CorruptData, EngineFault, by_name
from engine.image.names import MAX_PATH

_CODE = "import sys; sys.path[:] = sys.argv[1:]; from engine.image.unpacker import main; main()"
_PIPE_SIZE = 1 << 20
_MESSAGE = 64 << 10
_MAX_OPAQUE = 1 << 20
_F_SETPIPE_SZ = 1031


class Unpacker:
    """The helper process, started when it is first needed and again should it have died. Any thread may call."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._pid = 0
        self._socket: socket.socket | None = None

    def start(self) -> None:
        """Start the helper unless it runs.

        Raises:
            EngineFault: the interpreter can not be started.
        """
        with self._lock:
            self._connected()

    def close(self) -> None:
        """End the helper and wait for it. Idempotent."""
        with self._lock:
            self._forget()

    def begin(self, target: str, layers: str, kind: str, algorithm: str, parents: Sequence[str]) -> Worker:
        """A worker that unpacks into the directory ``target``; ``parents`` are chain IDs below ``layers``, lowest first.

        Raises:
            EngineFault: the helper can not be started.
        """
        read_end, write_end = os.pipe()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            try:
                fcntl.fcntl(write_end, _F_SETPIPE_SZ, _PIPE_SIZE)
            except OSError:
                pass  # the user's share of pipe memory is used up: it works with less
            words = (kind, algorithm, target, layers, *parents)
            request = "\0".join(words).encode("utf-8", "surrogateescape")
            with self._lock:
                try:
                    socket.send_fds(self._connected(), [request], [read_end, theirs.fileno()])
                except OSError:  # it died since: a fresh one, once
                    self._forget()
                    socket.send_fds(self._connected(), [request], [read_end, theirs.fileno()])
        except BaseException as error:
            os.close(write_end)
            ours.close()
            if isinstance(error, OSError):
                raise EngineFault(f"the unpacker does not answer: {error}") from error
            raise
        finally:
            os.close(read_end)
            theirs.close()
        return Worker(write_end, ours)

    def _connected(self) -> socket.socket:
        if self._socket is not None and not self._ended():
            return self._socket
        self._forget()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        paths = [os.path.abspath(path) for path in sys.path if path]
        command = [sys.executable, "-I", "-S", "-B", "-c", _CODE, root, *paths]
        actions = [
            (os.POSIX_SPAWN_DUP2, theirs.fileno(), 0),
            (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
        ]
        try:
            # Not subprocess, which takes longer to import than this takes to run; its own session, so that ^C is not for it.
            self._pid = os.posix_spawn(
                sys.executable, command, {}, file_actions=actions, setsid=True, setsigmask=(), setsigdef=(signal.SIGPIPE, signal.SIGCHLD)
            )
        except OSError as error:
            ours.close()
            raise EngineFault(f"the unpacker can not be started: {error}") from error
        finally:
            theirs.close()
        self._socket = ours
        return ours

    def _ended(self) -> bool:
        try:
            if self._pid and os.waitpid(self._pid, os.WNOHANG)[0] == 0:
                return False
        except ChildProcessError:
            pass  # somebody reaped it for us
        self._pid = 0
        return True

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if not self._ended():
            os.kill(self._pid, signal.SIGKILL)  # not yet reaped, so the number is still its; its child, PID 1 of the workers, follows
            os.waitpid(self._pid, 0)
            self._pid = 0


class Worker:
    """One layer being unpacked. As a context manager it waits at the end until the worker is gone."""

    def __init__(self, data: int, talk: socket.socket) -> None:
        self._data = data
        self._talk = talk

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end_data()
        try:
            self._talk.shutdown(socket.SHUT_WR)  # whatever it waits for, it gets an end of file
            while self._talk.recv(_MESSAGE):
                pass
        except OSError:
            pass
        self._talk.close()

    def feed(self, chunk: bytes) -> None:
        """Hand over compressed bytes; blocks while the worker is behind.

        Raises:
            CorruptData, DiskFull, EngineFault: what the worker stumbled over.
        """
        view = memoryview(chunk)
        while view:
            try:
                done = os.write(self._data, view)
            except BrokenPipeError:
                self._expect(b"")  # raises what the worker said last
                raise EngineFault("the unpacker stopped reading") from None
            view = view[done:]

    def applied(self) -> str:
        """Say that all bytes were handed over; the digest of the uncompressed archive.

        Raises:
            CorruptData, DiskFull, EngineFault: what the worker stumbled over.
        """
        self._end_data()
        return self._expect(b"applied").decode("ascii", "replace")

    def settle(self) -> tuple[int, list[bytes]]:
        """Let it finish, now that the layers below are there: the layer's size, and the directories to mark opaque.

        Raises:
            CorruptData, EngineFault: what the worker stumbled over.
        """
        try:
            self._talk.send(b"settle")
        except OSError as error:
            raise EngineFault(f"the unpacker died: {error}") from error
        opaque: list[bytes] = []
        while True:
            word, rest = self._receive()
            if word == b"opaque" and len(rest) <= MAX_PATH and len(opaque) < _MAX_OPAQUE:
                opaque.append(rest)
            elif word == b"done" and rest.isdigit() and len(rest) < 20:
                return int(rest), opaque
            else:
                raise EngineFault("the unpacker answered nonsense")

    def _expect(self, wanted: bytes) -> bytes:
        word, rest = self._receive()
        if word != wanted:
            raise EngineFault("the unpacker answered nonsense")
        return rest

    def _receive(self) -> tuple[bytes, bytes]:
        try:
            message = self._talk.recv(_MESSAGE)
        except OSError as error:
            raise EngineFault(f"the unpacker died: {error}") from error
        if not message:
            raise EngineFault("the unpacker died", hint="look for out-of-memory kills in the kernel's log")
        word, _, rest = message.partition(b"\0")
        if word == b"error":
            name, text, hint = (*rest.decode("utf-8", "replace").split("\0"), "", "", "")[:3]
            kind = by_name(name)
            raise (kind if issubclass(kind, EngineFault) or name == "NotSupported" else CorruptData)(text[:2000], hint=hint[:500])
        return word, rest

    def _end_data(self) -> None:
        if self._data >= 0:
            os.close(self._data)
            self._data = -1
