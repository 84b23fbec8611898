"""Names inside of a layer: what an archive member may be called, and which names mean something else.

A name is bytes relative to the layer's root, without empty, ``.`` and ``..`` components; ``b""`` is the root itself. Whiteouts are
those of the OCI image-spec (layer.md, "Whiteouts").
"""

from __future__ import annotations

from engine.errors import CorruptData

MAX_PATH = 4096
MAX_DEPTH = 512
WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
AUFS = b".wh..wh."
"""Names of aufs' own bookkeeping, which old layers may carry."""


def clean(name: bytes) -> bytes:
    """``name`` without leading slashes and without empty, ``.`` and ``..`` components.

    Raises:
        CorruptData: it climbs above the root, or is too long or too deep.
    """
    if name[:2] == b"./":
        name = name[2:]
    name = name.rstrip(b"/")
    if len(name) > MAX_PATH or name.count(b"/") > MAX_DEPTH:
        raise CorruptData(f"invalid path {shown(name)}: it is too long")
    if b"//" not in name and b"/." not in name and name[:1] not in (b"/", b".", b""):
        return name
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            if not parts:
                raise CorruptData(f"invalid path {shown(name)}: it leads out of the layer")
            parts.pop()
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)


def whiteout_target(base: bytes) -> bytes:
    """The name that the whiteout ``base`` removes.

    Raises:
        CorruptData: it would remove the directory itself or its parent.
    """
    target = base[len(WHITEOUT) :]
    if target in (b"", b".", b".."):
        raise CorruptData(f"invalid whiteout {shown(base)}")
    return target


def shown(name: bytes) -> str:
    """``name`` for an error message: escaped and cut."""
    return repr(name[:128])[1:]
