"""Signals 32 and 33, which glibc keeps for itself.

``posix_spawn`` sets them to be ignored in its child and never back, and glibc's ``sigaction`` refuses to touch them. What is
ignored stays so over every execve: a container's programs would inherit it from the spawner. The bare system call does not mind.
"""

from __future__ import annotations

import ctypes
import os
from typing import Final

_NUMBER: Final = {"x86_64": 13, "aarch64": 134}.get(os.uname().machine, -1)
_INTERNAL: Final = (32, 33)


def reset() -> None:
    """Give both their default action; on an architecture whose numbers we do not know, nothing happens."""
    if _NUMBER < 0:
        return
    call = ctypes.CDLL(None).syscall
    call.restype = ctypes.c_long
    call.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t)
    for number in _INTERNAL:
        call(_NUMBER, number, bytes(64), None, 8)  # struct sigaction of zeros: SIG_DFL, no flags, empty mask
