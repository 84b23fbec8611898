"""Every blob: read, and held against its digest."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from functools import partial

from engine.backends.embedded.checkup.visit import Mend, Visit
from engine.model.check import CheckEvent, CheckProgress
from engine.store import atomic
from engine.store.blobs import check_digest
from engine.store.images import ImageRecord
from engine.store.locks import Lock

_PIECE = 1 << 20


def look(visit: Visit) -> Iterator[CheckEvent]:
    """Digest every blob; what is no blob in their directory is told too."""
    found = sorted(visit.blobs.all())
    for number, digest in enumerate(found):
        yield CheckProgress(stage="blobs", done=number, total=len(found))
        reason = wrong(visit, digest)
        if reason is None:
            visit.whole.add(digest)
            continue
        if not reason:
            continue  # removed meanwhile
        users = [record for record in visit.core.images.all() if digest in (record.id, record.manifest_digest, *record.blobs)]
        mend = Mend(will=_will(visit, users), done="removed", act=partial(_remove, visit, digest, users))
        yield visit.finding(f"blob {digest}", reason, mend)
    yield CheckProgress(stage="blobs", done=len(found), total=len(found))
    for path in _strangers(visit):
        yield visit.finding(path, "it is no blob", otherwise="nothing here needs it; remove it yourself if it is not yours")


def wrong(visit: Visit, digest: str) -> str | None:
    """What is wrong with a blob; ``None``: nothing, ``""``: it is not there."""
    path = visit.blobs.path(digest)
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return "it is no file"
        algorithm = hashlib.new(digest.partition(":")[0], usedforsecurity=False)
        with open(path, "rb", buffering=0) as file:
            while chunk := file.read(_PIECE):
                visit.go_on()
                algorithm.update(chunk)
            size = file.tell()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"it can not be read: {os.strerror(error.errno or errno.EIO).lower()}"
    actual = algorithm.hexdigest()
    return None if actual == digest.partition(":")[2] else f"its {size} bytes have digest {algorithm.name}:{actual}"


def _will(visit: Visit, users: list[ImageRecord]) -> str:
    return f"a repair removes it, so that the next pull of {visit.users(users)} brings it again" if users else "a repair removes it"


def _remove(visit: Visit, digest: str, users: list[ImageRecord]) -> str | None:
    """Under the lock of whoever writes it: a pull may just have brought the right one."""
    algorithm, digits = check_digest(digest)
    with Lock(f"{visit.core.roots.ingest}/{algorithm}-{digits}.lock") as lock:
        reason = wrong(visit, digest)
        if reason:
            _unlink(visit.blobs.path(digest))
        else:
            visit.whole.update((digest,) if reason is None else ())
        if lock.in_place():
            atomic.discard(lock.path)
    if not users or reason is None:
        return None
    return f"removed; `longshore pull {visit.users(users[:1])}` brings it again"


def _unlink(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        os.rmdir(path)
    else:
        os.unlink(path)


def _strangers(visit: Visit) -> list[str]:
    top = f"{visit.core.roots.layout}/blobs"
    known = {visit.blobs.path(digest) for digest in visit.blobs.all()}
    found = [f"{directory}/{name}" for directory, _, names in os.walk(top) for name in names]
    return sorted(path for path in found if path not in known)
