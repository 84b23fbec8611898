"""A virtual machine with control groups of version 2, emulated, so that it runs wherever the tests do."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.vm import image, kernel

STALL = 420
"""Seconds in which the machine neither begins nor ends a check: it hangs. It may take as long as it likes otherwise."""

_KERNEL = "console=ttyS0 loglevel=4 panic=-1 softlockup_panic=1 watchdog_thresh=60 mitigations=off random.trust_cpu=on"
"""A kernel that is stuck says where and ends the machine, instead of saying so for ever."""

_LOOK = 1.0


class Report(NamedTuple):
    """What a run of the machine gave: a record for each check by name, and everything on its console."""

    records: Mapping[str, Mapping[str, Any]]
    console: str


class Disks(NamedTuple):
    """What a machine boots from; it may be used for one boot after another, each of which finds it as it was made."""

    image: str
    initramfs: Path
    disk: Path


def build(directory: Path) -> Disks:
    """Make the disk and the initramfs in ``directory``."""
    found = kernel.fetch()
    image.initramfs(found, directory / "initramfs")
    image.disk(found, directory / "tree", directory / "disk")
    return Disks(found.image, directory / "initramfs", directory / "disk")


def run(disks: Disks, directory: Path, only: Sequence[str], *, options: str = "", boots: bool = False) -> Report:
    """Boot it with further ``options`` for the kernel, let it do the checks of some names, and wait for its end.

    With ``boots`` the machine may boot again, and finds its disk as it has left it.
    """
    console, results = directory / "console", directory / "results"
    command = [
        *("setpriv", "--pdeathsig", "KILL"),  # it does not outlive tests that are killed
        *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024", "-nodefaults", "-no-user-config"),
        *("-display", "none", *([] if boots else ["-no-reboot"]), "-serial", f"file:{console}", "-serial", f"file:{results}"),
        *("-kernel", disks.image, "-initrd", str(disks.initramfs)),
        *("-drive", f"file={disks.disk},format=raw,if=virtio,cache=unsafe,snapshot=on"),
        *("-append", f"{_KERNEL} CHECKS={','.join(only)} {options}".strip()),
    ]
    machine = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        said = _attend(machine, results)
    finally:
        machine.kill()
        machine.wait()
    log = console.read_text(errors="replace") if console.exists() else ""
    return Report({record["name"]: record for record in _lines(results) if "error" in record}, log + said)


def _attend(machine: subprocess.Popen[bytes], results: Path) -> str:
    """Wait for its end, or until it says nothing any more. What qemu says comes back, or where the machine stood."""
    heard, since = -1, time.monotonic()
    while True:
        try:
            said, _ = machine.communicate(timeout=_LOOK)
        except subprocess.TimeoutExpired:
            size = results.stat().st_size if results.exists() else 0
            if size != heard:
                heard, since = size, time.monotonic()
            elif time.monotonic() - since > STALL:
                stood = next((record["name"] for record in reversed(_lines(results))), "its boot")
                return f"\nthe machine said nothing for {STALL} s; it was at {stood}\n"
        else:
            return said.decode(errors="replace")


def _lines(results: Path) -> list[Mapping[str, Any]]:
    """A record for each check when it begins, with its name alone, and one with ``error`` and ``seconds`` when it is done."""
    records = []
    for line in results.read_text(errors="replace").splitlines() if results.exists() else ():
        try:
            records.append(json.loads(line))
        except ValueError:  # the machine went down in the middle of a line
            continue
    return records
