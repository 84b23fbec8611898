"""The way in: what an ordinary user's front end does before it opens the embedded engine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from engine.rootless import holder
from engine.store.locks import Lock
from engine.store.owner import MARK
from engine.store.roots import Roots

if TYPE_CHECKING:
    from engine.rootless.idmap import Mapping

_LOCK = "userns.lock"


def enter(roots: Roots) -> str:
    """Become root of the user's namespace, which is made when there is none. For a process with one thread; root stays as it is.

    Returns:
        When the namespace is new: what is missing on this machine, as a sentence with what to do. Else ``""``.

    Raises:
        NotSupported: the kernel allows the user no namespace.
        Forbidden, DiskFull, EngineFault: the run root can not be used, or this process has several threads.
    """
    uid = os.geteuid()
    if uid == 0:
        return ""
    roots.ensure()
    if not os.environ.get("HOME"):
        os.environ["HOME"] = os.path.expanduser("~")  # root of the namespace has another one
    held = holder.load(roots)
    pidfd = holder.alive(held)
    if held is not None and pidfd >= 0 and not (held.trouble and _mended(roots, held, uid)):
        _go(held, pidfd, uid)
        return ""
    if pidfd >= 0:
        os.close(pidfd)
    with Lock(f"{roots.run}/{_LOCK}"):
        return _settle(roots, uid)


def _settle(roots: Roots, uid: int) -> str:
    """Find out whose turn it is: a rival's holder, a survivor's, or nobody's. Under the lock."""
    from engine.rootless import egress, making

    held = holder.load(roots)
    if held is not None:
        if held.trouble and _mended(roots, held, uid):
            holder.dismiss(held)
        pidfd = holder.alive(held)
        if pidfd >= 0:
            _go(held, pidfd, uid)
            return ""
        pidfd = holder.survivor(held)
        if pidfd >= 0:
            _go(held, pidfd, uid)
            making.replace(roots, held)
            return ""
    egress.dismiss(roots)  # of a network namespace that is gone
    made = making.make(roots, _mapping(uid))
    _go(made, os.pidfd_open(made.pid), uid)
    return made.trouble


def _go(held: holder.Held, pidfd: int, uid: int) -> None:
    try:
        holder.join(pidfd)
    finally:
        os.close(pidfd)
    os.environ[MARK] = str(uid)


def _mended(roots: Roots, held: holder.Held, uid: int) -> bool:
    """What was missing is there now, and nothing runs that would stay behind in the old namespace."""
    return _mapping(uid).text() != held.mapping and holder.deserted(roots, held)


def _mapping(uid: int) -> Mapping:
    import pwd

    from engine.rootless import idmap

    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return idmap.plan(uid, os.getegid(), name)
