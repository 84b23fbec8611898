"""Which registry ``login`` and ``logout`` mean."""

from __future__ import annotations

from engine.errors import InvalidArgument
from engine.model.reference import DEFAULT_DOMAIN, parse

_HUB = ("", DEFAULT_DOMAIN, "index.docker.io", "registry-1.docker.io")


def domain_of(server: str) -> str:
    """The registry of an address that may be a URL: ``docker.io`` for Docker Hub and for none.

    Raises:
        InvalidArgument: it is no registry's.
    """
    host = server.partition("://")[2] if "://" in server else server
    host = host.partition("/")[0]
    if host in _HUB:
        return DEFAULT_DOMAIN
    try:
        parse(f"{host}/name")
    except InvalidArgument:
        raise InvalidArgument(f"{server!r} is no registry", hint="such as registry.example:5000") from None
    return host
