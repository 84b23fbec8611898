"""What this machine lacks for an ordinary user's engine, as sentences with what to do about it. Looks only, changes nothing."""

from __future__ import annotations

import os

from engine.linux import cgroups
from engine.linux.cgroup_files import read
from engine.rootless import egress, holder
from engine.store.roots import Roots

_TUN = "/dev/net/tun"
_CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids")
_DELEGATE = "/etc/systemd/system/user@.service.d/delegate.conf"


def warnings(roots: Roots) -> tuple[str, ...]:
    """Sentences, most often none; none at all for root's engine."""
    if not os.path.exists(roots.netns):
        return ()
    held = holder.load(roots)
    found = [held.trouble if held is not None else "", network(roots), cgroup()]
    return tuple(filter(None, found))


def network(roots: Roots) -> str:
    """Why containers would reach nothing outside, or ``""``."""
    if egress.missing():
        return egress.MISSING
    if not os.access(_TUN, os.R_OK | os.W_OK):
        return f"{_TUN} can not be opened: containers reach nothing outside; allow it with `sudo modprobe tun && sudo chmod 666 {_TUN}`"
    why = egress.failure(roots)
    return f"containers reach nothing outside: {why}; see {roots.run}/pasta.log" if why else ""


def cgroup() -> str:
    """Why there are no limits, or not all of them, and what to do about it; ``""`` when there are all."""
    layout = cgroups.detect()
    if layout.version == 2:
        given = read(f"{layout.v2}/cgroup.controllers").split()
        lacking = [name for name in _CONTROLLERS if name not in given]
        if not lacking:
            return ""
        return (
            f"the cgroup controllers {', '.join(lacking)} are not delegated to this user: limits of theirs are not to be had; write "
            f"[Service] and Delegate={' '.join(_CONTROLLERS)} to {_DELEGATE}, then `sudo systemctl daemon-reload` and log in again"
        )
    if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        return (
            "no cgroup is delegated to this user: limits, pause and exact statistics are not to be had; log in through systemd, "
            "or run in `systemd-run --user --scope --property Delegate=yes`"
        )
    return (
        "cgroup v1 can not be given to a user: limits, pause and exact statistics are not to be had; "
        "boot with systemd.unified_cgroup_hierarchy=1"
    )
