"""The recovery sweep: what every front end does first, so that nothing it shows is a leftover.

Where all is well it costs four queries, two directory listings, and while containers are in networks a look at the firewall.
Only what looks wrong loads the machinery.
"""

from __future__ import annotations

import os
import time
from _socket import if_nametoindex
from typing import Final

from engine.errors import LongshoreError, NotFound
from engine.store.containers import Containers
from engine.store.database import Database
from engine.store.roots import Roots
from engine.supervisor import places

_UNFINISHED: Final = 3600.0
"""Seconds after which a container's directory without a row is garbage, not a container that is being made."""


def sweep(roots: Roots, database: Database) -> list[LongshoreError]:
    """Make every container's recorded state true and take away what dead supervisors and removals left.

    What can not be repaired comes back, for the caller to show; the rest is repaired all the same.
    """
    failed: list[LongshoreError] = []
    for container_id in suspects(roots, database):
        try:
            _settle(roots, database, container_id)
        except LongshoreError as error:
            failed.append(error)
    for path in orphans(roots, database):
        from engine.supervisor.trees import remove_tree

        try:
            remove_tree(path)
        except LongshoreError as error:
            failed.append(error)
    if database.query("SELECT 1 FROM volumes WHERE options NOT IN ('', '{}') LIMIT 1"):
        from engine.supervisor import loans

        try:
            loans.settle(roots, database)
        except LongshoreError as error:
            failed.append(error)
    if rules_are_gone(roots, database):
        from engine.network.manager import NetworkManager

        try:
            NetworkManager(roots, database).mend()
        except LongshoreError as error:
            failed.append(error)
    return failed


def _settle(roots: Roots, database: Database, container_id: str) -> None:
    from engine.supervisor import recovery

    database.spared(lambda: recovery.settle(roots, database, container_id))


def rules_are_gone(roots: Roots, database: Database) -> bool:
    """Somebody flushed nftables: a bridge of ours is in use in this network namespace, and its rules are not there."""
    rows = database.query("SELECT DISTINCT bridge FROM networks JOIN leases ON networks.id = leases.network_id")
    if os.path.exists(roots.netns) or not any(_is_here(row["bridge"]) for row in rows):
        return False  # nobody else makes rules in an ordinary user's network namespace
    from engine.linux import nft_watch
    from engine.network import names

    try:
        return not nft_watch.is_loaded(names.table(roots))
    except OSError:  # this process may not ask
        return False


def _is_here(interface: str) -> bool:
    try:
        return bool(if_nametoindex(interface))
    except OSError:
        return False


def suspects(roots: Roots, database: Database) -> set[str]:
    """Ids of containers that seem to have lost their supervisor."""
    found = {record_id for record_id in _recorded_live(database) if not places.alive(roots, record_id)}
    for short in places.deserted(roots):
        try:
            found.add(Containers(database).resolve(short).id)
        except NotFound:
            continue  # removed; its run directory is among the orphans
    return found


def orphans(roots: Roots, database: Database) -> list[str]:
    """Directories of containers that are gone: their remover died before it got there."""
    known = {row["id"] for row in database.query("SELECT id FROM containers")}
    short = {container_id[:12] for container_id in known}
    found = [f"{roots.run}/containers/{name}" for name in places.deserted(roots) if name not in short]
    for name in _names(roots.containers):
        if name in known:
            continue
        path = f"{roots.containers}/{name}"
        try:
            old = time.time() - os.stat(path).st_mtime > _UNFINISHED
        except FileNotFoundError:
            continue
        if old:
            found.append(path)
    return found


def _recorded_live(database: Database) -> list[str]:
    rows = database.query("SELECT id FROM containers WHERE status IN ('running', 'paused', 'restarting', 'removing')")
    return [row["id"] for row in rows]


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []
