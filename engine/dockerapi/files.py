"""Files of containers as the API describes them."""

from __future__ import annotations

import base64
import binascii
import json
import stat
from collections.abc import Iterable
from typing import Any

from engine.dockerapi import times
from engine.dockerapi.document import Document, load_document, load_documents
from engine.dockerapi.show import moment
from engine.errors import CorruptData
from engine.model.files import Change, ChangeKind, PathStat

_CHARACTER, _DEVICE = 1 << 21, 1 << 26
_TYPES = (
    (1 << 31, stat.S_IFDIR),
    (1 << 27, stat.S_IFLNK),
    (_CHARACTER, stat.S_IFCHR),  # a character device has the bit of devices too
    (_DEVICE, stat.S_IFBLK),
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


def encode_stat(shown: PathStat) -> str:
    """The header ``X-Docker-Container-Path-Stat``."""
    fields = {
        "name": shown.name,
        "size": shown.size,
        "mode": encode_mode(shown.mode),
        "mtime": moment(shown.mtime),
        "linkTarget": shown.link_target,
    }
    return base64.b64encode(json.dumps(fields).encode()).decode()


def encode_changes(changes: Iterable[Change]) -> list[dict[str, Any]] | None:
    """``GET /containers/{id}/changes``."""
    return [{"Path": change.path, "Kind": int(change.kind)} for change in changes] or None


def encode_mode(mode: int) -> int:
    """Go's ``os.FileMode`` for ``st_mode``."""
    kind = next((theirs for theirs, ours in _TYPES if stat.S_IFMT(mode) == ours), 0)
    if kind == _CHARACTER:
        kind |= _DEVICE
    return kind | mode & 0o777 | sum(theirs for theirs, ours in _BITS if mode & ours)


def instructions(config: Document) -> list[str]:
    """Dockerfile instructions that say what the configuration in the body of ``POST /commit`` does."""
    lines = [f"{key.upper()} {json.dumps(config.texts(key))}" for key in ("Entrypoint", "Cmd") if key in config]
    lines += [f"ENV {name}={json.dumps(value)}" for name, _, value in (text.partition("=") for text in config.texts("Env"))]
    lines += [f"LABEL {json.dumps(name)}={json.dumps(value)}" for name, value in config.pairs("Labels").items()]
    lines += [f"EXPOSE {port}" for port in config.names("ExposedPorts")]
    lines += [f"VOLUME {json.dumps([path])}" for path in config.names("Volumes")]
    words = (("User", "USER"), ("WorkingDir", "WORKDIR"), ("StopSignal", "STOPSIGNAL"))
    return lines + [f"{word} {config.text(key)}" for key, word in words if config.text(key)]
