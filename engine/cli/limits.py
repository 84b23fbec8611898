"""Values of flags that limit devices, checked as docker's command line checks them (docker/cli ``opts``)."""

from __future__ import annotations

from engine.cli.flags import FlagError
from engine.errors import InvalidArgument
from engine.model.containers import ThrottleDevice, WeightDevice
from engine.model.units import parse_size


def _refusal(text: str, flag: str, why: str) -> FlagError:
    return FlagError(f'invalid argument "{text}" for "--{flag}" flag: {why}')


def _split(text: str, flag: str) -> tuple[str, str]:
    """The device's path and the value."""
    path, colon, value = text.partition(":")
    if not path or not colon:
        raise _refusal(text, flag, f"bad format: {text}")
    if not path.startswith("/dev/"):
        raise _refusal(text, flag, f"bad format for device path: {text}")
    return path, value


def cgroup_rule(text: str) -> str:
    """``--device-cgroup-rule``. Raises FlagError."""
    words = text.split(" ")
    numbers = words[1].split(":") if len(words) == 3 else []
    right = len(numbers) == 2 and all(number == "*" or (number.isascii() and number.isdigit()) for number in numbers)
    if not right or words[0] not in ("a", "b", "c") or not 1 <= len(words[2]) <= 3 or set(words[2]) - set("rwm"):
        raise _refusal(text, "device-cgroup-rule", f"invalid device cgroup format '{text}'")
    return text


def swappiness(number: int | None) -> int | None:
    """``--memory-swappiness``, whose -1 is the host's."""
    return None if number == -1 else number


def weight_device(text: str) -> WeightDevice:
    """``PATH:WEIGHT``. Raises FlagError."""
    path, value = _split(text, "blkio-weight-device")
    if not (value.isascii() and value.isdigit()) or (int(value) and not 10 <= int(value) <= 1000):
        raise _refusal(text, "blkio-weight-device", f"invalid weight for device: {text}")
    return WeightDevice(path=path, weight=int(value))


def throttle_bytes(text: str, flag: str) -> ThrottleDevice:
    """``PATH:RATE``, the rate in bytes a second with an optional unit. Raises FlagError."""
    path, value = _split(text, flag)
    try:
        rate = parse_size(value)
    except InvalidArgument:
        rate = -1
    if rate < 0:
        raise _refusal(
            text,
            flag,
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>[<unit>]. Number must be a positive "
            "integer. Unit is optional and can be kb, mb, or gb",
        )
    return ThrottleDevice(path=path, rate=rate)


def throttle_operations(text: str, flag: str) -> ThrottleDevice:
    """``PATH:RATE``, the rate in operations a second. Raises FlagError."""
    path, value = _split(text, flag)
    if not (value.isascii() and value.isdigit()):
        why = f"invalid rate for device: {text}. The correct format is <device-path>:<number>. Number must be a positive integer"
        raise _refusal(text, flag, why)
    return ThrottleDevice(path=path, rate=int(value))
