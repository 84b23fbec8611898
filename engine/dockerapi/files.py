"""Files of containers as the API describes them."""

from __future__ import annotations

import base64
import binascii
import stat

from engine.dockerapi import times
from engine.dockerapi.document import load_document, load_documents
from engine.errors import CorruptData
from engine.model.files import Change, ChangeKind, PathStat

_TYPES = (
    (1 << 31, stat.S_IFDIR),
    (1 << 27, stat.S_IFLNK),
    (1 << 21, stat.S_IFCHR),  # a character device has the bit of devices too
    (1 << 26, stat.S_IFBLK),
    (1 << 25, stat.S_IFIFO),
    (1 << 24, stat.S_IFSOCK),
)
_BITS = ((1 << 23, stat.S_ISUID), (1 << 22, stat.S_ISGID), (1 << 20, stat.S_ISVTX))


def decode_changes(body: bytes) -> list[Change]:
    """``GET /containers/{id}/changes``; ``null`` where there are none. By path, parents first."""
    known = {int(kind) for kind in ChangeKind}
    found = [
        Change(path=item.text("Path"), kind=ChangeKind(item.integer("Kind")))
        for item in load_documents(body)
        if item.integer("Kind") in known
    ]
    return sorted(found, key=lambda change: change.path.split("/"))


def decode_stat(header: str) -> PathStat:
    """The header ``X-Docker-Container-Path-Stat``.

    Raises:
        CorruptData: it is malformed.
    """
    try:
        item = load_document(base64.b64decode(header, validate=True))
    except binascii.Error as error:
        raise CorruptData(f"the engine's answer has a malformed path status: {error}") from error
    return PathStat(
        name=item.text("name"),
        size=item.integer("size"),
        mode=decode_mode(item.integer("mode")),
        mtime=times.seconds(item.text("mtime")),
        link_target=item.text("linkTarget"),
    )


def decode_commit(body: bytes) -> str:
    """``POST /commit``: the new image's id."""
    return load_document(body).text("Id")


def decode_mode(mode: int) -> int:
    """``st_mode`` for Go's ``os.FileMode``, whose bits are its own."""
    kind = next((ours for theirs, ours in _TYPES if mode & theirs), stat.S_IFREG)
    return kind | mode & 0o777 | sum(ours for theirs, ours in _BITS if mode & theirs)
