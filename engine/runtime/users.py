"""``user[:group]`` against an image's own ``/etc/passwd`` and ``/etc/group``, as moby/sys/user does it, but stricter.

A string of digits is an id and never a name, so that an image can not call root ``1000`` (CVE-2016-3697). The primary group
is always among the supplementary groups (CVE-2022-36109). Both files come from the image: they are read beneath its root,
only when regular, up to 10 MiB (CVE-2024-9676).
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.errors import StartFailed
from engine.linux import paths
from engine.model.value import Value

MAX_ID = (1 << 31) - 1
_MAX_FILE = 10 << 20


class Identity(Value):
    """Who a process runs as. ``groups`` are the supplementary groups, the primary one among them."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def load(root: int, path: str) -> bytes:
    """``/etc/passwd`` or ``/etc/group`` beneath ``root``; empty when there is none.

    Raises:
        StartFailed: it is no regular file, too large, or a link out of the image.
    """
    try:
        return paths.read_regular(root, path, _MAX_FILE)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise StartFailed(f"unable to read {path} in the container: {error.strerror or errno.errorcode[error.errno or 5]}") from None


def resolve(user: str, extra: Sequence[str], passwd: bytes, group: bytes) -> Identity:
    """Who ``user`` (``""`` is root) is, with the ``extra`` groups of ``--group-add``.

    Raises:
        StartFailed: docker's words: no such user or group, or an id out of range.
    """
    who, _, its_group = user.partition(":")
    uid, gid, home, name = _user(who, passwd)
    groups: list[int] = []
    if its_group:
        gid = _group(its_group, group)
    elif name:
        groups = [number for _, number, members in _groups(group) if name in members]
    wanted = [gid, *groups, *(_group(each, group) for each in extra)]
    return Identity(uid=uid, gid=gid, groups=tuple(dict.fromkeys(wanted)), home=home or "/")


def numeric(user: Mapping[str, Any], passwd: bytes) -> Identity:
    """The OCI ``process.user`` of a bundle: ids as they are, no groups but ``additionalGids``; the home is that of ``/etc/passwd``."""
    uid, gid = user.get("uid") or 0, user.get("gid") or 0
    home = next((home for _, number, _, home in _entries(passwd) if number == uid), "")
    return Identity(uid=uid, gid=gid, groups=tuple(user.get("additionalGids") or ()), home=home or "/")


def _user(who: str, passwd: bytes) -> tuple[int, int, str, str]:
    number = _number(who) if who else 0
    for name, uid, gid, home in _entries(passwd):
        if (number is not None and uid == number) or (number is None and name == who):
            return uid, gid, home, name
    if number is None:
        raise StartFailed(f"unable to find user {who}: no matching entries in passwd file")
    return number, 0, "/", ""


def _group(who: str, group: bytes) -> int:
    number = _number(who)
    if number is not None:
        return number
    for name, gid, _ in _groups(group):
        if name == who:
            return gid
    raise StartFailed(f"unable to find group {who}: no matching entries in group file")


def _number(text: str) -> int | None:
    """The id that ``text`` is, or ``None`` for a name. Raises StartFailed out of range."""
    if not (text.isascii() and text.isdigit()):
        return None
    value = int(text) if len(text) < 20 else MAX_ID + 1
    if value > MAX_ID:
        raise StartFailed(f"unable to use id {text}: uids and gids must be in range 0-{MAX_ID}")
    return value


def _fields(content: bytes) -> Iterator[list[str]]:
    for raw in content.split(b"\n"):
        line = raw.strip()
        if line and not line.startswith(b"#"):
            yield line.decode("utf-8", "surrogateescape").split(":")


def _id(text: str) -> int:
    """An id in a file; a broken one reads as 0 in Go's parser: here it reads as one that nobody can be."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= MAX_ID else -1


def _entries(passwd: bytes) -> Iterator[tuple[str, int, int, str]]:
    for fields in _fields(passwd):
        name, _, uid, gid, _, home = (fields + [""] * 6)[:6]
        if _id(uid) >= 0 and _id(gid) >= 0:
            yield name, _id(uid), _id(gid), home


def _groups(group: bytes) -> Iterator[tuple[str, int, list[str]]]:
    for fields in _fields(group):
        name, _, gid, members = (fields + [""] * 4)[:4]
        if _id(gid) >= 0:
            yield name, _id(gid), members.split(",") if members else []
