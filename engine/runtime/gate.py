"""The wait between OCI's ``create`` and ``start``: the process that made a container's init is gone, another one lets it run.

::

    init                                    oci start
    opens exec.fifo for reading and writing, before pivot_root
    reads it ──────────── waits             opens exec.fifo for writing: ENXIO says that nobody waits
             ◀──────────── one byte ─────── writes
    startContainer hooks                    polls its end
    execve: both descriptors close ───────▶ POLLERR: the program runs, or start-error says why not

Opened for both, the fifo never ends for init, and dies with it: no stale file can be taken for a waiting container. runc's
``start`` returns before execve and never hears of its failure; ours does, and hooks that follow run when the program does.

Here is what ``start`` needs, and nothing that would make it slow; init's side is :mod:`engine.runtime.waiting`.
"""

from __future__ import annotations

import os
import select
from collections.abc import Mapping
from typing import Any

from engine.errors import Conflict
from engine.store import codec

FIFO = "exec.fifo"
REPORT = "start-error"


def prepare(directory: str) -> None:
    """Make the fifo and the report in a container's state directory. Raises OSError."""
    os.mkfifo(f"{directory}/{FIFO}", 0o600)
    os.close(os.open(f"{directory}/{REPORT}", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def state_json(state: Mapping[str, Any], status: str, pid: int) -> bytes:
    """The state of runtime-spec ``runtime.md``, as hooks get it."""
    return codec.dumps({**state, "status": status, "pid": pid}).encode()


def let_pass(directory: str) -> None:
    """For ``start``: let the init run its program, and return when it does.

    Raises:
        Conflict: nobody waits.
        LongshoreError: why the program can not run; init has ended then.
    """
    try:
        fifo = os.open(f"{directory}/{FIFO}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        raise Conflict("the container does not wait to be started") from None
    try:
        os.unlink(f"{directory}/{FIFO}")
        os.write(fifo, b"0")
        poll = select.poll()
        poll.register(fifo, 0)  # POLLERR comes unasked: the last reader has gone
        poll.poll()
    except FileNotFoundError:
        raise Conflict("the container is being started already") from None
    finally:
        os.close(fifo)
    error = _report(directory)
    if error:
        raise error


def _report(directory: str) -> Exception | None:
    with open(f"{directory}/{REPORT}", "rb") as file:
        text = file.read()
    if not text:
        return None
    from engine.runtime import dialogue

    return dialogue.unpack_error(text)
