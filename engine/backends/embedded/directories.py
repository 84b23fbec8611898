"""What is in a directory of a container, running or not, volumes included. Nothing is opened but the directory itself."""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from engine.backends.embedded import views
from engine.backends.embedded.archives import absolute
from engine.backends.embedded.core import Core
from engine.errors import InvalidArgument, NotFound
from engine.linux import paths
from engine.model.files import Directory, DirectoryEntry
from engine.store import faults

MOST = 50_000
"""Entries that are told of one directory."""


def entries(core: Core, container: str, path: str) -> Directory:
    """See :meth:`engine.interface.containers.ContainerFiles.list_directory`."""
    record = core.containers.resolve(container)
    try:
        with views.root_of(core, record) as root:
            directory = paths.open_in_root(root, absolute(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                return _read(directory)
            finally:
                os.close(directory)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):
            raise NotFound(f"Could not find the file {path} in container {record.name}") from None
        if error.errno == errno.ENOTDIR:
            raise InvalidArgument(f"{path} in container {record.name} is not a directory") from None
        raise faults.from_os(error, f"list {path} of container {record.name}") from error


def _read(directory: int) -> Directory:
    found: list[DirectoryEntry] = []
    with os.scandir(directory) as names:
        for each in names:
            if len(found) == MOST:
                return Directory(entries=_sorted(found), complete=False)
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                info = os.stat(each.name, dir_fd=directory, follow_symlinks=False)
                link = os.readlink(each.name, dir_fd=directory) if stat.S_ISLNK(info.st_mode) else ""
                found.append(
                    DirectoryEntry(
                        name=each.name,
                        mode=info.st_mode,
                        size=info.st_size,
                        uid=info.st_uid,
                        gid=info.st_gid,
                        mtime=info.st_mtime,
                        link_target=link,
                    )
                )
    return Directory(entries=_sorted(found))


def _sorted(found: list[DirectoryEntry]) -> tuple[DirectoryEntry, ...]:
    return tuple(sorted(found, key=lambda entry: entry.name))
