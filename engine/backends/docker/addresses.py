"""Where a Docker Engine API answers: ``unix://``, ``tcp://``, ``ssh://``, and what docker's environment adds to it."""

from __future__ import annotations

import os
from urllib.parse import SplitResult, unquote, urlsplit

from engine.errors import InvalidArgument
from engine.model.value import Value

DEFAULT_URL = "unix:///var/run/docker.sock"
PORT, TLS_PORT = 2375, 2376
_DANGEROUS = frozenset("'`\"$\\;&<>|(){},@/")


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
        InvalidArgument: no such scheme, parts are missing, or there is a password, which nobody shall keep in an address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 0
    except ValueError as error:
        raise InvalidArgument(f"unable to parse docker host `{_quiet(url)}`: {error}") from error
    if parts.password is not None:
        raise InvalidArgument(f"unable to parse docker host `{_quiet(url)}`: plain-text password is not supported")
    match parts.scheme:
        case "unix":
            path = url.removeprefix("unix://")
            if not path.startswith("/"):
                raise InvalidArgument(f"unable to parse docker host `{url}`: no path", hint="such as unix:///var/run/docker.sock")
            return Address(url=url, scheme="unix", path=path)
        case "tcp" | "http" | "https":
            host = parts.hostname or ""
            if not host:
                raise InvalidArgument(f"unable to parse docker host `{url}`: no host")
            secure = parts.scheme == "https" or (parts.scheme == "tcp" and bool(os.environ.get("DOCKER_TLS_VERIFY")))
            found = Address(url=url, scheme="tcp", host=host, port=port or (TLS_PORT if secure else PORT), tls=secure)
            return with_certificates(found, _certificates()) if secure else found
        case "ssh":
            return _ssh(url, parts, port)
        case scheme:
            raise InvalidArgument(f"unable to parse docker host `{url}`: unknown scheme {scheme!r}", hint="use unix://, tcp:// or ssh://")


def _ssh(url: str, parts: SplitResult, port: int) -> Address:
    """User and host become arguments of ssh, whose configuration may hand them to a shell (``ProxyCommand``, ``Match exec``).

    So neither may be an option, and neither may have characters in it that OpenSSH 9.6 refuses for the same reason (CVE-2023-51385).
    Letters keep their case: ``Host`` patterns of ssh's configuration tell them apart.
    """
    user, at, rest = parts.netloc.rpartition("@")
    user = unquote(user)
    host = rest.partition("]")[0].removeprefix("[") if rest.startswith("[") else rest.partition(":")[0]
    for what, text in (("host", host), ("user", user)):
        if text.startswith("-") or any(char in _DANGEROUS or not char.isprintable() or char.isspace() for char in text):
            raise InvalidArgument(f"unable to parse docker host `{url}`: invalid {what} {text!r}")
    if not host or (at and not user):
        raise InvalidArgument(f"unable to parse docker host `{url}`: no {'user before the @' if host else 'host'}")
    if parts.query or parts.fragment:
        raise InvalidArgument(f"unable to parse docker host `{url}`: extra text after the path")
    path = unquote(parts.path).rstrip("/")
    if not path.isprintable():
        raise InvalidArgument(f"unable to parse docker host `{url}`: invalid path {path!r}")
    return Address(url=url, scheme="ssh", host=host, port=port, user=user, path=path)


def _quiet(url: str) -> str:
    """The address without what stands before its ``@``, where a password may be."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _certificates() -> str:
    """Docker's directory of certificates: ``DOCKER_CERT_PATH``, else ``DOCKER_CONFIG``, else ``~/.docker``."""
    return os.environ.get("DOCKER_CERT_PATH") or os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")


def with_certificates(address: Address, directory: str) -> Address:
    """The same over TLS with ``ca.pem``, ``cert.pem`` and ``key.pem`` of ``directory``, as far as they are there."""
    if not directory:
        return address.replace(tls=True)

    def file(name: str) -> str:
        path = os.path.join(directory, name)
        return path if os.path.exists(path) else ""

    return address.replace(tls=True, ca=file("ca.pem"), certificate=file("cert.pem"), key=file("key.pem"))
