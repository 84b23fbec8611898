"""``longshore stats``"""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.tables import write
from engine.errors import LongshoreError
from engine.model.stats import Stats
from engine.model.units import bytes_size, human_size

SPEC = Spec(
    usage="[OPTIONS] [CONTAINER...]",
    summary="Display a live stream of container(s) resource usage statistics",
    flags=(
        Flag(name="all", short="a", help="Show all containers (default shows just running)"),
        Flag(name="format", kind="string", help="Format output: 'table', 'table TEMPLATE', 'json', or a Go template"),
        Flag(name="no-stream", help="Disable streaming stats and only pull the first result"),
        Flag(name="no-trunc", help="Do not truncate output"),
    ),
    most=-1,
    completes="container",
)

HEADERS = {
    "ID": "CONTAINER ID",
    "Name": "NAME",
    "CPUPerc": "CPU %",
    "MemUsage": "MEM USAGE / LIMIT",
    "MemPerc": "MEM %",
    "NetIO": "NET I/O",
    "BlockIO": "BLOCK I/O",
    "PIDs": "PIDS",
    "Container": "CONTAINER",
}
DEFAULT = ["ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"]


def run(context: Context, options: Options) -> int:
    names = options.args or [row.id for row in context.run(context.engine.containers.list(all=options.on("all")))]
    for name in options.args:
        context.run(context.engine.containers.inspect(name))
    samples: queue.SimpleQueue[tuple[int, Stats | None]] = queue.SimpleQueue()
    stream = not options.on("no-stream")
    for place, name in enumerate(names):
        threading.Thread(target=_follow, args=(context, place, name, stream, samples), daemon=True).start()
    latest: dict[int, Stats | None] = {}
    while len(latest) < len(names):
        place, sample = samples.get()
        latest[place] = sample
    if not stream:
        _show(context, options, names, latest)
        return 0
    while True:
        _show(context, options, names, latest, clear=context.out.isatty())
        deadline = time.monotonic() + 1
        while (left := deadline - time.monotonic()) > 0:
            try:
                place, sample = samples.get(timeout=left)
            except queue.Empty:
                break
            latest[place] = sample
        if names and options.args and all(sample is None for sample in latest.values()):
            return 0


def _follow(context: Context, place: int, name: str, stream: bool, samples: queue.SimpleQueue[tuple[int, Stats | None]]) -> None:
    try:
        for sample in context.iterate(context.engine.containers.stats(name, stream=stream)):
            samples.put((place, sample))
            if not stream:
                return
    except LongshoreError:
        # Removed in the meantime: its row shows dashes.
        pass
    samples.put((place, None))


def _show(context: Context, options: Options, names: list[str], latest: dict[int, Stats | None], *, clear: bool = False) -> None:
    rows = [_row(names[place], latest.get(place), whole=options.on("no-trunc")) for place in range(len(names))]
    if clear:
        context.out.order("\x1b[H\x1b[J")
    write(context.out, rows, headers=HEADERS, default=DEFAULT, form=options.text("format"))
    context.out.flush()


def _row(name: str, sample: Stats | None, *, whole: bool) -> dict[str, Any]:
    if sample is None:
        return {
            "ID": name[:12],
            "Container": name,
            "Name": "--",
            **dict.fromkeys(["CPUPerc", "MemPerc", "PIDs"], "--"),
            **dict.fromkeys(["MemUsage", "NetIO", "BlockIO"], "-- / --"),
        }
    return {
        "BlockIO": f"{human_size(sample.block_read, 3)} / {human_size(sample.block_write, 3)}",
        "CPUPerc": f"{sample.cpu_percent:.2f}%",
        "Container": name,
        "ID": sample.container_id if whole else sample.container_id[:12],
        "MemPerc": f"{sample.memory_percent:.2f}%",
        "MemUsage": f"{bytes_size(sample.memory_usage)} / {bytes_size(sample.memory_limit)}",
        "Name": sample.name,
        "NetIO": f"{human_size(sample.network_rx, 3)} / {human_size(sample.network_tx, 3)}",
        "PIDs": str(sample.pids),
    }
