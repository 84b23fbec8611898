"""``longshore oci update``"""

from __future__ import annotations

import json
import sys
from typing import Any

from engine.cli.flags import Flag, Options, Spec, UsageError
from engine.cli.oci.main import Globals
from engine.oci.state import container
from engine.oci.updating import update

_NUMBERS = (
    ("blkio-weight", "blockIO", "weight", "Weight of block I/O, 10 to 1000"),
    ("cpu-period", "cpu", "period", "CFS period in microseconds"),
    ("cpu-quota", "cpu", "quota", "CFS quota in microseconds"),
    ("cpu-share", "cpu", "shares", "CPU shares"),
    ("memory", "memory", "limit", "Memory limit in bytes"),
    ("memory-reservation", "memory", "reservation", "Soft memory limit in bytes"),
    ("memory-swap", "memory", "swap", "Memory and swap together in bytes, -1 for no limit"),
    ("pids-limit", "pids", "limit", "Number of processes, -1 for no limit"),
)
_TEXTS = (("cpuset-cpus", "cpu", "cpus", "CPUs to run on"), ("cpuset-mems", "cpu", "mems", "Memory nodes to use"))

SPEC = Spec(
    usage="[OPTIONS] CONTAINER",
    summary="Change the limits of a container",
    flags=(
        Flag(name="resources", short="r", kind="string", help="File with the resources object of the runtime specification, - for stdin"),
        *(Flag(name=name, kind="int", help=text) for name, _, _, text in _NUMBERS),
        *(Flag(name=name, kind="string", help=text) for name, _, _, text in _TEXTS),
    ),
    least=1,
    most=1,
)


def run(given: Globals, options: Options) -> int:
    wanted = _read(options.text("resources")) if options.has("resources") else _from_flags(options)
    for warning in update(container(given.root, options.args[0]), wanted):
        print(f"warning: {warning}", file=sys.stderr)
    return 0


def _read(path: str) -> dict[str, Any]:
    try:
        if path == "-":
            found = json.load(sys.stdin)
        else:
            with open(path, "rb") as file:
                found = json.load(file)
    except ValueError as error:
        raise UsageError(f"reading {path}: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"reading {path}: not an object")
    return found


def _from_flags(options: Options) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for name, section, key, _ in _NUMBERS:
        if options.has(name):
            found.setdefault(section, {})[key] = options.number(name)
    for name, section, key, _ in _TEXTS:
        if options.has(name):
            found.setdefault(section, {})[key] = options.text(name)
    return found
