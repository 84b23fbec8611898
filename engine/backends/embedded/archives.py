"""Copying into and out of containers: paths by docker's rules, and tar streams.

The parent of a path is looked up inside the container with links followed, its last component is not followed; a path that ends
in ``/`` or ``/.`` is followed to its end. Source: moby ``daemon/archive.go``, ``container/archive.go``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

from engine.backends.embedded import views
from engine.backends.embedded.core import Core
from engine.backends.flow import Inflow, Outflow
from engine.errors import InvalidArgument, NotFound
from engine.image import pack
from engine.image.extract import Extractor
from engine.image.tar import TarReader
from engine.linux import paths, syscalls
from engine.model.files import PathStat
from engine.runtime import users
from engine.store import events, faults
from engine.store.containers import ContainerRecord
from engine.supervisor import records

_MISSING = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def absolute(path: str) -> str:
    """``path`` made absolute and clean; ``/`` and ``/.`` at its end stay, for they say something. Raises InvalidArgument."""
    if "\0" in path:
        raise InvalidArgument("bad parameter: path cannot have a NUL character")
    clean = os.path.normpath("/" + path).replace("//", "/", 1)
    if path.endswith("/.") or path == ".":
        return f"{clean.rstrip('/')}/."
    return f"{clean}/" if path.endswith("/") and clean != "/" else clean


def status(core: Core, container: str, path: str) -> PathStat:
    """See :meth:`engine.interface.containers.ContainerFiles.stat`."""
    record = core.containers.resolve(container)
    with views.root_of(core, record) as root, _place(root, record, path) as (directory, name):
        return _stat(root, directory, name, path)


def _stat(root: int, directory: int, name: str, path: str) -> PathStat:
    info = os.stat(name, dir_fd=directory, follow_symlinks=False)
    link = _link_target(root, absolute(path)) if stat.S_ISLNK(info.st_mode) else ""
    shown = os.path.basename(absolute(path).rstrip("/")) or "/"
    return PathStat(name=shown, size=info.st_size, mode=info.st_mode, mtime=info.st_mtime, link_target=link)


def _link_target(root: int, path: str) -> str:
    """Where a link leads to inside the root; what it says where that is nowhere."""
    try:
        fd = paths.open_in_root(root, path)
    except OSError:
        above, _, base = path.rpartition("/")
        try:
            directory = paths.open_in_root(root, above or "/", syscalls.O_PATH | os.O_DIRECTORY)
            try:
                return os.path.normpath(os.path.join("/", above, os.readlink(base, dir_fd=directory)))
            finally:
                os.close(directory)
        except OSError:
            return ""
    try:
        base, found = os.readlink(f"/proc/self/fd/{root}"), os.readlink(f"/proc/self/fd/{fd}")
        return found if base == "/" else found.removeprefix(base) or "/"
    finally:
        os.close(fd)


@contextlib.contextmanager
def _place(root: int, record: ContainerRecord, path: str) -> Iterator[tuple[int, str]]:
    """The directory that a path's last component is in, as a descriptor, and that component; ``.`` for a directory itself.

    Raises:
        NotFound: there is nothing, in docker's words.
        EngineFault: it can not be looked at.
    """
    if not path:
        raise InvalidArgument("bad parameter: path cannot be empty")
    above, _, base = absolute(path).rpartition("/")
    try:
        directory = paths.open_in_root(root, above or "/", syscalls.O_PATH | os.O_DIRECTORY)
        try:
            os.stat(base or ".", dir_fd=directory, follow_symlinks=False)
            yield directory, base or "."
        finally:
            os.close(directory)
    except OSError as error:
        if error.errno in _MISSING:
            raise NotFound(f"Could not find the file {path} in container {record.name}") from None
        raise faults.from_os(error, f"copy {path} of container {record.name}") from error


def get(core: Core, container: str, path: str) -> Outflow:
    """See :meth:`engine.interface.containers.ContainerFiles.get_archive`."""
    record = core.containers.resolve(container)

    def pieces() -> Iterator[bytes]:
        with views.root_of(core, record) as root, _place(root, record, path) as (directory, name):
            _tell(core, record, "archive-path")
            yield b""
            shown = os.path.basename(absolute(path).rstrip("/")) or "."
            if stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
                held = os.open(name, syscalls.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
                try:
                    yield from pack.ended(pack.tree(held, ".", os.fsencode(shown)))
                finally:
                    os.close(held)
            else:
                yield from pack.ended(pack.tree(directory, name, os.fsencode(shown)))

    return Outflow(pieces())


def export(core: Core, container: str) -> Outflow:
    """See :meth:`engine.interface.containers.ContainerFiles.export`."""
    record = core.containers.resolve(container)

    def pieces() -> Iterator[bytes]:
        with views.bare_root_of(core, record) as root:
            _tell(core, record, "export")
            yield b""
            try:
                packer = pack.Packer()
                members = (pack.tree(root, name, os.fsencode(name), packer) for name in sorted(os.listdir(root)))
                yield from pack.ended(piece for member in members for piece in member)
            except OSError as error:
                raise faults.from_os(error, f"export container {record.name}") from error

    return Outflow(pieces())


def put(core: Core, container: str, path: str, *, copy_owner: bool) -> Inflow:
    """See :meth:`engine.interface.containers.ContainerFiles.put_archive`: what the stream is written to."""
    record = core.containers.resolve(container)
    if not path:
        raise InvalidArgument("bad parameter: path cannot be empty")

    ground = views.ground_of(core, record)

    def work(chunks: Iterator[bytes]) -> None:
        with views.root_of(core, record, ground, write=True) as root:
            _check_target(root, record, path)
            owner = _owner(root, record.config.user) if copy_owner and record.config.user else None
            try:
                Extractor(root, absolute(path), owner=owner).run(TarReader(chunks))
            except OSError as error:
                if error.errno == errno.EROFS:
                    raise _read_only(record) from None
                raise faults.from_os(error, f"copy to {path} of container {record.name}") from error

    return Inflow(work, lambda: _tell(core, record, "extract-to-dir"))


def _tell(core: Core, record: ContainerRecord, action: str) -> None:
    with core.database.transaction() as connection:
        events.append(connection, records.event(record, action))


def _check_target(root: int, record: ContainerRecord, path: str) -> None:
    try:
        target = paths.open_in_root(root, absolute(path))
    except OSError as error:
        if error.errno in _MISSING:
            raise NotFound(f"Could not find the file {path} in container {record.name}") from None
        raise faults.from_os(error, f"copy to {path} of container {record.name}") from error
    try:
        if not stat.S_ISDIR(os.fstat(target).st_mode):
            raise InvalidArgument("extraction point is not a directory")
        if record.host_config.read_only_rootfs and _on_root(root, target):
            raise InvalidArgument("container rootfs is marked read-only")
        if os.fstatvfs(target).f_flag & os.ST_RDONLY:
            raise _read_only(record)
    finally:
        os.close(target)


def _on_root(root: int, target: int) -> bool:
    return os.fstat(root).st_dev == os.fstat(target).st_dev


def _read_only(record: ContainerRecord) -> InvalidArgument:
    what = "container rootfs" if record.host_config.read_only_rootfs else "mounted volume"
    return InvalidArgument(f"{what} is marked read-only")


def _owner(root: int, user: str) -> tuple[int, int]:
    found = users.resolve(user, (), users.load(root, "/etc/passwd"), users.load(root, "/etc/group"))
    return found.uid, found.gid
