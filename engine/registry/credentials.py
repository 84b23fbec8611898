"""Stored credentials: docker's ``config.json`` with its credential helpers, and podman's ``auth.json``.

A store that can not be read is no reason to refuse a public image, but a reason to be told when the registry then says
no: :class:`Found` carries the trouble along. Credentials are matched by the registry's host alone and go nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from engine.model.auth import Credentials
from engine.model.reference import DEFAULT_DOMAIN
from engine.model.value import Value
from engine.registry.endpoints import HUB_CREDENTIALS_KEY

MAX_SIZE = 4 << 20
_HELPER_TIMEOUT = 30
NOT_FOUND = "credentials not found in native keychain"
_HELPER_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
_TOKEN_USER = "<token>"
_HUB_HOSTS = ("docker.io", "index.docker.io", "registry-1.docker.io")


class Found(Value):
    """The outcome of a search: maybe credentials, and what kept us from looking everywhere, or ``""``."""

    credentials: Credentials = Credentials()
    problem: str = ""


def lookup(domain: str, environ: Mapping[str, str] | None = None, *, path: str = "") -> Found:
    """The credentials stored for the registry ``domain`` (``docker.io`` for Docker Hub), or for the repository ``path`` there.

    Sources, in order: ``DOCKER_AUTH_CONFIG``, ``$DOCKER_CONFIG/config.json`` (``~/.docker``), podman's
    ``$REGISTRY_AUTH_FILE`` or ``$XDG_RUNTIME_DIR/containers/auth.json``. Raises nothing.
    """
    values = os.environ if environ is None else environ
    problem = ""
    for name, text in _documents(values):
        document, trouble = _decode(name, text)
        problem = problem or trouble
        found = _from_document(document, domain, path, values)
        problem = problem or found.problem
        if not found.credentials.anonymous:
            return Found(credentials=found.credentials)
    return Found(problem=problem)


def _documents(environ: Mapping[str, str]) -> Iterator[tuple[str, bytes | OSError]]:
    if inline := environ.get("DOCKER_AUTH_CONFIG", ""):
        yield "DOCKER_AUTH_CONFIG", inline.encode()
    home = environ.get("HOME", "") or os.path.expanduser("~")
    paths = [os.path.join(environ.get("DOCKER_CONFIG", "") or os.path.join(home, ".docker"), "config.json")]
    if named := environ.get("REGISTRY_AUTH_FILE", ""):
        paths.append(named)
    elif runtime := environ.get("XDG_RUNTIME_DIR", ""):
        paths.append(os.path.join(runtime, "containers", "auth.json"))
    for path in paths:
        try:
            with open(path, "rb") as file:
                yield path, file.read(MAX_SIZE)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            yield path, error


def _decode(name: str, data: bytes | OSError) -> tuple[dict[str, Any], str]:
    import json

    if isinstance(data, OSError):
        return {}, f"{name}: {(data.strerror or str(data)).lower()}"
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return {}, f"{name}: no valid JSON"
    return (document, "") if isinstance(document, dict) else ({}, f"{name}: no JSON object")


def _from_document(document: dict[str, Any], domain: str, path: str, environ: Mapping[str, str]) -> Found:
    found = helper(document, domain)
    if found:
        return _ask_helper(found, domain, environ)
    auths = document.get("auths")
    if isinstance(auths, dict):
        for key, entry in sorted(auths.items(), key=lambda item: len(item[0]), reverse=True):
            if isinstance(entry, dict) and (names_host(key, domain) or f"{domain}/{path}/".startswith(f"{key}/")):
                return Found(credentials=_entry(entry))
    return Found()


def _hosts(domain: str) -> tuple[str, ...]:
    return _HUB_HOSTS if domain == DEFAULT_DOMAIN else (domain,)


def _key_host(key: str) -> str:
    """The host of a key such as ``https://index.docker.io/v1/``; ``""`` for podman's keys with a repository path."""
    scheme, separator, rest = key.partition("://")
    host, _, path = (rest if separator else scheme).partition("/")
    return host if separator or path in ("", "v1/", "v2/", "v1", "v2") else ""


def names_host(key: str, domain: str) -> bool:
    """``key`` of an ``auths`` object stands for the registry ``domain`` as a whole."""
    return _key_host(key) in _hosts(domain)


def program(name: str) -> str:
    """The executable of the credential helper ``name``; ``""`` when that is no valid name."""
    return f"docker-credential-{name}" if name and _HELPER_NAME.issuperset(name) else ""


def helper(document: dict[str, Any], domain: str) -> str:
    """The name of the credential helper that is configured for a registry, ``""`` for none."""
    per_host = document.get("credHelpers")
    if isinstance(per_host, dict):
        for key, name in per_host.items():
            if isinstance(name, str) and _key_host(key) in _hosts(domain):
                return name
    store = document.get("credsStore")
    return store if isinstance(store, str) else ""


def _entry(entry: dict[str, Any]) -> Credentials:
    import base64
    import binascii

    def text(key: str) -> str:
        value = entry.get(key)
        return value if isinstance(value, str) else ""

    username, password = text("username"), text("password")
    if text("auth"):
        try:
            decoded = base64.b64decode(text("auth") + "==").decode("utf-8").rstrip("\0")
        except (binascii.Error, ValueError):
            decoded = ""
        user, colon, secret = decoded.partition(":")
        if colon:
            username, password = user, secret
    return Credentials(username=username, password=password, identity_token=text("identitytoken"), registry_token=text("registrytoken"))


def _ask_helper(name: str, domain: str, environ: Mapping[str, str]) -> Found:
    import json
    import subprocess

    executable = program(name)
    if not executable:
        return Found(problem=f"credential helper {name!r}: not a valid name")
    key = HUB_CREDENTIALS_KEY if domain == DEFAULT_DOMAIN else domain
    try:
        done = subprocess.run(
            [executable, "get"], input=key.encode(), capture_output=True, timeout=_HELPER_TIMEOUT, env=dict(environ), check=False
        )
    except FileNotFoundError:
        return Found(problem=f"credential helper {executable}: executable file not found in $PATH")
    except (OSError, subprocess.TimeoutExpired) as error:
        return Found(problem=f"credential helper {executable}: {error}")
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip()
        return Found(problem="" if said == NOT_FOUND else f"credential helper {executable}: {said[:200] or 'failed'}")
    try:
        answer = json.loads(done.stdout)
        username, secret = str(answer.get("Username") or ""), str(answer.get("Secret") or "")
    except (ValueError, RecursionError, AttributeError):
        return Found(problem=f"credential helper {executable}: its answer is no valid JSON")
    if username in (_TOKEN_USER, ""):
        return Found(credentials=Credentials(identity_token=secret))
    return Found(credentials=Credentials(username=username, password=secret))
