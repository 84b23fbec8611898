"""``--gpus``, as docker's command line reads it (docker/cli ``opts/gpus.go``)."""

from __future__ import annotations

import csv

from engine.cli.flags import FlagError
from engine.model.containers import DeviceRequest


def parse_gpus(text: str) -> DeviceRequest:
    """``all``, a count, or ``device=0,capabilities=compute`` and the like. Raises FlagError."""
    driver, count, ids, given, options = "", 0, tuple[str, ...](), False, dict[str, str]()
    capabilities = ["gpu"]
    for field in next(csv.reader([text]), []):
        key, equals, value = field.partition("=")
        key = key if equals else "count"
        value = value if equals else field
        match key:
            case "driver":
                driver = value
            case "count":
                count, given = _count(text, value), True
            case "device":
                ids = tuple(value.split(","))
            case "capabilities":
                capabilities = [*value.split(","), "gpu"]
            case "options":
                options = {pair.partition("=")[0]: pair.partition("=")[2] for pair in value.split(",")}
            case _:
                raise FlagError(f"invalid argument \"{text}\" for \"--gpus\" flag: unexpected key '{key}' in '{field}'")
    if not given and not ids:
        count = 1
    return DeviceRequest(driver=driver, count=count, ids=ids, capabilities=(tuple(dict.fromkeys(capabilities)),), options=options)


def _count(text: str, value: str) -> int:
    if value == "all":
        return -1
    if not value.lstrip("-").isdigit():
        raise FlagError(f'invalid argument "{text}" for "--gpus" flag: invalid count ({value}): value must be either "all" or an integer')
    return int(value)
