"""Looking things up in an archive of images, without extracting it.

Nothing of the archive ever becomes a file name: members are read by their place in the archive, and links lead to other
members of the same archive or nowhere (CVE-2014-9356, CVE-2025-11395).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from engine.errors import CorruptData, InvalidArgument
from engine.image import tar
from engine.image.spool import Spool
from engine.registry.failures import clean

T = TypeVar("T")
MAX_MEMBERS = 1 << 17
_MAX_DOCUMENT = 4 << 20
_PIECE = 64 << 10
_MAX_LINKS = 8
_MAX_NAMES = 64 << 20


class Members(Generic[T]):
    """What is known of an archive's files, by their names and by those of links to them; a later member wins, as when it is extracted."""

    def __init__(self) -> None:
        self._files: dict[str, T] = {}
        self._links: dict[str, str] = {}

    @staticmethod
    def name(entry: tar.Entry) -> str:
        """The name of a member; ``""`` when it leads out of the archive."""
        return _inside(entry.name.decode("utf-8", "surrogateescape"))

    def forget(self, name: str) -> None:
        """There is another member of this name."""
        self._files.pop(name, None)
        self._links.pop(name, None)

    def file(self, name: str, what: T) -> None:
        """It is a file."""
        self._files[name] = what

    def link(self, name: str, entry: tar.Entry) -> None:
        """It is a hard or symbolic link."""
        link = entry.link.decode("utf-8", "surrogateescape")
        base = posixpath.dirname(name) if entry.kind == tar.SYMLINK and not link.startswith("/") else ""
        self._links[name] = _inside(posixpath.join(base, link))

    def find(self, name: str) -> T | None:
        """What is known of a file, ``None`` when there is none."""
        name = _inside(name)
        for _ in range(_MAX_LINKS):
            if name in self._files:
                return self._files[name]
            name = self._links.get(name, "")
        return None


class Archive:
    """The members of a tar archive in a spool; a later one of the same name wins, as when it is extracted."""

    def __init__(self, spool: Spool) -> None:
        """Read its headers.

        Raises:
            CorruptData: it is no well-formed tar archive, or has too many members.
        """
        self._spool = spool
        self._members: Members[tuple[int, int]] = Members()
        self._index()

    def has(self, name: str) -> bool:
        """There is such a regular file."""
        return self._members.find(name) is not None

    def size(self, name: str) -> int:
        """Bytes of a file. Raises InvalidArgument when there is none."""
        return self._place(name)[1]

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content of a file. Raises InvalidArgument when there is none."""
        return self._spool.chunks(*self._place(name))

    def read(self, name: str, limit: int) -> bytes:
        """The content of a small file.

        Raises:
            InvalidArgument: there is none.
            CorruptData: it is larger than ``limit`` bytes.
        """
        offset, size = self._place(name)
        if size > limit:
            raise CorruptData(f"{clean(name)} in the archive has {size} bytes, at most {limit} are allowed")
        return b"".join(self._spool.chunks(offset, size))

    def json(self, name: str) -> Any:
        """A JSON document. Raises as :meth:`read`, and CorruptData when it is not JSON."""
        import json

        try:
            return json.loads(self.read(name, _MAX_DOCUMENT).decode("utf-8"))
        except (ValueError, RecursionError):
            raise CorruptData(f"{clean(name)} in the archive is no valid JSON") from None

    def _index(self) -> None:
        at = 0

        def chunks() -> Iterator[bytes]:
            nonlocal at
            while chunk := self._spool.read(at, _PIECE):
                at += len(chunk)
                yield chunk

        def jump(count: int) -> None:
            nonlocal at
            at += count
            if at > self._spool.size:
                raise CorruptData("tar: the archive is cut short")

        reader = tar.TarReader(chunks(), jump)
        members = names = 0
        while (entry := reader.next()) is not None:
            members += 1
            names += len(entry.name) + len(entry.link)
            if members > MAX_MEMBERS or names > _MAX_NAMES:
                raise CorruptData(f"the archive has more than {MAX_MEMBERS} members, or names of more than {_MAX_NAMES} bytes")
            name = self._members.name(entry)
            if not name:
                continue
            self._members.forget(name)
            if entry.kind == tar.REGULAR and entry.sparse is None:
                self._members.file(name, (at - reader.unread, entry.size))
            elif entry.kind in (tar.SYMLINK, tar.HARD_LINK):
                self._members.link(name, entry)

    def _place(self, name: str) -> tuple[int, int]:
        found = self._members.find(name)
        if found is None:
            raise InvalidArgument(f"the archive lacks the file {clean(name)!r} that it names")
        return found


def _inside(name: str) -> str:
    """A member's name without ``./``, ``..`` and leading slashes; ``""`` when it leads out of the archive."""
    found = posixpath.normpath(name.lstrip("/")) if name.strip("/") else ""
    return "" if found in (".", "..") or found.startswith("../") else found
