"""``--change``: Dockerfile instructions that alter an image's config, for images that are made without a Dockerfile.

Pure: texts in, the config object as Docker writes it out. The instructions are those that ``docker commit`` and ``docker import`` take.

Source: moby ``builder/dockerfile`` (``BuildFromConfig``), Dockerfile reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from engine.errors import InvalidArgument
from engine.registry.failures import clean

SHELL = ["/bin/sh", "-c"]
_MAX_TEXT = 1 << 16
_NEVER = ("FROM", "RUN", "ADD", "COPY", "ARG", "MAINTAINER", "SHELL")
_SECOND = 1_000_000_000
_TIMES = {"interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod", "start-interval": "StartInterval"}

Config = dict[str, Any]


def apply(config: Config, changes: Iterable[str]) -> Config:
    """``config`` (an image's ``config`` object) with ``changes`` made to it, in order.

    Raises:
        InvalidArgument: one of them is no such instruction, or malformed (docker's words where it has them).
    """
    found = dict(config)
    for change in changes:
        for line in _logical_lines(change):
            word, _, rest = line.partition(" ")
            name, rest = word.upper(), rest.strip()
            if name in _NEVER:
                raise InvalidArgument(f"{name} is not a valid change command")
            if name not in _INSTRUCTIONS:
                raise InvalidArgument(f"unknown instruction: {clean(name)}", hint=f"known are {', '.join(sorted(_INSTRUCTIONS))}")
            if not rest and name not in ("CMD", "ENTRYPOINT"):
                raise InvalidArgument(f"{name} requires at least one argument")
            _INSTRUCTIONS[name](found, rest)
    return found


def _logical_lines(text: str) -> list[str]:
    if len(text) > _MAX_TEXT:
        raise InvalidArgument(f"a change is longer than {_MAX_TEXT} characters")
    joined = text.replace("\\\r\n", "").replace("\\\n", "")
    lines = (line.strip().replace("\t", " ", 1) for line in joined.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _json_texts(text: str) -> list[str] | None:
    """The exec form, a JSON array of texts; ``None`` when it is none."""
    if not text.startswith("["):
        return None
    import json

    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) and all(isinstance(each, str) for each in found) else None


def words(text: str) -> list[str]:
    """Words as a Dockerfile has them: quotes group and are taken away, a backslash takes the meaning from the next character.

    Raises:
        InvalidArgument: a quote is not closed.
    """
    found: list[str] = []
    current: list[str] | None = None
    quote = ""
    letters = iter(text)
    for letter in letters:
        if letter == "\\" and quote != "'":
            following = next(letters, "\\")
            current = [*(current or []), letter, following] if quote and following not in '"\\$' else [*(current or []), following]
        elif quote:
            quote = "" if letter == quote else quote
            current = current if not quote else [*(current or []), letter]
        elif letter in "\"'":
            quote, current = letter, current or []
        elif letter.isspace():
            if current is not None:
                found.append("".join(current))
            current = None
        else:
            current = [*(current or []), letter]
    if quote:
        raise InvalidArgument("unexpected end of statement while looking for matching double-quote" if quote == '"' else "unclosed quote")
    return found if current is None else [*found, "".join(current)]


def _pairs(name: str, text: str) -> list[tuple[str, str]]:
    """``a=b c="d e"``, or the old form ``a b c``, where all that follows is the value."""
    first = text.split(None, 1)[0]
    if "=" not in first:
        key, _, value = text.partition(" ")
        if not value.strip():
            raise InvalidArgument(f"{name} must have two arguments")
        return [(key, value.strip())]
    found = []
    for word in words(text):
        key, equals, value = word.partition("=")
        if not equals:
            raise InvalidArgument(f"Syntax error - can't find = in {clean(word)!r}. Must be of the form: name=value")
        if not key:
            raise InvalidArgument(f"{name} names can not be blank")
        found.append((key, value))
    return found


def _command(text: str) -> list[str]:
    """The exec form as it is, the shell form for a shell, nothing for nothing."""
    found = _json_texts(text)
    return found if found is not None else [*SHELL, text] if text else []


def _cmd(config: Config, text: str) -> None:
    config["Cmd"] = _command(text)


def _entrypoint(config: Config, text: str) -> None:
    config["Entrypoint"] = _command(text)


def _env(config: Config, text: str) -> None:
    values = dict(entry.partition("=")[::2] for entry in config.get("Env") or [])
    values.update(_pairs("ENV", text))
    config["Env"] = [f"{key}={value}" for key, value in values.items()]


def _label(config: Config, text: str) -> None:
    config["Labels"] = {**(config.get("Labels") or {}), **dict(_pairs("LABEL", text))}


def _expose(config: Config, text: str) -> None:
    ports = dict(config.get("ExposedPorts") or {})
    for word in words(text):
        port, _, protocol = word.partition("/")
        low, dash, high = port.partition("-")
        numbers = [int(each) if each.isascii() and each.isdigit() and len(each) < 6 else 0 for each in (low, high if dash else low)]
        if (protocol or "tcp").lower() not in ("tcp", "udp", "sctp") or not 0 < numbers[0] <= numbers[1] < 65536:
            raise InvalidArgument(f"invalid containerPort: {clean(word)}")
        ports.update({f"{number}/{(protocol or 'tcp').lower()}": {} for number in range(numbers[0], numbers[1] + 1)})
    config["ExposedPorts"] = ports


def _user(config: Config, text: str) -> None:
    config["User"] = text


def _workdir(config: Config, text: str) -> None:
    import posixpath

    wanted = "".join(words(text)) if text[0] in "\"'" else text
    config["WorkingDir"] = posixpath.normpath(posixpath.join("/", config.get("WorkingDir") or "/", wanted)).replace("//", "/")


def _volume(config: Config, text: str) -> None:
    paths = _json_texts(text)
    paths = words(text) if paths is None else paths
    if not all(path.strip() for path in paths):
        raise InvalidArgument("VOLUME specified can not be an empty string")
    config["Volumes"] = {**(config.get("Volumes") or {}), **{path: {} for path in paths}}


def _stop_signal(config: Config, text: str) -> None:
    import signal

    wanted = text
    name = wanted.upper().removeprefix("SIG")
    known = name.split("+")[0].split("-")[0] in ("RTMIN", "RTMAX") or f"SIG{name}" in signal.Signals.__members__
    if not known and not (name.isascii() and name.isdigit() and 0 < int(name[:4]) <= 64):
        raise InvalidArgument(f"invalid signal: {clean(wanted)}")
    config["StopSignal"] = wanted


def _on_build(config: Config, text: str) -> None:
    trigger = text.split(None, 1)[0].upper()
    if trigger in ("ONBUILD", "FROM", "MAINTAINER"):
        raise InvalidArgument(f"{trigger} isn't allowed as an ONBUILD trigger")
    config["OnBuild"] = [*(config.get("OnBuild") or []), text]


def _health_check(config: Config, text: str) -> None:
    options: dict[str, Any] = {}
    while text.startswith("--"):
        option, _, text = text.partition(" ")
        name, _, value = option[2:].partition("=")
        text = text.strip()
        options.update(_health_option(name, value))
    kind, _, command = text.partition(" ")
    command = command.strip()
    match kind.upper():
        case "NONE" if not command and not options:
            config["Healthcheck"] = {"Test": ["NONE"]}
        case "CMD" if command:
            test = _json_texts(command)
            config["Healthcheck"] = {"Test": ["CMD-SHELL", command] if test is None else ["CMD", *test], **options}
        case "NONE":
            raise InvalidArgument("HEALTHCHECK NONE takes no arguments")
        case "CMD":
            raise InvalidArgument("Missing command after HEALTHCHECK CMD")
        case _:
            raise InvalidArgument(f"Unknown type {clean(kind)!r} in HEALTHCHECK (try CMD)")


def _health_option(name: str, value: str) -> dict[str, int]:
    from engine.model.units import parse_duration

    if name == "retries":
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            raise InvalidArgument(f"--retries must be a number: {clean(value)!r}")
        return {"Retries": int(value)}
    if name not in _TIMES:
        raise InvalidArgument(f"Unknown flag: {clean(name)}")
    seconds = parse_duration(value)
    if seconds and seconds < 0.001:
        raise InvalidArgument(f"Interval {clean(name)!r} cannot be less than 1ms")
    return {_TIMES[name]: int(seconds * _SECOND)}


_INSTRUCTIONS: dict[str, Callable[[Config, str], None]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _health_check,
    "LABEL": _label,
    "ONBUILD": _on_build,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
