"""Keeping credentials where docker keeps them: in a credential helper, or else in ``config.json``.

The file is replaced whole, mode 0600, with everything in it that is not ours; a symbolic link stays one. One that can not be
understood is not touched.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from engine.errors import EngineFault, InvalidArgument
from engine.model.auth import Credentials
from engine.model.reference import DEFAULT_DOMAIN
from engine.registry import credentials as stored
from engine.registry.endpoints import HUB_CREDENTIALS_KEY
from engine.registry.failures import clean
from engine.store import atomic, faults

_HELPER_TIMEOUT = 60


def key_of(domain: str) -> str:
    """What a registry is called in docker's configuration."""
    return HUB_CREDENTIALS_KEY if domain == DEFAULT_DOMAIN else domain


def path_of(environ: Mapping[str, str] | None = None) -> str:
    """The configuration file."""
    values = os.environ if environ is None else environ
    home = values.get("HOME", "") or os.path.expanduser("~")
    return os.path.join(values.get("DOCKER_CONFIG", "") or os.path.join(home, ".docker"), "config.json")


def keep(domain: str, credentials: Credentials, environ: Mapping[str, str] | None = None) -> bool:
    """Store the credentials for a registry. ``True``: a helper has them; ``False``: they lie in the file, unencrypted.

    Raises:
        InvalidArgument: the configuration is malformed, or the helper's name is.
        EngineFault: helper or file refuse.
    """
    document = _read(environ)
    helper = stored.helper(document, domain)
    auths = _auths(document)
    _forget(auths, domain)
    if helper:
        import json

        user = credentials.username if not credentials.identity_token else "<token>"
        secret = credentials.identity_token or credentials.password
        _call(helper, "store", json.dumps({"ServerURL": key_of(domain), "Username": user, "Secret": secret}), environ)
        auths[key_of(domain)] = {}
    else:
        auths[key_of(domain)] = _entry(credentials)
    _write(document, environ)
    return bool(helper)


def forget(domain: str, environ: Mapping[str, str] | None = None) -> bool:
    """Remove the credentials for a registry. ``False``: none were stored.

    Raises:
        As :func:`keep`.
    """
    document = _read(environ)
    helper = stored.helper(document, domain)
    auths = _auths(document)
    found = _forget(auths, domain)
    if helper:
        found = _call(helper, "erase", key_of(domain), environ) or found
    if found:
        _write(document, environ)
    return found


def _entry(credentials: Credentials) -> dict[str, str]:
    import base64

    pair = f"{credentials.username}:{credentials.password}"
    entry = {"auth": base64.b64encode(pair.encode()).decode("ascii")}
    return {**entry, "identitytoken": credentials.identity_token} if credentials.identity_token else entry


def _auths(document: dict[str, Any]) -> dict[str, Any]:
    found = document.setdefault("auths", {})
    if not isinstance(found, dict):
        raise InvalidArgument("docker's configuration: auths must be an object")
    return found


def _forget(auths: dict[str, Any], domain: str) -> bool:
    keys = [key for key in auths if stored.names_host(key, domain)]
    for key in keys:
        del auths[key]
    return bool(keys)


def _read(environ: Mapping[str, str] | None) -> dict[str, Any]:
    import json

    path = path_of(environ)
    try:
        with open(path, "rb") as file:
            document = json.loads(file.read(stored.MAX_SIZE + 1))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise faults.from_os(error, f"read {path}") from error
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InvalidArgument(f"{path}: no valid JSON object", hint="put it right, or remove it; it has been left as it is")
    return document


def _write(document: Mapping[str, Any], environ: Mapping[str, str] | None) -> None:
    import json

    path = os.path.realpath(path_of(environ))
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    except OSError as error:
        raise faults.from_os(error, f"make {os.path.dirname(path)}") from error
    atomic.write_file(path, json.dumps(document, indent="\t", ensure_ascii=False).encode(), 0o600)


def _call(name: str, verb: str, text: str, environ: Mapping[str, str] | None) -> bool:
    """Run a helper. ``False``: it has nothing for this registry."""
    import subprocess

    program = stored.program(name)
    if not program:
        raise InvalidArgument(f"credential helper {clean(name)!r}: not a valid name")
    values = os.environ if environ is None else environ
    try:
        done = subprocess.run(
            [program, verb], input=text.encode(), capture_output=True, timeout=_HELPER_TIMEOUT, env=dict(values), check=False
        )
    except FileNotFoundError:
        raise EngineFault(f"credential helper {program}: executable file not found in $PATH") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineFault(f"credential helper {program}: {error}") from error
    if done.returncode:
        said = clean(done.stdout.decode("utf-8", "replace"))
        if said == stored.NOT_FOUND:
            return False
        raise EngineFault(f"credential helper {program}: {said or 'failed'}")
    return True
