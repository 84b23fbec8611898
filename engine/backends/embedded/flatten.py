"""Layers copied over each other into one directory, for state roots on file systems that can not carry an overlay.

Slow and large, but the same content: whiteouts and opaque directories mean what overlayfs makes of them. Links are never
followed: every name is looked up in a directory that is held open.

Source: Linux ``Documentation/filesystems/overlayfs.rst``; OCI image-spec, ``layer.md``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from engine.backends.embedded import copyup
from engine.linux import mounts
from engine.store import faults
from engine.store.roots import Roots

_ANSWER = "overlay"
_READ = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque")


def overlay_works(roots: Roots, lowers: Sequence[str], upper: str, work: str) -> bool:
    """The kernel makes an overlay there. The answer is kept in the run root, for it does not change before the next boot."""
    path = f"{roots.run}/{_ANSWER}"
    try:
        with open(path, encoding="ascii") as file:
            return file.read() == "yes"
    except FileNotFoundError:
        pass
    try:
        os.close(mounts.overlay(lowers, upper, work))
        works = True
    except OSError:
        works = False
    from engine.store import atomic

    atomic.write_file(path, b"yes" if works else b"no", durable=False)
    return works


def flatten(lowers: Sequence[str], target: str) -> None:
    """Copy layers, topmost first in ``lowers``, into the empty directory ``target``.

    Raises:
        DiskFull, Forbidden, EngineFault: it can not be copied.
    """
    try:
        into = os.open(target, _READ)
        try:
            for layer in reversed(lowers):
                source = os.open(layer, _READ)
                try:
                    _merge(source, into)
                finally:
                    os.close(source)
        finally:
            os.close(into)
    except OSError as error:
        raise faults.from_os(error, f"copy the image to {target}") from error


def _merge(source: int, target: int) -> None:
    for name in os.listdir(source):
        above = os.stat(name, dir_fd=source, follow_symlinks=False)
        try:
            below = os.stat(name, dir_fd=target, follow_symlinks=False).st_mode
        except FileNotFoundError:
            below = 0
        if stat.S_ISDIR(above.st_mode):
            _merge_directory(source, target, name, below)
            continue
        if below:
            _remove(target, name, below)
        if not (stat.S_ISCHR(above.st_mode) and above.st_rdev == 0):  # a whiteout
            copyup.copy_entry(source, target, name, above)
    copyup.copy_metadata(source, target)


def _merge_directory(source: int, target: int, name: str, below: int) -> None:
    inner = os.open(name, _READ, dir_fd=source)
    try:
        if below and (not stat.S_ISDIR(below) or _opaque(inner)):
            _remove(target, name, below)
            below = 0
        if not below:
            os.mkdir(name, 0o700, dir_fd=target)
        into = os.open(name, _READ, dir_fd=target)
        try:
            _merge(inner, into)
        finally:
            os.close(into)
    finally:
        os.close(inner)


def _opaque(directory: int) -> bool:
    return any(name in _OPAQUE and os.getxattr(directory, name) == b"y" for name in os.listxattr(directory))


def _remove(directory: int, name: str, mode: int) -> None:
    if not stat.S_ISDIR(mode):
        os.unlink(name, dir_fd=directory)
        return
    inner = os.open(name, _READ, dir_fd=directory)
    try:
        for child in os.listdir(inner):
            _remove(inner, child, os.stat(child, dir_fd=inner, follow_symlinks=False).st_mode)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=directory)
