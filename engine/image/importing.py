"""``import``: an image of one layer out of a root file system's archive.

Source: moby ``daemon/images/image_import.go``.
"""

from __future__ import annotations

import time

from engine.errors import InvalidArgument
from engine.image import catalog, changes, intake
from engine.image.documents import read_config
from engine.image.intake import Intake
from engine.image.layers import LayerStore
from engine.image.resolve import parse_platform
from engine.image.spool import Spool
from engine.model import platform as platforms
from engine.model.reference import Reference, parse
from engine.model.units import rfc3339_nano
from engine.model.value import Value
from engine.store import events
from engine.store.database import Database
from engine.store.images import Images
from engine.store.locks import Lock
from engine.store.roots import Roots


class ImportRequest(Value):
    """What is to become of an archive.

    Attributes:
        reference: the name, ``""`` for none.
        changes: Dockerfile instructions for the config.
        message: the comment of the one step of its history.
        platform: ``os/architecture[/variant]``, ``""`` for this machine's.
    """

    reference: str = ""
    changes: tuple[str, ...] = ()
    message: str = ""
    platform: str = ""


def check(request: ImportRequest) -> Reference | None:
    """The name that the image gets.

    Raises:
        InvalidArgument: name, platform or one of the changes are malformed.
    """
    changes.apply({}, request.changes)
    parse_platform(request.platform)
    if not request.reference:
        return None
    reference = parse(request.reference)
    if reference.digest:
        raise InvalidArgument("cannot import digest reference")
    return reference.tagged


def import_archive(roots: Roots, database: Database, layers: LayerStore, spool: Spool, request: ImportRequest) -> str:
    """Make an image of the archive in ``spool``, which may be compressed and stays open; its id.

    Raises:
        InvalidArgument: as :func:`check`.
        CorruptData: it is no well-formed archive, or a hostile one.
        DiskFull, EngineFault: it can not be stored.
    """
    import json

    reference = check(request)
    lock = Lock(catalog.lock_path(roots.ensure())).shared()
    try:
        taker = Intake(roots, layers)
        layer = taker.compressed(spool.plain())
        taker.unpack(layer.digest, layer.diff_id, ())
        platform = parse_platform(request.platform) or platforms.host()
        now = rfc3339_nano(time.time_ns())
        document = {
            "architecture": platform.architecture,
            **({"variant": platform.variant} if platform.variant else {}),
            "os": platform.os,
            "created": now,
            "config": changes.apply({}, request.changes),
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
            "history": [{"created": now, "comment": request.message or "Imported from -"}],
        }
        config = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
        manifest, media_type = intake.manifest_of(config, [layer])
        record = taker.record(manifest, media_type, config, read_config(config, 1), [layer.digest])
        with database.transaction() as connection:
            Images(database).put(record, reference.canonical if reference else "")
            events.append(connection, catalog.image_event("import", record, record.id))
        return record.id
    finally:
        lock.release()
