"""Dockerfile instructions that change an image's configuration (``commit --change``).

Source: moby ``builder/dockerfile`` (``BuildFromConfig`` and its list of valid commands); docs.docker.com, Dockerfile reference.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable
from typing import Any

from engine.errors import InvalidArgument
from engine.model.units import parse_duration

Config = dict[str, Any]


def apply(config: Config, text: str) -> None:
    """Change ``config`` (an image's ``config`` object) as the instructions in ``text``, one a line, say.

    Raises:
        InvalidArgument: an instruction is not known here, or malformed.
    """
    command_set = False
    for line in text.replace("\\\n", "").splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ")
        name, rest = word.upper(), rest.strip()
        make = _KNOWN.get(name)
        if make is None:
            raise InvalidArgument(f"{word.lower()} is not a valid change command")
        if not rest:
            raise InvalidArgument(f"{name} requires at least one argument")
        make(config, rest)
        command_set = command_set or name == "CMD"
        if name == "ENTRYPOINT" and not command_set:
            config.pop("Cmd", None)


def _command(config: Config, text: str) -> list[str]:
    """The exec form, a JSON array of strings; anything else is for the shell."""
    found = _array(text)
    return found if found is not None else [*(config.get("Shell") or ("/bin/sh", "-c")), text]


def _array(text: str) -> list[str] | None:
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) and all(isinstance(item, str) for item in found) else None


def _words(text: str) -> list[str]:
    """Words as a shell splits them, quotes taken off."""
    import shlex

    try:
        return shlex.split(text)
    except ValueError as error:
        raise InvalidArgument(f"failed to process {text!r}: {error}") from None


def _pairs(name: str, text: str) -> list[tuple[str, str]]:
    """``key=value …``, or the old form ``key value``."""
    first = text.split(None, 1)[0]
    if "=" not in first:
        key, _, value = text.partition(" ")
        if not value.strip():
            raise InvalidArgument(f"{name} must have two arguments")
        return [(key, value.strip())]
    found = []
    for word in _words(text):
        key, equals, value = word.partition("=")
        if not equals:
            raise InvalidArgument(f"Syntax error - can't find = in {word!r}. Must be of the form: name=value")
        if not key:
            raise InvalidArgument(f"{name} names can not be blank")
        found.append((key, value))
    return found


def _env(config: Config, text: str) -> None:
    known = {entry.partition("=")[0]: entry for entry in config.get("Env") or ()}
    known |= {key: f"{key}={value}" for key, value in _pairs("ENV", text)}
    config["Env"] = list(known.values())


def _label(config: Config, text: str) -> None:
    config["Labels"] = {**(config.get("Labels") or {}), **dict(_pairs("LABEL", text))}


def _expose(config: Config, text: str) -> None:
    ports: dict[str, dict[str, str]] = {}
    for word in _words(text):
        number, _, protocol = word.partition("/")
        first, _, last = number.partition("-")
        if protocol not in ("", "tcp", "udp", "sctp") or not first.isdecimal() or not (last or first).isdecimal():
            raise InvalidArgument(f"invalid containerPort: {word}")
        if not 0 < int(first) <= int(last or first) <= 65535:
            raise InvalidArgument(f"invalid containerPort: {word}")
        ports |= {f"{port}/{protocol or 'tcp'}": {} for port in range(int(first), int(last or first) + 1)}
    config["ExposedPorts"] = {**(config.get("ExposedPorts") or {}), **ports}


def _volume(config: Config, text: str) -> None:
    found = _array(text)
    paths = found if found is not None else _words(text)
    if not all(path.strip() for path in paths):
        raise InvalidArgument("VOLUME specified can not be an empty string")
    config["Volumes"] = {**(config.get("Volumes") or {}), **{path: {} for path in paths}}


def _workdir(config: Config, text: str) -> None:
    path = "".join(_words(text)[:1]) or text
    config["WorkingDir"] = posixpath.normpath(posixpath.join("/", config.get("WorkingDir") or "/", path))


def _user(config: Config, text: str) -> None:
    words = _words(text)
    if len(words) != 1:
        raise InvalidArgument("USER requires exactly one argument")
    config["User"] = words[0]


def _stop_signal(config: Config, text: str) -> None:
    config["StopSignal"] = text


def _onbuild(config: Config, text: str) -> None:
    if text.split(None, 1)[0].upper() in ("ONBUILD", "FROM", "MAINTAINER"):
        raise InvalidArgument(f"{text.split(None, 1)[0].upper()} isn't allowed as an ONBUILD trigger")
    config["OnBuild"] = [*(config.get("OnBuild") or ()), text]


def _cmd(config: Config, text: str) -> None:
    config["Cmd"] = _command(config, text)


def _entrypoint(config: Config, text: str) -> None:
    config["Entrypoint"] = _command(config, text)


_PROBE_TIMES = {"interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod", "start-interval": "StartInterval"}


def _healthcheck(config: Config, text: str) -> None:
    probe: Config = {}
    while text.startswith("--"):
        word, _, text = text.partition(" ")
        text = text.strip()
        key, _, value = word[2:].partition("=")
        if key in _PROBE_TIMES:
            probe[_PROBE_TIMES[key]] = int(parse_duration(value) * 1e9)
        elif key == "retries" and value.isdecimal():
            probe["Retries"] = int(value)
        else:
            raise InvalidArgument(f"unknown flag: {word}")
    kind, _, command = text.partition(" ")
    command = command.strip()
    if kind.upper() == "NONE" and not command:
        config["Healthcheck"] = {"Test": ["NONE"]}
        return
    if kind.upper() != "CMD" or not command:
        raise InvalidArgument(f'unknown type {kind.upper()!r} in HEALTHCHECK (try "CMD")')
    argv = _array(command)
    config["Healthcheck"] = {"Test": ["CMD-SHELL", command] if argv is None else ["CMD", *argv], **probe}


_KNOWN: dict[str, Callable[[Config, str], None]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "ONBUILD": _onbuild,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
