"""Logs of services and of tasks.

A manager gathers them from the nodes and passes on what comes, in no order; it counts ``tail`` for each task, and knows no
``until``. With ``tail``, ``since`` or ``until`` lines are put into the order of time here, which takes as much memory as they have.
A followed log is that, and then what comes: what was seen already is known by its content, because ``since`` lets lines come
twice, and lines of several clocks can not be told apart by their times alone.

Each line begins with attributes (moby, ``api/server/httputils/write_log_stream.go``)::

    2026-01-01T00:00:00.000000000Z com.docker.swarm.node.id=…,com.docker.swarm.service.id=…,com.docker.swarm.task.id=… the line
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from heapq import nlargest
from urllib.parse import unquote_plus

from engine.backends.docker.api import Api
from engine.dockerapi import times
from engine.dockerapi.frames import LogDecoder
from engine.model.streams import LogLine, LogQuery, TaskLine

_OVERLAP = 5_000_000_000
"""Nanoseconds by which following begins before the newest line that was read: nodes send late, and their clocks differ."""
_BATCH = 5000
_KNOWN = 1000
"""Texts of attributes that are kept: a log driver may write others with every line."""
_IDS = ("com.docker.swarm.task.id", "com.docker.swarm.node.id", "com.docker.swarm.service.id")


async def read(api: Api, path: str, query: LogQuery, *, tty: bool) -> AsyncGenerator[Sequence[TaskLine], None]:
    """Batches of lines, see :meth:`engine.interface.swarm.SwarmServices.logs`; ``path`` is the service's or the task's."""
    if query.tail is None and query.since is None and query.until is None and not query.follow:
        async with contextlib.aclosing(_stream(api, path, query, tty)) as batches:
            async for batch in batches:
                yield batch
        return
    begun = time.time_ns()
    lines = await _ordered(api, path, query.replace(follow=False), tty)
    for start in range(0, len(lines), _BATCH):
        yield lines[start : start + _BATCH]
    if query.follow and (query.until is None or query.until > begun):
        newest = min(begun, max((line.time for line in lines), default=begun))
        since = max(newest - _OVERLAP, query.since or 0)
        seen = Counter(map(_mark, (line for line in lines if line.time >= since)))
        # What a tail left out is older than the oldest line that it kept of that task, and would come again.
        floors = {line.task_id: line.time for line in reversed(lines)} if query.tail is not None else {}
        floor = begun if query.tail is not None else 0
        del lines
        async with contextlib.aclosing(_stream(api, path, query.replace(tail=None, since=since), tty)) as batches:
            async for batch in batches:
                if fresh := [line for line in _fresh(batch, seen) if line.time >= floors.get(line.task_id, floor)]:
                    yield fresh


async def _ordered(api: Api, path: str, query: LogQuery, tty: bool) -> list[TaskLine]:
    asked = query if query.until is None else query.replace(tail=None)  # what is after ``until`` must not count
    kept = None if query.until is None else query.tail
    found: list[TaskLine] = []
    async with contextlib.aclosing(_stream(api, path, asked, tty)) as batches:
        async for batch in batches:
            found += batch if query.until is None else [line for line in batch if line.time <= query.until]
            if kept is not None and len(found) > 2 * kept + _BATCH:
                found = nlargest(kept, found, key=_time)
    found.sort(key=_time)
    return found if kept is None or kept >= len(found) else found[len(found) - kept :]


async def _stream(api: Api, path: str, query: LogQuery, tty: bool) -> AsyncGenerator[list[TaskLine], None]:
    parameters = {
        "timestamps": True,
        "details": True,
        "stdout": query.stdout,
        "stderr": query.stderr,
        "follow": query.follow,
        "tail": None if query.tail is None else str(query.tail),
        "since": None if query.since is None else times.query(query.since),
    }
    decoder, sources = LogDecoder(tty), _Sources()
    async with api.stream("GET", f"{path}/logs", parameters) as response:
        async with contextlib.aclosing(api.chunks(response)) as chunks:
            async for chunk in chunks:
                if lines := decoder.feed(chunk):
                    yield [sources.task_line(line) for line in lines]
        if lines := decoder.finish():
            yield [sources.task_line(line) for line in lines]


class _Sources:
    """Takes the attributes off lines; each text of attributes is read once, for a task's lines have the same."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[str, str, str, tuple[str, ...]] | None] = {}

    def task_line(self, line: LogLine) -> TaskLine:
        """A line without its attributes. What has none, such as a line of a newer engine, is taken as it is."""
        head, blank, text = line.data.partition(b" ")
        if head not in self._known:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[head] = _source(head)
        source = self._known[head] if blank else None
        if source is None:
            return TaskLine(time=line.time, stream=line.stream, data=line.data, task_id="", node_id="", service_id="", details=())
        task, node, service, details = source
        return TaskLine(time=line.time, stream=line.stream, data=text, task_id=task, node_id=node, service_id=service, details=details)


def _source(head: bytes) -> tuple[str, str, str, tuple[str, ...]] | None:
    pairs = dict(_pairs(head))
    if not all(key in pairs for key in _IDS):
        return None
    task, node, service = (pairs.pop(key) for key in _IDS)
    return task, node, service, tuple(sorted(f"{key}={value}" for key, value in pairs.items()))


def _pairs(head: bytes) -> Iterable[tuple[str, str]]:
    for part in head.decode("utf-8", "replace").split(","):
        key, _, value = part.partition("=")
        yield unquote_plus(key), unquote_plus(value)


def _fresh(batch: Sequence[TaskLine], seen: Counter[tuple[str, int, str, bytes]]) -> list[TaskLine]:
    fresh: list[TaskLine] = []
    for line in batch:
        mark = _mark(line)
        if seen.get(mark, 0):
            seen[mark] -= 1
        else:
            fresh.append(line)
    return fresh


def _mark(line: TaskLine) -> tuple[str, int, str, bytes]:
    return line.task_id, line.time, line.stream, line.data


def _time(line: TaskLine) -> int:
    return line.time
