"""``config.toml``: mirrors and insecure registries.

::

    [registries."docker.io"]
    mirrors = ["http://127.0.0.1:5000"]     # asked first, in order; the registry itself comes last

    [registries."registry.example:5000"]
    insecure = true                         # no verification of its certificate, plain HTTP if it speaks no TLS

The first file that exists counts: the one that was named, ``$XDG_CONFIG_HOME/longshore/config.toml``,
``/etc/longshore/config.toml``. Other tables belong to other parts of Longshore and are left to them; in a registry's table
an unknown key is an error, because a misspelt ``mirrors`` would silently go to the network.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from engine.errors import InvalidArgument
from engine.model.reference import DEFAULT_DOMAIN, parse
from engine.model.value import EMPTY, Value

SYSTEM_FILE = "/etc/longshore/config.toml"
_KEYS = ("mirrors", "insecure")
MAX_SIZE = 1 << 20
"""Bytes that a configuration file may have."""

_EXAMPLE = 'write [registries."docker.io"] with mirrors = ["http://127.0.0.1:5000"] or insecure = true'


class Registry(Value):
    """What is configured for one registry. ``mirrors`` are base URLs without a final slash."""

    mirrors: tuple[str, ...] = ()
    insecure: bool = False


class Settings(Value):
    """The configuration of registries, by their domain as it stands in references."""

    path: str = ""
    registries: Mapping[str, Registry] = EMPTY

    def registry(self, domain: str) -> Registry:
        """What is configured for ``domain``; nothing special when it is not named."""
        return self.registries.get(domain, Registry())


def candidates(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The files that are looked for when none is named, first that exists counts."""
    values = os.environ if environ is None else environ
    home = values.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(home):
        home = os.path.join(values.get("HOME", "") or os.path.expanduser("~"), ".config")
    return os.path.join(home, "longshore", "config.toml"), SYSTEM_FILE


def load(path: str = "", environ: Mapping[str, str] | None = None) -> Settings:
    """The configuration in ``path``, or in the first of :func:`candidates` that exists, or none at all.

    Raises:
        InvalidArgument: the named file can not be read, or a file's content is wrong; says where.
    """
    for each in (path,) if path else candidates(environ):
        try:
            with open(each, "rb") as file:
                data = file.read(MAX_SIZE + 1)
        except (FileNotFoundError, NotADirectoryError):
            if path:
                raise InvalidArgument(f"configuration file {path}: no such file") from None
        except OSError as error:
            raise InvalidArgument(f"configuration file {each}: {(error.strerror or str(error)).lower()}") from None
        else:
            return decode(data, each)
    return Settings()


def decode(data: bytes, path: str) -> Settings:
    """The configuration in the bytes of a file; ``path`` is for messages.

    Raises:
        InvalidArgument: no TOML, or not ours; names file, table and key.
    """
    tables = document(data, path).get("registries", {})
    if not isinstance(tables, dict):
        raise InvalidArgument(f"configuration file {path}: registries must be a table", hint=_EXAMPLE)
    return Settings(path=path, registries=dict(_registry(domain, table, path) for domain, table in tables.items()))


def document(data: bytes, path: str) -> dict[str, Any]:
    """The tables in the bytes of a file; ``path`` is for messages. Raises InvalidArgument."""
    import tomllib

    if len(data) > MAX_SIZE:
        raise InvalidArgument(f"configuration file {path}: larger than {MAX_SIZE} bytes")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"configuration file {path}: no valid TOML: {error}") from None


def _registry(domain: str, table: Any, path: str) -> tuple[str, Registry]:
    where = f'configuration file {path}: registries."{domain}"'
    domain = _check_domain(domain, where)
    if not isinstance(table, dict):
        raise InvalidArgument(f"{where} must be a table", hint=_EXAMPLE)
    for key in table:
        if key not in _KEYS:
            raise InvalidArgument(f'{where}: unknown key "{key}"', hint=f"known keys are {' and '.join(_KEYS)}")
    insecure = table.get("insecure", False)
    if not isinstance(insecure, bool):
        raise InvalidArgument(f"{where}: insecure must be true or false")
    mirrors = table.get("mirrors", [])
    if not isinstance(mirrors, list) or not all(isinstance(each, str) for each in mirrors):
        raise InvalidArgument(f'{where}: mirrors must be a list of URLs, such as ["http://127.0.0.1:5000"]')
    return domain, Registry(mirrors=tuple(_check_mirror(each, where) for each in mirrors), insecure=insecure)


def _check_domain(domain: str, where: str) -> str:
    if "://" in domain or "/" in domain:
        raise InvalidArgument(f'{where}: the name must be a registry\'s host and port, such as "docker.io" or "registry.example:5000"')
    try:
        found = parse(f"{domain}/name").domain
    except InvalidArgument:
        found = ""
    if not domain or found not in (domain, DEFAULT_DOMAIN) or (found == DEFAULT_DOMAIN and domain not in (found, "index.docker.io")):
        raise InvalidArgument(f'{where}: the name must be a registry\'s host and port, such as "docker.io" or "registry.example:5000"')
    return found


def _check_mirror(url: str, where: str) -> str:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise InvalidArgument(f'{where}: mirror "{url}" is no URL: {error}') from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidArgument(f'{where}: mirror "{url}" must be an http:// or https:// URL', hint='such as "http://127.0.0.1:5000"')
    if parts.username is not None or parts.query or parts.fragment:
        # The text is not repeated: it may hold a password.
        raise InvalidArgument(f"{where}: the URL of mirror {parts.hostname} must not have a user, query or fragment")
    return url.rstrip("/")
