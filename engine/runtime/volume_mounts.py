"""File systems that volumes are of (options of the ``local`` driver, moby ``volume/local``): mounted on the host and taken off again.

Docker mounts such a volume when the first container needs it and unmounts it after the last one. A volume that only is another
directory of the host (``o=bind``) needs no mount here: each container binds that directory for itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from engine.errors import EngineFault
from engine.linux import mounts, syscalls

_PLAIN = frozenset(("bind", "rbind", "ro", "rw"))
_NETWORK = frozenset(("nfs", "nfs4", "cifs"))
_SECRET = ("password=", "pass=")
_ESCAPED = {ord(letter): f"\\{ord(letter):03o}" for letter in " \t\n\\"}


def flags(options: Mapping[str, str]) -> tuple[str, ...]:
    """The words of ``o``."""
    return tuple(filter(None, options.get("o", "").split(",")))


def is_plain_bind(options: Mapping[str, str]) -> bool:
    """The volume is a directory of the host, and nothing is asked of it but perhaps to be read only."""
    words = set(flags(options))
    return bool(words & {"bind", "rbind"}) and words <= _PLAIN


def is_own(options: Mapping[str, str]) -> bool:
    """The volume is a file system that has to be mounted before it can be used."""
    return bool(options) and not is_plain_bind(options)


def is_mounted(place: str) -> bool:
    """Something is mounted on the directory ``place`` in our mount namespace: a bind mount of the same file system too."""
    found = os.fsencode(os.path.realpath(place).translate(_ESCAPED))
    with open("/proc/thread-self/mountinfo", "rb") as table:
        return any(line.split(b" ", 5)[4] == found for line in table)


def mount(options: Mapping[str, str], place: str) -> None:
    """Mount what ``options`` say on the directory ``place``.

    Raises:
        EngineFault: the kernel refuses, in docker's words; a password is not repeated in them.
    """
    device, words = options["device"], list(flags(options))
    try:
        words = _resolved(options["type"], words)
        tree = _tree(options["type"], device, words)
        try:
            target = os.open(place, syscalls.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                mounts.attach(tree, target)
            finally:
                os.close(target)
        finally:
            os.close(tree)
    except OSError as error:
        said = ",".join(f"{word.partition('=')[0]}=********" if word.startswith(_SECRET) else word for word in words)
        reason = (error.strerror or str(error)).lower()
        raise EngineFault(
            f"error while mounting volume '{place}': failed to mount local volume: mount {device}:{place}, data: {said}: {reason}",
            hint=f"the volume is of type {options['type']}: see that the kernel knows it and that {device} is there",
        ) from error


def unmount(place: str) -> None:
    """Take everything off ``place``; nothing there is fine. Processes that still have files open keep them (``MNT_DETACH``).

    Raises:
        EngineFault: the kernel refuses.
    """
    try:
        while is_mounted(place):
            syscalls.umount2(place, mounts.MNT_DETACH)
    except OSError as error:
        raise EngineFault(f"unmount volume '{place}': {(error.strerror or str(error)).lower()}") from error


def _tree(kind: str, device: str, words: list[str]) -> int:
    """A detached mount of it."""
    options = mounts.Options(words)
    if not {"bind", "rbind"} & set(words):
        return mounts.detached(kind, device, options)
    tree = mounts.clone_path(device, recursive=options.recursive)
    try:
        syscalls.mount_setattr(tree, recursive=False, attr_set=options.attr_set, attr_clr=options.attr_clr)
    except BaseException:
        os.close(tree)
        raise
    return tree


def _resolved(kind: str, words: list[str]) -> list[str]:
    """Network file systems get an address in place of a name: the kernel looks up none."""
    if kind not in _NETWORK:
        return words
    import socket

    found = []
    for word in words:
        key, equals, value = word.partition("=")
        if key == "addr" and equals:
            value = str(socket.getaddrinfo(value, None, type=socket.SOCK_STREAM)[0][4][0])
        found.append(f"{key}{equals}{value}")
    return found
