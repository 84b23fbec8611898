"""``--console-socket``: the master of a pseudo terminal to who asked for it (runc ``docs/terminals.md``)."""

from __future__ import annotations

import os
import socket

from engine.errors import InvalidArgument
from engine.linux.syscalls import reason


def connect(path: str) -> socket.socket:
    """A connection to the socket at ``path``.

    Raises:
        InvalidArgument: nobody listens there.
    """
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            line.connect(path)
        except OSError as error:
            if "too long" not in str(error):
                raise
            line.connect(_short(path))  # a socket's path has 107 bytes at most
    except OSError as error:
        line.close()
        raise InvalidArgument(f"connect to console socket {path}: {reason(error)}") from None
    return line


def _short(path: str) -> str:
    directory = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return f"/proc/self/fd/{directory}/{os.path.basename(path)}"


def send(line: socket.socket, master: int) -> None:
    """Hand the descriptor over, with a name for it as runc does, and close the connection."""
    with line:
        socket.send_fds(line, [b"/dev/ptmx"], [master])
