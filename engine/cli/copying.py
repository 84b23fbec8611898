"""Where ``cp`` puts what: docker's path rules, which are those of ``cp -a`` (docs.docker.com, ``docker container cp``).

Two names matter: what the copied thing is called at its source, and what it will be called at its destination. A trailing ``/.``
means the content of a directory. Source: moby ``pkg/archive/copy.go``.
"""

from __future__ import annotations

import os

from engine.errors import InvalidArgument, NotFound
from engine.image.tar import Entry, TarReader
from engine.model.value import Value


class Source(Value):
    """What is copied. ``rebase`` is what it shall be called instead of its own name, when it was reached over a link."""

    path: str
    is_directory: bool
    rebase: str = ""


class Destination(Value):
    """Where it goes."""

    path: str
    exists: bool = False
    is_directory: bool = False


class Plan(Value):
    """The directory to unpack into, and how the first component of every name is changed: ``old`` to ``new``."""

    directory: str
    old: str
    new: str


class Renaming(TarReader):
    """Reads an archive as a plan has its names."""

    def __init__(self, chunks: object, plan: Plan) -> None:
        super().__init__(chunks)  # type: ignore[arg-type]
        self._old = os.fsencode(plan.old)
        self._new = os.fsencode(plan.new)

    def next(self) -> Entry | None:
        """The next entry under its new name."""
        entry = super().next()
        if entry is not None and self._old != self._new:
            entry.name = self._renamed(entry.name)
            if entry.kind == b"1":
                entry.link = self._renamed(entry.link)
        return entry

    def _renamed(self, name: bytes) -> bytes:
        first, slash, rest = name.partition(b"/")
        return self._new + slash + rest if first == self._old else name


def split(path: str) -> tuple[str, str]:
    """The directory and the last component; ``.`` when the path ends in it."""
    clean = os.path.normpath(path)
    if is_content(path):
        return clean, "."
    return os.path.dirname(clean) or ".", os.path.basename(clean) or "."


def is_content(path: str) -> bool:
    """The path means what is in a directory."""
    return path.rpartition("/")[2] == "."


def asserts_directory(path: str) -> bool:
    """The path can only be a directory."""
    return path.endswith("/") or is_content(path)


def keep_end(path: str, original: str) -> str:
    """``path`` with the ``/`` or ``/.`` at its end that ``original`` has."""
    if is_content(original) and not is_content(path):
        return f"{path.rstrip('/')}/."
    return f"{path}/" if original.endswith("/") and not path.endswith("/") else path


def absolute(path: str) -> str:
    """A local path made absolute, its end kept."""
    return keep_end(os.path.abspath(path), path)


def rebase_name(path: str, resolved: str) -> tuple[str, str]:
    """A path whose link was followed to ``resolved``: the path to copy, and the name that the link had."""
    resolved = keep_end(resolved, path)
    own, other = os.path.basename(os.path.normpath(path)), os.path.basename(os.path.normpath(resolved))
    return resolved, own if own != other and not is_content(path) else ""


def local_source(path: str, *, follow: bool) -> Source:
    """What a person named on this machine.

    Raises:
        NotFound: it does not exist.
    """
    path = absolute(path)
    rebase = ""
    if follow or asserts_directory(path):
        resolved, rebase = rebase_name(path, os.path.realpath(path))
    else:
        above, _, base = path.rpartition("/")
        resolved = os.path.join(os.path.realpath(above or "/"), base)
    if not os.path.lexists(resolved):
        raise NotFound(f"lstat {path}: no such file or directory")
    is_directory = os.path.isdir(resolved) and not os.path.islink(resolved.rstrip("/") if not asserts_directory(path) else "")
    if asserts_directory(path) and not is_directory:
        raise NotFound(f"lstat {path}: not a directory")
    return Source(path=resolved, is_directory=is_directory, rebase=rebase)


def local_destination(path: str) -> Destination:
    """Where a person wants it on this machine; a link there is followed.

    Raises:
        NotFound: there is not even a directory for it.
    """
    path = absolute(path)
    plain = path.rstrip("/") or "/"
    if os.path.islink(plain):
        path = keep_end(os.path.realpath(plain), path)
    if os.path.exists(path):
        return Destination(path=path, exists=True, is_directory=os.path.isdir(path))
    directory = split(path)[0]
    if not os.path.isdir(directory):
        raise NotFound(f'invalid output path: directory "{directory}" does not exist')
    return Destination(path=path)


def plan(source: Source, destination: Destination) -> Plan:
    """How the copy is to be unpacked.

    Raises:
        InvalidArgument: a directory would go onto a file, or the destination must be a directory and is not there.
    """
    old = split(source.path)[1]
    directory, base = split(destination.path)
    if destination.exists and destination.is_directory:
        return Plan(directory=destination.path, old=old, new=source.rebase or old)
    if destination.exists and source.is_directory:
        raise InvalidArgument("cannot copy directory")
    if not destination.exists and not source.is_directory and asserts_directory(destination.path):
        raise InvalidArgument("no such directory")
    if is_content(destination.path):
        directory, base = split(directory)
    return Plan(directory=directory, old=old, new=base)
