"""``longshore logs``"""

from __future__ import annotations

import os
from collections.abc import Sequence

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec, UsageError
from engine.model.streams import LogBatch, LogLine, LogQuery, StreamName
from engine.model.units import parse_moment, rfc3339_fixed

SPEC = Spec(
    usage="[OPTIONS] CONTAINER",
    summary="Fetch the logs of a container",
    flags=(
        Flag(name="details", help="Show extra details provided to logs"),
        Flag(name="follow", short="f", help="Follow log output"),
        Flag(name="since", kind="string", help='Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m")'),
        Flag(name="tail", short="n", kind="string", help="Number of lines to show from the end of the logs", default="all"),
        Flag(name="timestamps", short="t", help="Show timestamps"),
        Flag(name="until", kind="string", help='Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m")'),
    ),
    least=1,
    most=1,
    completes="container",
)


def run(context: Context, options: Options) -> int:
    wanted = query(options)
    if options.text("until"):
        wanted = wanted.replace(until=parse_moment(options.text("until")))
    stamped = options.on("timestamps")
    for batch in context.iterate(context.engine.containers.logs(options.args[0], wanted)):
        if isinstance(batch, LogBatch) and not stamped:
            for stream, text in batch.pieces():
                write_bytes(stream, text)
        else:
            _print(batch, stamped=stamped)
    return 0


def query(options: Options) -> LogQuery:
    """``--follow``, ``--tail`` and ``--since``.

    Raises:
        UsageError, InvalidArgument: one is malformed.
    """
    return LogQuery(
        follow=options.on("follow"),
        tail=_tail(options.text("tail")),
        since=parse_moment(options.text("since")) if options.text("since") else None,
    )


def _tail(text: str) -> int | None:
    if text == "all" or text.startswith("-"):
        return None
    if not text.isdigit():
        raise UsageError(f'invalid argument "{text}" for "-n, --tail" flag: it is a number of lines or "all"')
    return int(text)


def _print(batch: Sequence[LogLine], *, stamped: bool) -> None:
    """Each run of lines of one stream with one write: raw bytes, as the container wrote them."""
    run: list[bytes] = []
    stream = StreamName.STDOUT
    whole = True
    for line in batch:
        if line.stream is not stream:
            write_bytes(stream, b"".join(run))
            run, stream = [], line.stream
        if stamped and whole:
            run.append(rfc3339_fixed(line.time).encode() + b" ")
        run.append(line.data)
        whole = line.data.endswith(b"\n")
    write_bytes(stream, b"".join(run))


def write_bytes(stream: StreamName, text: bytes) -> None:
    """Write to our own stdout or stderr as the container wrote. Raises BrokenPipeError when nobody reads any more."""
    view = memoryview(text)
    target = 2 if stream is StreamName.STDERR else 1
    try:
        while view:
            view = view[os.write(target, view) :]
    except OSError as error:
        raise BrokenPipeError(error.errno, error.strerror) from None
