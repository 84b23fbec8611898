"""``--log-opt``: when a container's log begins a new file, and how many it keeps (moby ``jsonfilelog``, ``local``)."""

from __future__ import annotations

from engine.errors import InvalidArgument
from engine.model.containers import NO_LOG, HostConfig

DRIVERS = ("", "json-file", "local", "default", NO_LOG)
"""Docker's names for what our own log does as well, and the one that keeps nothing."""

IGNORED = frozenset({"compress", "env", "env-regex", "labels", "labels-regex", "max-buffer-size", "mode", "tag"})
_LOCAL = (20_000_000, 5)
_UNITS = {"": 1, "b": 1, "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9, "t": 10**12, "tb": 10**12}


def rotation(host: HostConfig) -> tuple[int, int]:
    """Bytes of a file, 0 for no limit, and the number of files, 0 for no log at all.

    Raises:
        InvalidArgument: an option is unknown or malformed, in docker's words.
    """
    options = host.log_options
    for name in options:
        if name not in IGNORED and name not in ("max-size", "max-file"):
            raise InvalidArgument(f"unknown log opt '{name}' for {host.log_driver or 'json-file'} log driver")
    size, files = _LOCAL if host.log_driver == "local" else (0, 1)
    if "max-size" in options:
        size = _size(options["max-size"])
    if "max-file" in options:
        text = options["max-file"]
        if not (text.isascii() and text.isdigit()) or len(text) > 9:
            raise InvalidArgument(f'invalid value for max-file: strconv.Atoi: parsing "{text}": invalid syntax')
        files = int(text)
        if files < 1:
            raise InvalidArgument("max-file cannot be less than 1")
    return size, 0 if host.log_driver == NO_LOG else files


def _size(text: str) -> int:
    """Decimal units, as docker reads this one."""
    if text == "-1":
        return 0
    lowered = text.strip().lower()
    unit = lowered.lstrip("0123456789.")
    number = lowered[: len(lowered) - len(unit)]
    try:
        size = int(float(number) * _UNITS[unit.strip()])
    except (ValueError, KeyError, OverflowError):
        raise InvalidArgument(f"invalid size: '{text}'") from None
    if size <= 0:
        raise InvalidArgument(f"max-size must be a positive number: '{text}'")
    return size
