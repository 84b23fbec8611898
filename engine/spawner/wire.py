"""Frames between front ends, spawner and supervisors: one byte of kind, four of length, then the payload.

::

    client                                   spawner or supervisor
      REQUEST {"op": …}                ->
                                       <-    TAKEN               (spawner only: a supervisor answers from here on)
                                       <-    REPLY {…} | ERROR {kind, message, hint}
      STDIN, STDIN_END, RESIZE         ->                        (attach and exec only)
                                       <-    STDOUT, STDERR, EXIT {…}

The sockets lie in directories of mode 0700 and the accepting side asks the kernel who called (``SO_PEERCRED``), so
a peer is as trusted as we are; frames are bounded all the same, because a bug is not.
"""

from __future__ import annotations

import _socket as bare
import errno
import os
import struct
from typing import TYPE_CHECKING, Any, Final

from engine.errors import CorruptData, LongshoreError, Unavailable, by_name
from engine.store import codec

if TYPE_CHECKING:
    import socket

REQUEST: Final = 1
REPLY: Final = 2
ERROR: Final = 3
TAKEN: Final = 4
STDIN: Final = 5
STDIN_END: Final = 6
RESIZE: Final = 7
STDOUT: Final = 8
STDERR: Final = 9
EXIT: Final = 10

LIMIT: Final = 4 << 20
"""The longest payload that is accepted, in bytes."""

BACKLOG: Final = 64
"""Clients that may wait to be accepted."""

HEADER: Final = struct.Struct("!BI")
_CREDENTIALS: Final = struct.Struct("3i")


def frame(kind: int, payload: bytes = b"") -> bytes:
    """A frame, ready to be sent."""
    return HEADER.pack(kind, len(payload)) + payload


def message(kind: int, fields: dict[str, Any]) -> bytes:
    """A frame whose payload is a JSON object."""
    return frame(kind, codec.dumps(fields).encode())


def error_frame(error: LongshoreError) -> bytes:
    """The ERROR frame that makes the peer raise the same error."""
    return message(ERROR, {"kind": type(error).__name__, "message": error.message, "hint": error.hint})


def fields_of(payload: bytes) -> dict[str, Any]:
    """The JSON object of a payload.

    Raises:
        CorruptData: it is none.
    """
    try:
        fields = codec.loads(payload.decode())
    except (ValueError, StopIteration):
        fields = None
    if not isinstance(fields, dict):
        raise CorruptData("a frame that should hold a JSON object does not")
    return fields


def error_of(payload: bytes) -> LongshoreError:
    """The error that an ERROR frame carries."""
    fields = fields_of(payload)
    return by_name(str(fields.get("kind", "")))(str(fields.get("message", "")), hint=str(fields.get("hint", "")))


class FrameBuffer:
    """Puts frames together again from a byte stream that was cut anywhere."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take received bytes; the frames that are complete now come back.

        Raises:
            CorruptData: a frame claims to be longer than :data:`LIMIT`.
        """
        self._data += data
        frames: list[tuple[int, bytes]] = []
        start, have = 0, len(self._data)
        while have - start >= HEADER.size:
            kind, length = HEADER.unpack_from(self._data, start)
            if length > LIMIT:
                raise CorruptData(f"a frame of {length} bytes is over the limit")
            end = start + HEADER.size + length
            if end > have:
                break
            frames.append((kind, bytes(self._data[start + HEADER.size : end])))
            start = end
        del self._data[:start]
        return frames


def receive(sock: bare.socket) -> tuple[int, bytes] | None:
    """Wait for one frame on a blocking socket; ``None`` when the peer has gone.

    Raises:
        CorruptData: a frame claims to be longer than :data:`LIMIT`.
    """
    header = _receive_exactly(sock, HEADER.size)
    if header is None:
        return None
    kind, length = HEADER.unpack(header)
    if length > LIMIT:
        raise CorruptData(f"a frame of {length} bytes is over the limit")
    payload = _receive_exactly(sock, length) if length else b""
    return None if payload is None else (kind, payload)


def _receive_exactly(sock: bare.socket, count: int) -> bytes | None:
    parts: list[bytes] = []
    while count:
        try:
            part = sock.recv(count)
        except ConnectionError:
            return None
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def peer_is_trusted(sock: bare.socket) -> bool:
    """Whether the other end runs as root or as us."""
    raw = sock.getsockopt(bare.SOL_SOCKET, bare.SO_PEERCRED, _CREDENTIALS.size)
    return _CREDENTIALS.unpack(raw)[1] in (0, os.geteuid())


def listen(path: str) -> socket.socket:
    """A listening socket at ``path``; a stale one there is replaced. The caller holds the lock that makes this safe."""
    import socket

    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    directory = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
    name = os.path.basename(path)
    try:
        try:
            os.unlink(name, dir_fd=directory)
        except FileNotFoundError:
            pass
        # Through the descriptor, because sun_path holds 108 bytes and run roots may be longer.
        sock.bind(f"/proc/self/fd/{directory}/{name}")
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    finally:
        os.close(directory)
    return sock


def connect(path: str) -> bare.socket | None:
    """A connection to the socket at ``path``; ``None`` when nobody listens there.

    The bare kind: a verb that only asks a supervisor would wait for the imports of the other.

    Raises:
        Unavailable: the socket is there and may not be used.
    """
    try:
        directory = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    sock = bare.socket(bare.AF_UNIX, bare.SOCK_STREAM)
    try:
        sock.connect(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
    except OSError as error:
        sock.close()
        if error.errno in (errno.ENOENT, errno.ECONNREFUSED, errno.ECONNRESET):
            return None
        raise Unavailable(f"{path}: {os.strerror(error.errno or 0)}") from error
    finally:
        os.close(directory)
    return sock
