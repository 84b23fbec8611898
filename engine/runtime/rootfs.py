"""The container's file system: overlay, mounts in the spec's order, pivot_root. Runs in the container's mount namespace.

Nothing of the image is trusted: each target is opened once beneath the root's descriptor and mounted on by that
descriptor (CVE-2021-30465). procfs and sysfs must land on real directories, and nothing but a fixed list of files may be
mounted on or below ``/proc`` (CVE-2019-16884, CVE-2023-28642): otherwise an image could hide what the masks protect.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.errors import StartFailed
from engine.linux import mounts, namespaces, paths, selinux, syscalls, userns
from engine.linux.cgroup_files import Layout
from engine.linux.mounts import Options
from engine.linux.syscalls import reason
from engine.runtime import copyup
from engine.runtime.spec_mounts import LAYERS

RESERVED = "dev.longshore."
"""Annotations that begin so are orders to this runtime."""

OVERLAY_LOWER = "dev.longshore.overlay.lower"
OVERLAY_UPPER = "dev.longshore.overlay.upper"
OVERLAY_WORK = "dev.longshore.overlay.work"
OVERLAY_VOLATILE = "dev.longshore.overlay.volatile"
"""Set when the content dies with the container: the overlay then need not be synced to disk when it is unmounted."""

SUBPATH = "subpath"
"""Of a bind: the place below its source, which is a volume, that is mounted."""

SHALLOW = "shallow"
"""Member of a bind mount whose ``ro`` and the like are for it alone, as OCI has it; docker's go for the mounts below too."""

PROC_MAGIC = 0x9FA0
_PROC_FILES = frozenset(
    {
        "/proc/cpuinfo",
        "/proc/diskstats",
        "/proc/meminfo",
        "/proc/stat",
        "/proc/swaps",
        "/proc/uptime",
        "/proc/loadavg",
        "/proc/slabinfo",
        "/proc/sys/kernel/ns_last_pid",
        "/proc/sys/crypto/fips_enabled",
    }
)
"""What may be bound below ``/proc`` (runc's list: lxcfs needs them)."""

Spec = Mapping[str, Any]


def set_propagation(spec: Spec, rootfs: str) -> None:
    """Cut our copy of the host's mounts off, as far as the spec's ``rootfsPropagation`` wants it."""
    wanted = spec["linux"].get("rootfsPropagation") or "rprivate"
    if wanted.endswith("private"):
        syscalls.mount("", "/", "", mounts.MS_PRIVATE | mounts.MS_REC)
        return
    if wanted.endswith("slave"):
        syscalls.mount("", "/", "", mounts.MS_SLAVE | mounts.MS_REC)
    point = rootfs
    while True:  # a mount on a shared one would show on the host: its own mount must be private
        try:
            return syscalls.mount("", point, "", mounts.MS_PRIVATE)
        except OSError as error:
            if error.errno != errno.EINVAL or point == "/":
                raise
        point = os.path.dirname(point)


def propagate_root(spec: Spec) -> None:
    """Give our root, once it is ``/``, the ``rootfsPropagation`` of the spec; it is private until then."""
    wanted = spec["linux"].get("rootfsPropagation") or ""
    kind = mounts.PROPAGATION.get(wanted.removeprefix("r"), 0)
    if kind and kind != mounts.MS_PRIVATE:
        syscalls.mount("", "/", "", kind | (mounts.MS_REC if wanted.startswith("r") else 0))


def mount_root(spec: Spec) -> int:
    """Mount the root file system on ``root.path`` and give back a descriptor of it."""
    path = spec["root"]["path"]
    notes = spec.get("annotations") or {}
    if OVERLAY_LOWER in notes:
        upper, work = notes.get(OVERLAY_UPPER, ""), notes.get(OVERLAY_WORK, "")
        volatile = bool(notes.get(OVERLAY_VOLATILE))
        if volatile:
            _forget_volatile(work)
        label = spec["linux"].get("mountLabel") or ""
        tree = mounts.overlay(notes[OVERLAY_LOWER].split("\n"), upper, work, volatile=volatile, label=label)
    else:
        tree = mounts.clone_path(path)
    target = os.open(path, syscalls.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        mounts.attach(tree, target)
    finally:
        os.close(target)
    return tree


def _forget_volatile(work: str) -> None:
    """Remove the mark that keeps an overlay from being mounted twice after a crash; its content is not worth keeping."""
    mark = os.path.join(work, "work", "incompat", "volatile")
    for remove, path in ((os.unlink, f"{mark}/dirty"), (os.rmdir, mark), (os.rmdir, os.path.dirname(mark))):
        try:
            remove(path)
        except FileNotFoundError:
            continue


def _refuse_name(kind: str, destination: str) -> None:
    clean = posixpath.normpath("/" + destination.lstrip("/"))
    if (clean == "/proc" and kind != "proc") or (clean.startswith("/proc/") and clean not in _PROC_FILES):
        raise StartFailed(f'"{destination}" cannot be mounted because it is inside /proc')


def _refuse_procfs(destination: str, target: int) -> None:
    """By what is really there: the way may have led over a link of the image."""
    if syscalls.filesystem_type(target) == PROC_MAGIC and posixpath.normpath(destination) not in _PROC_FILES:
        raise StartFailed(f'"{destination}" cannot be mounted because it is inside /proc')


class Mounter:
    """Mounts the entries of ``spec.mounts`` in order.

    Args:
        root: descriptor of the mounted root file system.
        wired: waits until the caller has done its part, such as writing the files that are bound next.
        cgroup: path of the container's cgroup, with the machine's layout.
        private_cgroup: it has a cgroup namespace of its own.
        label: SELinux context of the file systems that are made for it, ``""`` without SELinux.
    """

    def __init__(self, root: int, wired: Callable[[], None], cgroup: str, layout: Layout, *, private_cgroup: bool, label: str = "") -> None:
        self._root = root
        self._wired = wired
        self._cgroup = cgroup
        self._layout = layout
        self._private_cgroup = private_cgroup
        self._label = label
        self.proc = -1
        """Descriptor of the container's fresh procfs, or -1."""

    def mount(self, entry: Mapping[str, Any]) -> None:
        """Mount one entry.

        Raises:
            StartFailed: naming the entry, and the kernel's reason.
        """
        kind, destination = entry["type"], entry["destination"]
        try:
            options = Options(entry.get("options") or ())
            _refuse_name(kind, destination)
            if kind in ("proc", "sysfs"):
                self._mount_kernel(kind, destination, options)
            elif kind == "bind":
                self._wired()
                self._bind(entry, destination, options, deep=options.recursive and not entry.get(SHALLOW))
            elif kind == "join":
                self._join(entry["source"], destination)
            elif kind == "cgroup":
                self._mount_cgroup(destination, options)
            else:
                self._mount_new(kind, entry.get("source") or kind, destination, options)
        except OSError as error:
            below = entry.get(SUBPATH)
            source = f"{entry.get('source') or kind}{f'/{below}' if below else ''}"
            why = "the path leads out of what is mounted" if below and error.errno == errno.EXDEV else reason(error)
            raise StartFailed(f'error mounting "{source}" to rootfs at "{destination}": {why}') from None

    def _mount_kernel(self, kind: str, destination: str, options: Options) -> None:
        """procfs or sysfs, only on an ordinary directory: a link could lead the masks astray."""
        os.close(paths.make_directories(self._root, destination))
        resolve = paths.RESOLVE_IN_ROOT | paths.RESOLVE_NO_SYMLINKS
        try:
            target = paths.open_in_root(self._root, destination, syscalls.O_PATH | os.O_DIRECTORY, resolve=resolve)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise StartFailed(f'filesystem "{kind}" must be mounted on ordinary directory {destination}') from None
            raise
        try:
            tree = mounts.detached(kind, kind, options)
        except PermissionError:
            # In a user namespace there is none of our own that shows the host's network (sysfs) or processes (proc).
            tree = _bound("/sys" if kind == "sysfs" else "/proc", options)
        mounts.attach(tree, target)
        os.close(target)
        if kind == "proc":
            self.proc = tree
        else:
            os.close(tree)

    def _mount_new(self, kind: str, source: str, destination: str, options: Options) -> None:
        existed = True
        try:
            target = paths.open_in_root(self._root, destination, syscalls.O_PATH | os.O_DIRECTORY)
        except FileNotFoundError:
            target = paths.make_directories(self._root, destination)
            existed = False
        try:
            _refuse_procfs(destination, target)
            if kind == "tmpfs" and existed and not any(option.startswith("mode=") for option in options.data):
                options.data.append(f"mode={stat.S_IMODE(os.fstat(target).st_mode):o}")
            if self._label and kind in ("tmpfs", "devpts"):
                options.data.append(f"context={self._label}")
            if kind == "devpts":
                options.data = [option for option in options.data if option != "newinstance" and _group_exists(option)]
            tree = mounts.detached(kind, source, options)
            if options.copy_up and existed:
                copyup.copy(target, tree)
            mounts.attach(tree, target)
            if self._label and kind == "mqueue":  # which knows no context=
                selinux.label_open(tree, self._label)
            os.close(tree)
        finally:
            os.close(target)

    def _bind(self, entry: Mapping[str, Any], destination: str, options: Options, *, deep: bool) -> None:
        below = str(entry.get(SUBPATH) or "")
        layers = entry.get(LAYERS)
        tree = self._image(layers, below) if layers else _source(entry["source"], below, recursive=options.recursive)
        try:
            if stat.S_ISDIR(os.fstat(tree).st_mode):
                target = paths.make_directories(self._root, destination)
            else:
                target = paths.make_file(self._root, destination)
            try:
                _refuse_procfs(destination, target)
                if options.attr_set or options.attr_clr:
                    syscalls.mount_setattr(tree, recursive=deep, attr_set=options.attr_set, attr_clr=options.attr_clr)
                if options.deep_set or options.deep_clr:
                    syscalls.mount_setattr(tree, recursive=True, attr_set=options.deep_set, attr_clr=options.deep_clr)
                mounts.attach(tree, target)
                if options.propagation:
                    syscalls.mount_setattr(tree, recursive=options.recursive_propagation, propagation=options.propagation)
            finally:
                os.close(target)
        finally:
            os.close(tree)

    def _image(self, layers: Sequence[str], below: str) -> int:
        """A detached, read-only overlay of an image's layers, or of what is ``below`` its root."""
        tree = mounts.overlay(layers, "", "", label=self._label)
        if not below:
            return tree
        try:
            # Before Linux 6.15 open_tree(2) copies no part of what is not mounted: for a moment it is, over our root.
            mounts.attach(tree, self._root)
            try:
                return _below(tree, below, recursive=False)
            finally:
                syscalls.umount2(f"/proc/self/fd/{tree}", mounts.MNT_DETACH)
        finally:
            os.close(tree)

    def _join(self, namespace: str, destination: str) -> None:
        """Mount what another container (by its mount namespace) has mounted at ``destination``: its ``/dev/shm``."""
        own = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        try:
            namespaces.enter(namespace, namespaces.CLONE_NEWNS)
            try:
                tree = mounts.clone_path(destination, recursive=False)
            finally:
                syscalls.setns(own, namespaces.CLONE_NEWNS)
        finally:
            os.close(own)
        target = paths.make_directories(self._root, destination)
        mounts.attach(tree, target)
        os.close(target)
        os.close(tree)

    def _mount_cgroup(self, destination: str, options: Options) -> None:
        target = paths.make_directories(self._root, destination)
        try:
            if self._layout.version == 2:
                tree = self._unified(options)
                mounts.attach(tree, target)
                os.close(tree)
            elif self._layout.version == 1:
                self._mount_v1(target, options)
        finally:
            os.close(target)

    def _unified(self, options: Options) -> int:
        try:
            return mounts.detached("cgroup2", "cgroup", options)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EBUSY):
                raise
        tree = mounts.clone_path(self._layout.v2 + self._cgroup, recursive=False)
        syscalls.mount_setattr(tree, recursive=False, attr_set=options.attr_set)
        return tree

    def _mount_v1(self, target: int, options: Options) -> None:
        """A tmpfs with a directory for each hierarchy, and links for the names of co-mounted controllers."""
        holder = Options(("nosuid", "noexec", "nodev", "mode=755"))
        tmpfs = mounts.detached("tmpfs", "tmpfs", holder)
        by_name = {os.path.basename(point): point for point in self._layout.v1.values()}
        for name in by_name:
            os.mkdir(name, 0o755, dir_fd=tmpfs)
        for controller, point in self._layout.v1.items():
            if controller not in by_name and not controller.startswith("name="):
                os.symlink(os.path.basename(point), controller, dir_fd=tmpfs)
        mounts.attach(tmpfs, target)
        for name, point in by_name.items():
            if self._private_cgroup:
                held = [controller for controller, its in self._layout.v1.items() if its == point]
                named = ["none"] if all(controller.startswith("name=") for controller in held) else []
                merged = Options()
                merged.attr_set, merged.data = options.attr_set, [*named, *held]
                tree = mounts.detached("cgroup", "cgroup", merged)
            else:
                tree = mounts.clone_path(point + self._cgroup, recursive=False)
                syscalls.mount_setattr(tree, recursive=False, attr_set=options.attr_set)
            place = paths.open_beneath(tmpfs, name)
            mounts.attach(tree, place)
            os.close(place)
            os.close(tree)
        if options.attr_set & mounts.RDONLY:
            syscalls.mount_setattr(tmpfs, recursive=False, attr_set=mounts.RDONLY)
        os.close(tmpfs)


def _source(path: str, below: str, *, recursive: bool) -> int:
    """A detached copy of what is at ``path``, or ``below`` it: containers write there, so that no link may lead out (CVE-2023-28642)."""
    if not below:
        return mounts.clone_path(path, recursive=recursive)
    directory = os.open(path, syscalls.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _below(directory, below, recursive=recursive)
    finally:
        os.close(directory)


def _below(directory: int, path: str, *, recursive: bool) -> int:
    """A detached copy of what is at ``path`` in a directory; a link that leads out of it is refused with EXDEV."""
    place = paths.open_in_root(directory, path, syscalls.O_PATH, resolve=paths.RESOLVE_BENEATH | paths.RESOLVE_NO_MAGICLINKS)
    try:
        return mounts.clone(place, recursive=recursive)
    finally:
        os.close(place)


def _bound(path: str, options: Options) -> int:
    """The host's own mount at ``path``, a copy of it and of what is mounted below."""
    tree = mounts.clone_path(path)
    syscalls.mount_setattr(tree, recursive=True, attr_set=options.attr_set)
    return tree


def _group_exists(option: str) -> bool:
    """An option other than ``gid=``, or the group is mapped in our user namespace."""
    name, _, value = option.partition("=")
    return name != "gid" or userns.mapped_group(int(value))


def pivot(root: int) -> None:
    """Make ``root`` the root and drop the host's tree (the ``pivot_root(".", ".")`` of pivot_root(2))."""
    old = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    os.fchdir(root)
    syscalls.pivot_root(".", ".")
    os.fchdir(old)
    syscalls.mount("", ".", "", mounts.MS_SLAVE | mounts.MS_REC)
    syscalls.umount2(".", mounts.MNT_DETACH)
    os.close(old)
    os.chdir("/")


def move(root: int) -> None:
    """Make ``root`` the root where pivot_root(2) can not: the host's own root is a RAM disk, which nothing may leave.

    It is moved over the host's, as switch_root(8) does.
    """
    os.fchdir(root)
    syscalls.move_mount(root, os.open("/", syscalls.O_PATH | os.O_CLOEXEC))
    os.chroot(".")
    os.chdir("/")
