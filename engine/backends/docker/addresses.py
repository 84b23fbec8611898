"""Where a Docker Engine API answers: ``unix://``, ``tcp://``, ``ssh://``, and what docker's environment adds to it."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from engine.errors import InvalidArgument
from engine.model.value import Value

DEFAULT_URL = "unix:///var/run/docker.sock"


class Address(Value):
    """A parsed address.

    Attributes:
        url: as it was given.
        path: of the unix socket; for ssh of the remote one, ``""`` for the remote docker's default.
        host, port, user: for tcp and ssh; port 0 is the scheme's default.
        ca, certificate, key: files for TLS, ``""`` for the system's authorities and no client certificate.
        tls: talk TLS over tcp. ``verify`` off accepts any certificate.
    """

    url: str
    scheme: str
    path: str = ""
    host: str = ""
    port: int = 0
    user: str = ""
    tls: bool = False
    verify: bool = True
    ca: str = ""
    certificate: str = ""
    key: str = ""


def parse(url: str) -> Address:
    """The address that ``url`` spells.

    Raises:
        InvalidArgument: no such scheme, or parts are missing.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 0
    except ValueError as error:
        raise InvalidArgument(f"unable to parse docker host `{url}`: {error}") from error
    host, user = parts.hostname or "", parts.username or ""
    match parts.scheme:
        case "unix":
            path = url.removeprefix("unix://")
            if not path:
                raise InvalidArgument(f"unable to parse docker host `{url}`: no path")
            return Address(url=url, scheme="unix", path=path)
        case "tcp" | "http" | "https":
            if not host:
                raise InvalidArgument(f"unable to parse docker host `{url}`: no host")
            secure = parts.scheme == "https" or (parts.scheme == "tcp" and bool(os.environ.get("DOCKER_TLS_VERIFY")))
            found = Address(url=url, scheme="tcp", host=host, port=port or (2376 if secure else 2375), tls=secure)
            return with_certificates(found, os.environ.get("DOCKER_CERT_PATH", "")) if secure else found
        case "ssh":
            if not host or host.startswith("-") or user.startswith("-"):
                raise InvalidArgument(f"unable to parse docker host `{url}`: no host")
            if parts.password:
                raise InvalidArgument(f"unable to parse docker host `ssh://{host}`: plain-text password is not supported")
            return Address(url=url, scheme="ssh", host=host, port=port, user=user, path=parts.path.rstrip("/"))
        case scheme:
            raise InvalidArgument(f"unable to parse docker host `{url}`: unknown scheme {scheme!r}", hint="use unix://, tcp:// or ssh://")


def with_certificates(address: Address, directory: str) -> Address:
    """The same over TLS with ``ca.pem``, ``cert.pem`` and ``key.pem`` of ``directory``, as far as they are there."""
    if not directory:
        return address.replace(tls=True)

    def file(name: str) -> str:
        path = os.path.join(directory, name)
        return path if os.path.exists(path) else ""

    return address.replace(tls=True, ca=file("ca.pem"), certificate=file("cert.pem"), key=file("key.pem"))
