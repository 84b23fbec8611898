"""The three inotify calls, which Python does not have. ctypes is loaded only by those who wait.

Source: inotify(7).
"""

from __future__ import annotations

import os

IN_MODIFY = 0x002
IN_ATTRIB = 0x004
IN_CREATE = 0x100
IN_MOVED_TO = 0x080
IN_DELETE_SELF = 0x400
_IN_NONBLOCK = os.O_NONBLOCK
_IN_CLOEXEC = os.O_CLOEXEC


class Inotify:
    """One inotify descriptor. ``fd`` is readable when something happened; :meth:`drain` forgets what it was.

    Raises:
        OSError: the kernel refuses (out of instances or watches), or a path does not exist.
    """

    def __init__(self) -> None:
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        libc.inotify_init1.argtypes = (ctypes.c_int,)
        libc.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)
        self._add = libc.inotify_add_watch
        self._errno = ctypes.get_errno
        self.fd: int = libc.inotify_init1(_IN_NONBLOCK | _IN_CLOEXEC)
        if self.fd < 0:
            raise OSError(self._errno(), os.strerror(self._errno()), "inotify")

    def watch(self, path: str, mask: int) -> None:
        """Report ``mask`` for ``path``; watching it again replaces the mask."""
        if self._add(self.fd, os.fsencode(path), mask) < 0:
            code = self._errno()
            raise OSError(code, os.strerror(code), path)

    def drain(self) -> None:
        """Read all pending reports."""
        try:
            while os.read(self.fd, 65536):
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Give the descriptor back. Idempotent."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
