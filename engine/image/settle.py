"""Second phase of applying a layer: what depends on the layers below (OCI image-spec, layer.md).

The applier made a *diff*: a directory that overlayfs puts on top of the layers below. Three things can only be decided when
those are there:

- A directory that no entry described was made on the way to a file. Where the layers below have a directory, it takes over that
  one's owner, mode and attributes; where they have a symbolic link (``bin -> usr/bin``), what it holds is moved to where the link
  leads, for otherwise the link would be shadowed and ``/bin/sh`` be gone (docker's own overlay driver does that).
- A hard link to a file of a layer below needs a copy of that file.
- A whiteout of something that never existed is dropped; one of a directory that this layer made again makes that one opaque.
"""

from __future__ import annotations

import os
import stat

from engine.errors import CorruptData
from engine.image.apply import Applier
from engine.image.files import DirectoryMeta, attributes, copy_file, exists, set_directories
from engine.image.lower import Found, Lowers
from engine.image.mover import Mover
from engine.image.names import shown
from engine.image.tree import join

_MAX_LINKS = 40


def settle(applier: Applier, lowers: Lowers) -> list[bytes]:
    """Finish the layer in ``applier``.

    Returns:
        Real paths of the directories that have to be marked opaque (the jail may not set ``trusted`` attributes).

    Raises:
        CorruptData: a hard link leads nowhere, or links go in circles.
        OSError: the file system refused.
    """
    work = _Settling(applier, lowers)
    if lowers:
        work.opaque_root()
        work.implicit_directories()
    work.hard_links()
    if lowers:
        work.opaque_root()  # a link of a lower layer may have led there
        work.whiteouts()
    set_directories(applier.tree, applier.directories)
    if not lowers:
        return []
    return [path for path in sorted(applier.opaque) if _is_opaque(applier, path)]


class _Settling:
    def __init__(self, applier: Applier, lowers: Lowers) -> None:
        self._applier = applier
        self._tree = applier.tree
        self._lowers = lowers
        self._mover = Mover(applier)
        self._linked: set[bytes] = set()  # paths that settling itself made for hard links

    def opaque_root(self) -> None:
        """overlayfs always merges the roots of its layers: an opaque one is told by whiteouts of everything below."""
        if b"" in self._applier.opaque:
            self._applier.opaque.discard(b"")
            self._applier.whiteouts.setdefault(b"", set()).update(self._lowers.names())

    # -- directories

    def implicit_directories(self) -> None:
        """Decide about every directory that no entry described; those above before those below."""
        implicit = self._tree.implicit
        while implicit:
            for real in sorted(implicit):
                if real in implicit:
                    self._tree.trim()
                    self._decide(real)

    def _decide(self, real: bytes) -> None:
        self._tree.implicit.discard(real)
        below = self._below(real)
        if below is None or self._tree.real(real) is None:
            return
        if below.is_directory:
            self._applier.directories[real] = _metadata(below)
            return
        target = below.link()
        if target is not None:
            self._tree.implicit.add(real)  # while resolving it counts as what is below: the link
            where = self._resolve(real.rpartition(b"/")[0], target)
            self._tree.implicit.discard(real)
            self._tree.parent(where)
            self._mover.merge(real, where, self._follow)

    def _follow(self, real: bytes) -> bytes | None:
        """Where the link that this layer has at ``real`` leads, ``None`` if there is none."""
        above, _, name = real.rpartition(b"/")
        fd = self._tree.real(above)
        try:
            target = os.readlink(name, dir_fd=fd) if fd is not None else None
        except OSError:
            return None
        if target is None:
            return None
        where = self._resolve(above, target)
        self._tree.parent(where)
        return where

    def _below(self, real: bytes) -> Found | None:
        """What the layers below have at ``real``, unless this layer hides it."""
        path = real
        while path:
            above, _, name = path.rpartition(b"/")
            if name in self._applier.whiteouts.get(above, ()) or above in self._applier.opaque:
                return None
            path = above
        return self._lowers.lookup(real)

    def _resolve(self, start: bytes, path: bytes) -> bytes:
        """The real path that ``path`` means in the finished view, every link followed; missing components are kept as they are.

        Raises:
            CorruptData: links go in circles, or a component is a file.
        """
        here, links = (b"" if path[:1] == b"/" else start), 0
        todo = path.split(b"/")[::-1]
        while todo:
            name = todo.pop()
            if name in (b"", b"."):
                continue
            if name == b"..":
                here = here.rpartition(b"/")[0]
                continue
            child = join(here, name)
            target = self._link_at(here, name, child)
            if target is None:
                here = child
                continue
            links += 1
            if links > _MAX_LINKS:
                raise CorruptData(f"invalid path {shown(path)}: too many symbolic links")
            if target[:1] == b"/":
                here = b""
            todo += target.split(b"/")[::-1]
        return here

    def _link_at(self, above: bytes, name: bytes, real: bytes) -> bytes | None:
        """The target of the link at ``real`` in the finished view; ``None`` for a directory or nothing."""
        fd = self._tree.real(above)
        if fd is not None and real not in self._tree.implicit and exists(fd, name):
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                return None
            if stat.S_ISLNK(status.st_mode):
                return os.readlink(name, dir_fd=fd)
            raise CorruptData(f"invalid path: {shown(real)} is not a directory")
        below = self._below(real)
        if below is None or below.is_directory or (real in self._tree.implicit and not below.link()):
            return None
        target = below.link()
        if target is None:
            raise CorruptData(f"invalid path: {shown(real)} is not a directory")
        return target

    # -- hard links

    def hard_links(self) -> None:
        """Make the links whose target was not in this layer, in the archive's order."""
        waiting = [
            (number, real, base, target) for real, inside in self._applier.links.items() for base, (number, target) in inside.items()
        ]
        for _, real, base, target in sorted(waiting):
            self._tree.trim()
            fd = self._tree.real(real)
            if fd is None or exists(fd, base):
                continue  # a later entry took its place
            self._hard_link(real, base, target)
            if self._lowers:
                self.implicit_directories()  # those that the copy needed

    def _hard_link(self, real: bytes, base: bytes, target: bytes) -> None:
        directory, _, name = target.rpartition(b"/")
        above = self._resolve(b"", directory)
        source = join(above, name)
        ours = self._tree.real(above)
        replaced = ours is not None and exists(ours, name)
        if source not in self._linked and not (replaced and self._mover.arrived(source)):
            below = self._below(source)
            if below is None or below.is_directory:
                raise CorruptData(f"hard link {shown(join(real, base))} to {shown(target)}: no such file")
            if replaced:  # by a later entry: the link means the old file
                self._copy(below, real, base)
                return
            self._copy(below, self._tree.parent(above)[1], name)
            self._linked.add(source)
        fd, ours = self._tree.parent(real)[0], self._tree.parent(above)[0]
        os.link(name, base, src_dir_fd=ours, dst_dir_fd=fd, follow_symlinks=False)
        self._linked.add(join(real, base))

    def _copy(self, below: Found, real: bytes, name: bytes) -> None:
        """Copy a file of a layer below, as overlayfs does before it changes one."""
        copy_file(below.directory, below.name, below.status, self._tree.parent(real)[0], name)
        self._applier.size += below.status.st_size

    # -- whiteouts

    def whiteouts(self) -> None:
        """Make overlayfs' whiteouts, character devices 0:0; what this layer has itself is never hidden."""
        for real, names in sorted(self._applier.whiteouts.items()):
            self._tree.trim()
            fd = self._tree.real(real)
            if fd is None:
                continue
            # A directory that is not merged with one below shows its whiteouts as devices.
            merged = real not in self._applier.opaque and self._below(real) is not None
            for name in sorted(names):
                try:
                    status = os.stat(name, dir_fd=fd, follow_symlinks=False)
                except FileNotFoundError:
                    if merged and self._lowers.lookup(join(real, name)) is not None:
                        os.mknod(name, stat.S_IFCHR, 0, dir_fd=fd)
                else:
                    if stat.S_ISDIR(status.st_mode):
                        self._applier.opaque.add(join(real, name))


def _is_opaque(applier: Applier, real: bytes) -> bool:
    """The directory still is there; without root its mark is made here, in the user namespace that owns it."""
    applier.tree.trim()
    directory = applier.tree.real(real)
    if directory is not None and applier.rootless:
        fd = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
        try:
            os.setxattr(fd, "user.overlay.opaque", b"y")
        finally:
            os.close(fd)
    return directory is not None


def _metadata(found: Found) -> DirectoryMeta:
    status = found.status
    fd = os.open(found.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=found.directory)
    try:
        return DirectoryMeta(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns, attributes(fd))
    finally:
        os.close(fd)
