"""Fork a sibling: a child of our own parent, by clone(2) with CLONE_PARENT.

A supervisor lets a short-lived helper do the heavy work of a start, so that its own memory stays shared with the
spawner's. The container's first process must be the supervisor's child all the same: it is to die with the
supervisor (PR_SET_PDEATHSIG goes by the parent), and to be waited for by it. runc's ``nsexec`` does the same, for the same reason.

Everything that :func:`os.fork` does around the system call is done here too (``PyOS_BeforeFork`` and its companions), and
``PyDLL`` keeps the interpreter's lock. What glibc's own ``fork`` adds concerns processes with several threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Final

_CLONE_PARENT: Final = 0x8000
_NUMBER: Final = {"x86_64": 56, "aarch64": 220}.get(os.uname().machine, -1)

_python = ctypes.pythonapi
for _name in ("PyOS_BeforeFork", "PyOS_AfterFork_Child", "PyOS_AfterFork_Parent"):
    getattr(_python, _name).restype = None
    getattr(_python, _name).argtypes = ()
_syscall = ctypes.PyDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long
_syscall.argtypes = (ctypes.c_long, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


def fork() -> int:
    """As :func:`os.fork`, but the child's parent is ours, who also gets its SIGCHLD. For processes with one thread.

    Raises:
        OSError: the kernel refuses; ENOSYS on an architecture whose numbers we do not know.
    """
    if _NUMBER < 0:
        raise OSError(38, os.strerror(38), "clone")
    _python.PyOS_BeforeFork()
    pid = _syscall(_NUMBER, _CLONE_PARENT | signal.SIGCHLD, None, None, None, None)
    if pid == 0:
        _python.PyOS_AfterFork_Child()
        return 0
    error = ctypes.get_errno()
    _python.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(error, os.strerror(error), "clone")
    return int(pid)
