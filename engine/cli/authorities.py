"""Certificate authorities of a swarm on the command line: one's own root, and those that sign elsewhere."""

from __future__ import annotations

import csv
import re

from engine.cli.flags import Flag, FlagError, Options
from engine.errors import InvalidArgument
from engine.model.swarm import ExternalAuthority

EXTERNAL = Flag(name="external-ca", kind="list", help="Specifications of one or more certificate signing endpoints")
_PEM = re.compile(r"-----BEGIN [^-\n]+-----\s.*?-----END [^-\n]+-----", re.DOTALL)


def external(options: Options) -> tuple[ExternalAuthority, ...] | None:
    """What ``--external-ca`` says, ``None`` where it is not given.

    Raises:
        FlagError: a specification is malformed, in docker's words.
    """
    if not options.has("external-ca"):
        return None
    return tuple(_external(text) for text in options.values("external-ca"))


def pem(options: Options, name: str) -> str:
    """The contents of the file that a flag names, ``""`` where it is not given.

    Raises:
        FlagError: it can not be read, or is no PEM, in docker's words.
    """
    path = options.text(name)
    if not path:
        return ""
    try:
        text = _contents(path)
    except OSError as error:
        raise FlagError(f'invalid argument "{path}" for "--{name}" flag: open {path}: {(error.strerror or "").lower()}') from None
    if not _PEM.search(text):
        raise FlagError(f'invalid argument "{path}" for "--{name}" flag: file contents must be in PEM format')
    return text


def _contents(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def _external(text: str) -> ExternalAuthority:
    try:
        return _parsed(next(csv.reader([text]), []))
    except InvalidArgument as error:
        raise FlagError(f'invalid argument "{text}" for "--external-ca" flag: {error.message}') from None


def _parsed(fields: list[str]) -> ExternalAuthority:
    found: dict[str, str] = {}
    others: dict[str, str] = {}
    for field in fields:
        key, equals, value = field.partition("=")
        if not equals:
            raise InvalidArgument(f"invalid field '{field}' must be a key=value pair")
        match key.lower():
            case "protocol":
                if value.lower() != "cfssl":
                    raise InvalidArgument(f"unrecognized external CA protocol {value}")
                found["protocol"] = "cfssl"
            case "url":
                found["url"] = value
            case "cacert":
                try:
                    found["certificate"] = _contents(value)
                except OSError as error:
                    reason = (error.strerror or "").lower()
                    raise InvalidArgument(f"unable to read CA cert for external CA: open {value}: {reason}") from None
            case _:
                others[key] = value
    for needed in ("protocol", "url"):
        if needed not in found:
            raise InvalidArgument(f"the external-ca option needs a {needed}= parameter")
    return ExternalAuthority(**found, options=others)
