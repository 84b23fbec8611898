"""``--change``: Dockerfile instructions that alter an image's config, for images that are made without a Dockerfile.

Pure: texts in, the config object as Docker writes it out. ``docker commit`` and ``docker import`` take the same instructions; what they
do is what dockerd does with them (a test holds a table of them against one), with two newer ones that engines before 23 refuse:
``STOPSIGNAL`` and ``--start-interval``. Unlike docker's, a signal must be one that can be sent.

Source: moby ``builder/dockerfile`` (``BuildFromConfig``, ``dispatchers.go``), buildkit ``frontend/dockerfile/parser`` and
``frontend/dockerfile/instructions``; Dockerfile reference.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterable
from typing import Any

from engine.errors import InvalidArgument
from engine.image.shellwords import expand, expand_words, split
from engine.model.value import Value
from engine.registry.failures import clean

SHELL = ["/bin/sh", "-c"]
_MAX_TEXT = 1 << 16
_SECOND = 1_000_000_000
_TIMES = {"interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod", "start-interval": "StartInterval"}
_BLANKS = re.compile(r"[\t\v\f\r ]+")
_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")

Config = dict[str, Any]


def apply(config: Config, changes: Iterable[str]) -> Config:
    """``config`` (an image's ``config`` object) with ``changes`` made to it, in order.

    Raises:
        InvalidArgument: one of them is no such instruction, or malformed (docker's words where it has them).
    """
    given = tuple(changes)
    text = "\n".join(given)
    if len(text) > _MAX_TEXT:
        raise InvalidArgument(f"the changes are longer than {_MAX_TEXT} characters")
    work = _Work(config)
    lines, work.escape = _logical_lines(text)
    if given and not lines:
        raise InvalidArgument("file with no instructions")
    for line in lines:
        word, *rest = _BLANKS.split(line, maxsplit=1)
        make = _INSTRUCTIONS.get(word.upper())
        if make is None:
            raise InvalidArgument(f"{clean(word.lower())} is not a valid change command")
        flags, arguments = _flags(rest[0].strip() if rest else "")
        if word.upper() != "HEALTHCHECK" and flags:
            raise InvalidArgument(f"Unknown flag: {clean(next(iter(flags)))}")
        make(work, _Given(name=word.upper(), text=arguments, flags=tuple(flags.items())))
    return work.config


def over(changed: Config, own: Config) -> Config:
    """``changed`` with what it leaves empty taken from ``own``, the configuration that it was made of: docker's last step of a commit."""
    found = {**changed}
    if not found.get("Entrypoint"):
        found["Cmd"] = found.get("Cmd") or own.get("Cmd")
        found["Entrypoint"] = own.get("Entrypoint")
    for key in ("User", "WorkingDir"):
        found[key] = found.get(key) or own.get(key)
    probe, before = found.get("Healthcheck"), own.get("Healthcheck")
    if probe and before:
        found["Healthcheck"] = {**before, **{key: value for key, value in probe.items() if value}}
    return {key: value for key, value in found.items() if value}


class _Given(Value):
    """An instruction: its name in capitals, what follows, and flags by name."""

    name: str
    text: str
    flags: tuple[tuple[str, str], ...] = ()

    def needed(self, what: str = "at least one argument") -> str:
        """What follows, which must not be empty."""
        if not self.text:
            raise self.lacks(what)
        return self.text

    def lacks(self, what: str = "at least one argument") -> InvalidArgument:
        """The error for an instruction after which too little follows."""
        return InvalidArgument(f"{self.name} requires {what}")


class _Work:
    """A config that is being changed."""

    def __init__(self, config: Config) -> None:
        self.config = dict(config)
        self.escape = "\\"
        self.command_set = False

    @property
    def env(self) -> dict[str, str]:
        """The environment, by name."""
        return dict(entry.partition("=")[::2] for entry in self.config.get("Env") or ())

    def expanded(self, text: str) -> str:
        """A text with its variables' values, and without quotes."""
        return expand(text, self.env, self.escape)

    def into(self, key: str, added: dict[str, Any]) -> None:
        """Add to an object of the config."""
        self.config[key] = {**(self.config.get(key) or {}), **added}


def _logical_lines(text: str) -> tuple[list[str], str]:
    """Lines without comments, continued ones joined; and the escape character, which a directive at the top may change."""
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    escape = _escape(lines)
    continued = re.compile(rf"{re.escape(escape)}[ \t]*$")
    found: list[str] = []
    current: str | None = None
    for line in lines:
        if line.lstrip().startswith("#") or not line.strip():
            continue
        joined = (current or "") + (line.lstrip() if current is None else line)
        current = continued.sub("", joined) if continued.search(line) else None
        if current is None:
            found.append(joined.strip())
    last = (current or "").strip()
    return [*found, last] if last else found, escape


def _escape(lines: Iterable[str]) -> str:
    for line in lines:
        found = _DIRECTIVE.fullmatch(line)
        if found is None:
            break
        if found[1].lower() == "escape":
            if found[2] not in ("\\", "`"):
                raise InvalidArgument(f"invalid escape token '{clean(found[2])}' does not match ` or \\")
            return found[2]
    return "\\"


def _flags(text: str) -> tuple[dict[str, str], str]:
    """``--name=value`` words at the beginning, and what follows them."""
    flags: dict[str, str] = {}
    while text.startswith("--"):
        word, *rest = _BLANKS.split(text, maxsplit=1)
        text = rest[0] if rest else ""
        if word == "--":
            break
        name, equals, value = word[2:].partition("=")
        if name in flags:
            raise InvalidArgument(f"Duplicate flag specified: {clean(name)}")
        if not equals and (name in _TIMES or name == "retries"):
            raise InvalidArgument(f"Missing a value on flag: {clean(name)}")
        flags[name] = value
    return flags, text


def _json_texts(text: str) -> list[str] | None:
    """The exec form, a JSON array of texts; ``None`` when it is none.

    Raises:
        InvalidArgument: an array of something else.
    """
    if not text.startswith("["):
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(each, str) for each in found):
        raise InvalidArgument("when using JSON array syntax, arrays must be comprised of strings only")
    return list(found)


def _pairs(given: _Given, work: _Work) -> dict[str, str]:
    """``a=b c="d e"``, or the old form ``a b c``, where all that follows is the value."""
    words = split(given.needed(), work.escape)
    if not words:  # an escape character alone
        raise given.lacks()
    if "=" not in words[0]:
        key, *rest = _BLANKS.split(given.text, maxsplit=1)
        if not rest:
            raise InvalidArgument(f"{given.name} must have two arguments")
        pairs = [(key, rest[0])]
    else:
        pairs = []
        for word in words:
            key, equals, value = word.partition("=")
            if not equals:
                raise InvalidArgument(f'Syntax error - can\'t find = in "{clean(word)}". Must be of the form: name=value')
            pairs.append((key, value))
    if any(not key for key, _ in pairs):
        raise InvalidArgument(f"{given.name} names can not be blank")
    return {work.expanded(key): work.expanded(value) for key, value in pairs}


def _command(given: _Given, work: _Work) -> list[str]:
    """The exec form as it is, the shell form for the image's shell."""
    found = _json_texts(given.text)
    if found is not None:
        return found
    return [*(work.config.get("Shell") or SHELL), *([given.text] if given.text else [])]


def _cmd(work: _Work, given: _Given) -> None:
    work.config["Cmd"] = _command(given, work)
    work.command_set = work.command_set or bool(given.text)


def _entrypoint(work: _Work, given: _Given) -> None:
    """Another entrypoint makes arguments that were meant for the old one meaningless."""
    work.config["Entrypoint"] = (_command(given, work) if given.text else None) or None
    if not work.command_set:
        work.config["Cmd"] = None


def _env(work: _Work, given: _Given) -> None:
    work.config["Env"] = [f"{key}={value}" for key, value in {**work.env, **_pairs(given, work)}.items()]


def _label(work: _Work, given: _Given) -> None:
    work.into("Labels", _pairs(given, work))


def _expose(work: _Work, given: _Given) -> None:
    words = [part for word in _BLANKS.split(given.needed()) for part in expand_words(word, work.env, work.escape)]
    work.into("ExposedPorts", {port: {} for word in words for port in _ports(word)})


def _ports(word: str) -> list[str]:
    """Container ports of a port specification; those of the host are checked and dropped (go-connections ``nat.ParsePortSpec``)."""
    import ipaddress

    place, _, protocol = word.partition("/")
    address, _, ports = place.rpartition(":")
    host_ip, _, host_ports = address.rpartition(":")
    if host_ip:
        try:
            ipaddress.ip_address(host_ip.removeprefix("[").removesuffix("]"))
        except ValueError:
            raise InvalidArgument(f"invalid IP address: {clean(host_ip)}") from None
    numbers = _range(ports)
    if numbers is None:
        raise InvalidArgument(f"invalid containerPort: {clean(ports)}")
    if host_ports and _range(host_ports) is None:
        raise InvalidArgument(f"invalid hostPort: {clean(host_ports)}")
    kind = (protocol or "tcp").lower()
    if kind not in ("tcp", "udp", "sctp"):
        raise InvalidArgument(f"invalid proto: {clean(protocol)}")
    return [f"{number}/{kind}" for number in numbers]


def _range(text: str) -> range | None:
    low, *rest = text.split("-")
    bounds = [int(each) if re.fullmatch("[0-9]{1,9}", each) else 1 << 16 for each in (low, *rest[:1])]
    return range(bounds[0], bounds[-1] + 1) if bounds[0] <= bounds[-1] < 1 << 16 else None


def _user(work: _Work, given: _Given) -> None:
    work.config["User"] = work.expanded(given.needed("exactly one argument"))


def _workdir(work: _Work, given: _Given) -> None:
    wanted = work.expanded(given.needed("exactly one argument"))
    if not wanted:
        raise InvalidArgument("cannot normalize nothing")
    if not wanted.startswith("/"):
        wanted = posixpath.normpath(posixpath.join("/", work.config.get("WorkingDir") or "/", wanted))
    work.config["WorkingDir"] = wanted


def _volume(work: _Work, given: _Given) -> None:
    found = _json_texts(given.needed())
    words = _BLANKS.split(given.text) if found is None else found
    if not words:
        raise InvalidArgument("VOLUME requires at least one argument")
    paths = [work.expanded(word).strip() for word in words]
    if not all(paths):
        raise InvalidArgument("VOLUME specified can not be an empty string")
    work.into("Volumes", {path: {} for path in paths})


def _stop_signal(work: _Work, given: _Given) -> None:
    import signal

    wanted = work.expanded(given.needed("exactly one argument"))
    name = wanted.upper().removeprefix("SIG")
    number = int(name) if re.fullmatch("[0-9]{1,9}", name) else 0
    real_time = re.fullmatch(r"RTMIN(\+([1-9]|1[0-5]))?|RTMAX(-([1-9]|1[0-4]))?", name)
    if not (0 < number <= signal.SIGRTMAX or real_time or f"SIG{name}" in signal.Signals.__members__):
        raise InvalidArgument(f"invalid signal: {clean(wanted)}")
    work.config["StopSignal"] = wanted


def _on_build(work: _Work, given: _Given) -> None:
    trigger = given.needed().split(None, 1)[0].upper()
    if trigger == "ONBUILD":
        raise InvalidArgument("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if trigger in ("FROM", "MAINTAINER"):
        raise InvalidArgument(f"{trigger} isn't allowed as an ONBUILD trigger")
    work.config["OnBuild"] = [*(work.config.get("OnBuild") or []), given.text]


def _health_check(work: _Work, given: _Given) -> None:
    kind, *rest = _BLANKS.split(given.needed(), maxsplit=1)
    command = rest[0].strip() if rest else ""
    argv = _json_texts(command)
    match kind.upper():
        case "NONE" if not command:
            work.config["Healthcheck"] = {"Test": ["NONE"]}
        case "NONE":
            raise InvalidArgument("HEALTHCHECK NONE takes no arguments")
        case "CMD" if command and argv != []:
            test = ["CMD-SHELL", command] if argv is None else ["CMD", *argv]
            work.config["Healthcheck"] = {"Test": test, **_health_options(dict(given.flags))}
        case "CMD":
            raise InvalidArgument("Missing command after HEALTHCHECK CMD")
        case _:
            raise InvalidArgument(f'Unknown type "{clean(kind.upper())}" in HEALTHCHECK (try CMD)')


def _health_options(flags: dict[str, str]) -> dict[str, int]:
    from engine.model.units import parse_duration

    found: dict[str, int] = {}
    for name, value in flags.items():
        if name == "retries":
            if value and not re.fullmatch("[+-]?[0-9]{1,9}", value):
                raise InvalidArgument(f'strconv.ParseInt: parsing "{clean(value)}": invalid syntax')
            if value and int(value) < 1:
                raise InvalidArgument(f"--retries must be at least 1 (not {int(value)})")
            found |= {"Retries": int(value)} if value else {}
            continue
        if name not in _TIMES:
            raise InvalidArgument(f"Unknown flag: {clean(name)}")
        if value and (seconds := parse_duration(value)) < 0.001:
            raise InvalidArgument(f'Interval "{name}" cannot be less than 1ms')
        found |= {_TIMES[name]: round(seconds * _SECOND)} if value else {}
    return found


_INSTRUCTIONS: dict[str, Callable[[_Work, _Given], None]] = {
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
