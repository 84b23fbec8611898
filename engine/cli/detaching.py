"""Which keys leave a container: those of ``--detach-keys``, of docker's configuration (``detachKeys``), or ``ctrl-p,ctrl-q``."""

from __future__ import annotations

from engine.cli.flags import Flag, Options
from engine.model.keys import DETACH_KEYS

FLAG = Flag(name="detach-keys", kind="string", help="Override the key sequence for detaching a container")


def keys_of(options: Options) -> str:
    """The sequence in docker's notation."""
    return options.text("detach-keys") or _configured() or DETACH_KEYS


def _configured() -> str:
    """A configuration that can not be read says nothing here: what needs it for more complains."""
    from engine.registry.keyring import path_of

    try:
        with open(path_of(), encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return ""
    import json

    try:
        keys = json.loads(text).get("detachKeys")
    except (ValueError, AttributeError):
        return ""
    return keys if isinstance(keys, str) else ""
