"""A new volume begins with what the image has at its place (docker's copy-up).

The image is hostile: its path is looked up by the kernel inside a detached, read-only mount of its layers, so that a link to
``/etc`` leads to the image's ``/etc`` (CVE-2022-23648), and everything below is copied by descriptor, links never followed.

Source: moby ``volume/mounts`` and ``container/container_unix.go`` (``CopyImagePathContent``).
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from engine.image.flatten import flatten
from engine.linux import mounts, paths
from engine.store import atomic, faults


def fill(layers: Sequence[str], place: str, target: str) -> bool:
    """Copy the directory ``place`` of an image, with owners and modes, into the empty directory ``target``.

    Args:
        layers: directories of the image's layers, topmost first.

    Returns:
        ``False``: the image has no directory there, or ``target`` is not empty.

    Raises:
        DiskFull, Forbidden, EngineFault: it can not be copied.
    """
    try:
        if not layers or os.listdir(target):
            return False
        root = _open_layers(layers)
        try:
            try:
                source = paths.open_in_root(root, place, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK)
            except (FileNotFoundError, NotADirectoryError):
                return False
            try:
                flatten([f"/proc/self/fd/{source}/."], target)
                atomic.sync_directory(target)
            finally:
                os.close(source)
        finally:
            os.close(root)
    except OSError as error:
        raise faults.from_os(error, f"copy {place} of the image to volume {target}") from error
    return True


def _open_layers(layers: Sequence[str]) -> int:
    if len(layers) == 1:  # an overlay without upper needs two
        return os.open(layers[0], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return mounts.overlay(layers, "", "")
