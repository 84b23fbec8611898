"""Files of containers: what a path is, what has changed, and what a commit is told."""

from __future__ import annotations

from enum import IntEnum

from engine.model.value import Value


class ChangeKind(IntEnum):
    """How a path differs from the image; docker's numbers (Engine API, ``ChangeType``)."""

    MODIFIED = 0
    ADDED = 1
    DELETED = 2


class Change(Value):
    """A path of a container that differs from its image."""

    path: str
    kind: ChangeKind


class PathStat(Value):
    """What is at a path of a container; a link at its end is not followed.

    Attributes:
        name: the last component.
        mode: as ``st_mode`` of stat(2), with the file's type.
        mtime: seconds since the epoch.
        link_target: where a symbolic link leads inside the container, as an absolute path; ``""`` for anything else.
    """

    name: str
    size: int = 0
    mode: int = 0
    mtime: float = 0.0
    link_target: str = ""


class DirectoryEntry(Value):
    """A file in a directory of a container, itself, not what a link leads to.

    Attributes:
        mode: as ``st_mode`` of stat(2), with the file's type.
        uid, gid: numbers, as the container sees them.
        mtime: seconds since the epoch.
        link_target: what a symbolic link says, ``""`` for anything else.
    """

    name: str
    mode: int = 0
    size: int = 0
    uid: int = 0
    gid: int = 0
    mtime: float = 0.0
    link_target: str = ""


class Directory(Value):
    """What is in a directory, by name.

    Attributes:
        complete: nothing is missing; where it is off the engine gave up, for there is more than it reads.
    """

    entries: tuple[DirectoryEntry, ...] = ()
    complete: bool = True


class CommitConfig(Value):
    """How an image is made from a container.

    Attributes:
        reference: the new image's name, or ``""`` for none.
        changes: Dockerfile instructions that change the configuration (``CMD``, ``ENV``, …).
        pause: the container is frozen while its files are read.
    """

    reference: str = ""
    author: str = ""
    comment: str = ""
    changes: tuple[str, ...] = ()
    pause: bool = True
