"""The program of the virtual machine: ``python -m tests.vm.inside FILE`` does every check and writes a line of JSON about each."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import traceback
from collections.abc import AsyncIterator
from typing import Any, TextIO

from engine.connect import connect
from tests.contract.lab import TIMEOUT, Lab
from tests.support.wait import until
from tests.vm import confinement  # noqa: F401  (enters its checks)
from tests.vm.checks import CHECKS, OURS, Check

IMAGE = "vm/busybox"
_CHUNK = 1 << 20


async def main(results: TextIO) -> None:
    """Import the image, then check after check: one that fails does not keep the next from its turn."""

    def tell(name: str, **record: Any) -> None:
        print(json.dumps({"name": name, **record}), file=results, flush=True)

    engine = connect("embedded:")
    try:
        await engine.images.import_(pieces("/busybox.tar"), reference=f"{IMAGE}:latest")
        lab = Lab(engine, "vm", ())
        for name in filter(None, os.environ.get("CHECKS", "").split(",")):  # from the kernel's command line
            tell(name)
            started = time.monotonic()
            error = await _outcome(lab, CHECKS[name])
            tell(name, error=error, seconds=round(time.monotonic() - started, 2))
    finally:
        await engine.close()


async def _outcome(lab: Lab, check: Check) -> str:
    """What went wrong, ``""`` when nothing did. Every check also proves that removal leaves no group."""
    error = ""
    try:
        async with asyncio.timeout(TIMEOUT):
            await check(lab)
    except Exception:
        error = traceback.format_exc()
    try:
        await lab.clean()
        until(lambda: not os.path.exists(OURS), what=f"{OURS} goes with the last container")
    except Exception:
        error += traceback.format_exc()
    return error


async def pieces(path: str) -> AsyncIterator[bytes]:
    """A file's content."""
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


if __name__ == "__main__":
    with open(sys.argv[1], "w") as file:
        asyncio.run(main(file))
