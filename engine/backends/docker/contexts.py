"""Docker contexts: named addresses in ``~/.docker/contexts`` (docker/cli, cli/context/store)."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from engine.backends.docker import addresses
from engine.backends.docker.addresses import Address
from engine.errors import InvalidArgument, NotFound

_META_LIMIT = 1 << 20


def config_directory() -> str:
    """``DOCKER_CONFIG``, else ``~/.docker``."""
    return os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")


def names() -> list[str]:
    """The contexts there are, ``default`` first."""
    directory = os.path.join(config_directory(), "contexts", "meta")
    try:
        entries = os.listdir(directory)
    except OSError:
        entries = []
    found = [str(meta.get("Name", "")) for entry in entries if (meta := _read(os.path.join(directory, entry, "meta.json")))]
    return ["default", *sorted(name for name in found if name and name != "default")]


def current() -> str:
    """The context that docker's command line would take: ``default`` where ``DOCKER_HOST`` is set, else ``DOCKER_CONTEXT``, else what
    ``docker context use`` wrote into ``config.json`` (docker/cli, cli/command, resolveContextName).
    """
    if os.environ.get("DOCKER_HOST"):
        return "default"
    if named := os.environ.get("DOCKER_CONTEXT"):
        return named
    found = (_read(os.path.join(config_directory(), "config.json")) or {}).get("currentContext")
    return found if isinstance(found, str) and found else "default"


def load(name: str) -> Address:
    """The Docker address of a context; ``default`` is ``DOCKER_HOST`` or docker's own socket.

    Raises:
        NotFound: no such context.
        InvalidArgument: it names no address that we can talk to.
    """
    if name == "default":
        return addresses.parse(os.environ.get("DOCKER_HOST") or addresses.DEFAULT_URL)
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    directory = os.path.join(config_directory(), "contexts")
    meta = _read(os.path.join(directory, "meta", digest, "meta.json"))
    if meta is None:
        raise NotFound(f'context "{name}" does not exist', hint="known contexts: " + ", ".join(names()))
    endpoint = meta.get("Endpoints", {}).get("docker", {}) if isinstance(meta.get("Endpoints"), dict) else {}
    host = endpoint.get("Host") if isinstance(endpoint, dict) else None
    if not isinstance(host, str) or not host:
        raise InvalidArgument(f'context "{name}" has no docker endpoint')
    address = addresses.parse(host)
    certificates = os.path.join(directory, "tls", digest, "docker")
    if address.scheme == "tcp" and os.path.isdir(certificates):
        address = addresses.with_certificates(address, certificates)
    if endpoint.get("SkipTLSVerify") is True:
        address = address.replace(verify=False)
    return address


def _read(path: str) -> dict[str, Any] | None:
    try:
        with open(path, "rb") as file:
            value = json.loads(file.read(_META_LIMIT))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
