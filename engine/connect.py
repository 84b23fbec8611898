"""The only chooser between engines."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from engine.errors import InvalidArgument, LongshoreError
from engine.model.hosts import ALL

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.backends.embedded.offload import Offload
    from engine.interface import Engine, Hosts

_EMBEDDED = ("", "embedded", "embedded:")


def connect(
    url: str = "",
    *,
    root: str = "",
    config: str = "",
    offload: Offload | None = None,
    lost: Callable[[str, LongshoreError], object] | None = None,
) -> Engine:
    """The engine that ``url`` names. Nothing is asked of a remote one yet.

    Args:
        url: ``embedded:`` (also ``""``) is this machine with our own engine; ``unix://…``, ``tcp://…``, ``ssh://…`` are Docker Engine
            APIs, and so are the names of hosts that were added, of docker's contexts, and of sockets that are found; ``docker`` is
            where docker's own command line would go, ``all`` every host that is known as one.
        root: state root of the embedded engine, ``""`` for the usual one.
        config: path of ``config.toml``, ``""`` for the usual one.
        offload: how the embedded engine's synchronous work is run; ``None`` decides at each call, by whether an event
            loop is running.
        lost: for ``all``, who is told of a host that does not answer while others do.

    Raises:
        InvalidArgument: there is no such kind of engine, or a root makes no sense with it.
        NotFound: no host or context has that name.
        NotSupported: an ordinary user may not have user namespaces here.
        Forbidden, DiskFull, EngineFault: the embedded engine's directories can not be used.
    """
    if url in _EMBEDDED:
        from engine.backends.embedded.engine import EmbeddedEngine
        from engine.store.roots import resolve

        roots = resolve(root)
        if os.geteuid():
            from engine.rootless import entry

            entry.enter(roots)
        return EmbeddedEngine(roots, config=config, offload=offload)
    if url == ALL:
        return hosts(root=root, config=config, lost=lost).open_all()
    if root:
        raise InvalidArgument(f"a root belongs to the embedded engine, not to {url}", hint="leave --root out")
    from engine.backends.docker.engine import DockerEngine
    from engine.hosts.names import address_of

    return DockerEngine(address_of(url))


def hosts(*, root: str = "", config: str = "", lost: Callable[[str, LongshoreError], object] | None = None) -> Hosts:
    """The hosts that are known here. ``root`` and ``config`` are the embedded engine's; for ``lost`` see :func:`connect`."""
    from engine.hosts.known import KnownHosts

    def open_host(name: str) -> Engine:
        return connect(name, root=root if name in _EMBEDDED else "", config=config)

    return KnownHosts(open_host) if lost is None else KnownHosts(open_host, lost=lost)
