"""``--volume`` and ``--mount``."""

from __future__ import annotations

import os

from engine.errors import InvalidArgument
from engine.model.containers import Mount

_READ_ONLY = frozenset(("ro", "readonly"))


def parse_volume(text: str) -> Mount:
    """``SOURCE:TARGET[:OPTIONS]``: a path binds, a name is a volume; a missing host path is made.

    Raises:
        InvalidArgument: ``invalid volume specification: '…'``.
    """
    parts = text.split(":")
    if len(parts) not in (2, 3) or not parts[0] or not parts[1]:
        raise InvalidArgument(f"invalid volume specification: '{text}'")
    source, target = parts[0], parts[1]
    if not target.startswith("/"):
        raise InvalidArgument(f"invalid volume specification: '{text}': invalid mount config: mount path must be absolute: {target}")
    options = [option for option in (parts[2].split(",") if len(parts) == 3 else []) if option]
    bind = source.startswith(("/", ".", "~"))
    return Mount(
        kind="bind" if bind else "volume",
        source=os.path.abspath(os.path.expanduser(source)) if bind else source,
        target=target,
        read_only="ro" in options,
        options=tuple(option for option in options if option not in ("ro", "rw")),
        create_source=bind,
    )


def parse_mount(text: str) -> Mount:
    """``type=bind,source=/x,target=/y,readonly``.

    Raises:
        InvalidArgument: an unknown key, or no target.
    """
    kind, source, target, read_only = "volume", "", "", False
    options: list[str] = []
    for field in text.split(","):
        key, equals, value = field.partition("=")
        key = key.strip().lower()
        match key:
            case "type":
                kind = value.lower()
            case "source" | "src":
                source = value
            case "target" | "dst" | "destination":
                target = value
            case _ if key in _READ_ONLY:
                read_only = not equals or value.lower() in ("1", "true")
            case "bind-propagation":
                options.append(value)
            case "volume-nocopy":
                options.append("nocopy")
            case "tmpfs-size":
                options.append(f"size={value}")
            case "tmpfs-mode":
                options.append(f"mode={value}")
            case _:
                raise InvalidArgument(f"invalid argument \"{text}\" for \"--mount\" flag: unexpected key '{key}' in '{field}'")
    if not target:
        raise InvalidArgument(f'invalid argument "{text}" for "--mount" flag: target is required')
    if kind not in ("bind", "volume", "tmpfs"):
        raise InvalidArgument(f'invalid argument "{text}" for "--mount" flag: unknown mount type "{kind}"')
    if kind == "bind":
        source = os.path.abspath(source)
    return Mount(kind=kind, source=source, target=target, read_only=read_only, options=tuple(options))
