"""Volumes: a directory for every record, and a record for every directory. What is in them is never touched."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from engine.backends.embedded.checkup.visit import Mend, Visit, quiet
from engine.model.check import CheckEvent, CheckProgress
from engine.store import events
from engine.store.volumes import VolumeRecord

_YOUNG = 60.0
"""Seconds in which a directory without a record may be a volume that is being made or removed."""
_HEX = frozenset("0123456789abcdef")


def look(visit: Visit) -> Iterator[CheckEvent]:
    """A directory that nobody knows becomes a volume again, so that it can be seen and removed."""
    core = visit.core
    records = {record.name: record for record in core.volumes.all()}
    yield CheckProgress(stage="volumes", total=len(records))
    for name in records:
        path = core.roots.volume_dir(name)
        if not os.path.isdir(path) and any(record.name == name for record in core.volumes.all()):
            hint = f"`longshore volume rm {name}` forgets it; restore {path} if there is a copy"
            yield visit.finding(f"volume {name}", f"its files are gone: there is no {path}", otherwise=hint)
    for entry in sorted(os.scandir(core.roots.volumes), key=lambda entry: entry.name):
        if entry.name in records or not entry.is_dir(follow_symlinks=False):
            continue
        if time.time() - entry.stat(follow_symlinks=False).st_mtime < _YOUNG or not os.path.isdir(core.roots.volume_dir(entry.name)):
            continue
        act = quiet(_adopt, visit, entry.name, entry.stat(follow_symlinks=False).st_mtime)
        mend = Mend(will="a repair makes it a volume again", done=f"it is volume {entry.name} again", act=act)
        yield visit.finding(entry.path, "no volume of that name is known", mend)
    yield CheckProgress(stage="volumes", done=len(records), total=len(records))


def _adopt(visit: Visit, name: str, made: float) -> None:
    anonymous = len(name) == 64 and _HEX.issuperset(name)
    record = VolumeRecord(name=name, created_at=made, anonymous=anonymous)
    visit.core.volumes.insert(record, events.make("volume", "create", name, {"driver": record.driver}))
