"""``longshore oci ps``"""

from __future__ import annotations

import json

from engine.cli.flags import Flag, Options, Spec, UsageError
from engine.cli.oci.main import Globals
from engine.cli.screen import one_line
from engine.oci.state import container

SPEC = Spec(
    usage="[OPTIONS] CONTAINER",
    summary="List the processes of a container",
    flags=(Flag(name="format", short="f", kind="string", default="table", help='"table" or "json", the pids alone'),),
    least=1,
    most=1,
)


def run(given: Globals, options: Options) -> int:
    if options.text("format") not in ("table", "json"):
        raise UsageError("invalid format option")
    target = container(given.root, options.args[0])
    state = target.state
    cgroup = target.cgroup() if target.status(state) not in ("stopped", "creating") else None
    pids = sorted(cgroup.pids()) if cgroup is not None else []
    if options.text("format") == "json":
        print(json.dumps(pids))
        return 0
    print(f"{'PID':>8} CMD")
    for pid in pids:
        print(f"{pid:>8} {_command(pid)}")
    return 0


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            text = file.read().rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""
    return one_line(text)
