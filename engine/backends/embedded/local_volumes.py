"""Options of the ``local`` volume driver: a volume that is a directory of the host (``type=none o=bind device=/path``).

Docker's driver mounts any file system (moby ``volume/local``). We mount none on the host, where nobody would be left to unmount it:
what is bound is mounted by each container for itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from engine.errors import EngineFault, InvalidArgument, NotSupported
from engine.model.containers import Mount

_NEEDED = {"type": ("device",), "device": ("type",), "o": ("device", "type")}
_BINDS = frozenset(("bind", "rbind"))
_FLAGS = _BINDS | {"ro", "rw"}


def check(options: Mapping[str, str]) -> None:
    """Refuse what is wrong, in docker's words, and what is not done here.

    Raises:
        InvalidArgument: an option is unknown, or one that it needs is missing.
        NotSupported: it is no bind.
    """
    for name in options:
        if name not in (*_NEEDED, "size"):
            raise InvalidArgument(f'invalid option: "{name}"')
        for needed in _NEEDED.get(name, ()):
            if not options.get(needed):
                raise InvalidArgument(f'missing required option: "{needed}"')
    if not options:
        return
    flags = _flags(options)
    if not flags & _BINDS or flags - _FLAGS or "size" in options:
        asked = ", ".join(f"{name}={value}" for name, value in options.items())
        raise NotSupported(f"volume options {asked} are not supported", hint="mount the file system on the host and bind it: o=bind")
    if not options["device"].startswith("/"):
        raise InvalidArgument(f"invalid device {options['device']}: it must be an absolute path")


def mounted(mount: Mount, options: Mapping[str, str]) -> Mount:
    """A mount of a volume with ``options``, whose ``path`` is the volume's own directory. Raises EngineFault: there is no such device."""
    if not options:
        return mount
    device = options["device"]
    if not os.path.exists(device):
        raise EngineFault(
            f"error while mounting volume '{mount.path}': "
            f"failed to mount local volume: mount {device}:{mount.path}: no such file or directory",
            hint=f"make {device}, or remove the volume {mount.source}",
        )
    return mount.replace(path=device, read_only=mount.read_only or "ro" in _flags(options))


def _flags(options: Mapping[str, str]) -> frozenset[str]:
    return frozenset(filter(None, options.get("o", "").split(",")))
