"""The only chooser between engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import InvalidArgument

if TYPE_CHECKING:
    from engine.backends.embedded.offload import Offload
    from engine.interface import Engine

_EMBEDDED = ("", "embedded", "embedded:")


def connect(url: str = "", *, root: str = "", config: str = "", offload: Offload | None = None) -> Engine:
    """The engine that ``url`` names. Nothing is asked of a remote one yet.

    Args:
        url: ``embedded:`` (also ``""``) is this machine with our own engine; ``unix://…``, ``tcp://…``, ``ssh://…``
            or the name of a Docker context are Docker Engine APIs.
        root: state root of the embedded engine, ``""`` for the usual one.
        config: path of ``config.toml``, ``""`` for the usual one.
        offload: how the embedded engine's synchronous work is run; ``None`` decides at each call, by whether an event
            loop is running.

    Raises:
        InvalidArgument: there is no such kind of engine or context, or a root makes no sense with it.
        Forbidden, DiskFull, EngineFault: the embedded engine's directories can not be used.
    """
    if url in _EMBEDDED:
        from engine.backends.embedded.engine import EmbeddedEngine
        from engine.store.roots import resolve

        return EmbeddedEngine(resolve(root), config=config, offload=offload)
    if root:
        raise InvalidArgument(f"a root belongs to the embedded engine, not to {url}", hint="leave --root out")
    from engine.backends.docker.engine import open_engine

    return open_engine(url)
