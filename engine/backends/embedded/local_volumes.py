"""Options of the ``local`` volume driver (moby ``volume/local``): what may be asked for, and a volume that is a directory of the host.

Of other file systems see :mod:`engine.runtime.volume_mounts`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from engine.errors import EngineFault, InvalidArgument, NotSupported
from engine.model.containers import Mount
from engine.runtime.volume_mounts import flags, is_plain_bind

_NEEDED = {"type": ("device",), "device": ("type",), "o": ("device", "type")}


def check(options: Mapping[str, str]) -> None:
    """Refuse what is wrong, in docker's words.

    Raises:
        InvalidArgument: an option is unknown, or one that it needs is missing.
        NotSupported: a size for what is no file system of its own.
    """
    for name in options:
        if name not in (*_NEEDED, "size"):
            raise InvalidArgument(f'invalid option: "{name}"')
        for needed in _NEEDED.get(name, ()):
            if not options.get(needed):
                raise InvalidArgument(f'missing required option: "{needed}"')
    if "size" in options:
        raise NotSupported(
            "quota size requested but no quota support", hint="a tmpfs has a size: --opt type=tmpfs --opt device=tmpfs --opt o=size=100m"
        )
    if is_plain_bind(options) and not options["device"].startswith("/"):
        raise InvalidArgument(f"invalid device {options['device']}: it must be an absolute path")


def mounted(mount: Mount, options: Mapping[str, str]) -> Mount:
    """A mount of a volume with ``options``, whose ``path`` is the volume's own directory. Raises EngineFault: there is no such device."""
    if not is_plain_bind(options):
        return mount
    device = options["device"]
    if not os.path.exists(device):
        raise EngineFault(
            f"error while mounting volume '{mount.path}': "
            f"failed to mount local volume: mount {device}:{mount.path}: no such file or directory",
            hint=f"make {device}, or remove the volume {mount.source}",
        )
    return mount.replace(path=device, read_only=mount.read_only or "ro" in flags(options))
