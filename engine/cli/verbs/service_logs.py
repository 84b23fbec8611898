"""``longshore service logs``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.verbs.logs import query, write_bytes
from engine.errors import InvalidArgument, LongshoreError, NotFound
from engine.model.streams import StreamName, TaskLine
from engine.model.units import rfc3339_fixed

SPEC = Spec(
    usage="[OPTIONS] SERVICE|TASK",
    summary="Fetch the logs of a service or task",
    flags=(
        Flag(name="details", help="Show extra details provided to logs"),
        Flag(name="follow", short="f", help="Follow log output"),
        Flag(name="no-resolve", help="Do not map IDs to Names in output"),
        Flag(name="no-task-ids", help="Do not include task IDs in output"),
        Flag(name="no-trunc", help="Do not truncate output"),
        Flag(name="raw", help="Do not neatly format logs"),
        Flag(name="since", kind="string", help='Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m")'),
        Flag(name="tail", short="n", kind="string", help="Number of lines to show from the end of the logs", default="all"),
        Flag(name="timestamps", short="t", help="Show timestamps"),
    ),
    least=1,
    most=1,
    completes="service",
)


def run(context: Context, options: Options) -> int:
    target, raw = options.args[0], options.on("raw")
    names = _Names(context, options, target)
    if names.tty and not raw:
        raise InvalidArgument("tty service logs only supported with --raw")
    for batch in context.iterate(context.engine.swarm.services.logs(target, query(options))):
        run_of: list[bytes] = []
        stream = StreamName.STDOUT
        for line in batch:
            if line.stream is not stream:
                write_bytes(stream, b"".join(run_of))
                run_of, stream = [], line.stream
            if options.on("timestamps"):
                run_of.append(rfc3339_fixed(line.time).encode() + b" ")
            if not raw:
                run_of.append(names.of(line))
            if options.on("details"):
                run_of.append(_details(line, raw=raw))
            run_of.append(line.data)
        write_bytes(stream, b"".join(run_of))
    return 0


def _details(line: TaskLine, *, raw: bool) -> bytes:
    """What the log driver wrote about a line; with ``--raw`` also where it comes from, which else stands before it."""
    ids = (("node", line.node_id), ("service", line.service_id), ("task", line.task_id)) if raw and line.task_id else ()
    return ",".join(sorted((*line.details, *(f"com.docker.swarm.{noun}.id={value}" for noun, value in ids)))).encode() + b" "


class _Names:
    """What stands before a line: ``web.1.w54gqn03voor@node2    | ``; each task is asked for once."""

    def __init__(self, context: Context, options: Options, target: str) -> None:
        self._context, self._options = context, options
        self._known: dict[str, bytes] = {}
        self._resolved: dict[str, str] = {}
        swarm = context.engine.swarm
        try:
            service = context.run(swarm.services.inspect(target))
            self.tty, widest = service.tty, service.replicas or 1
        except NotFound:
            try:
                task = context.run(swarm.tasks.inspect(target))
            except NotFound:
                raise NotFound(f"no such task or service: {target}") from None
            self.tty, widest = task.tty, task.slot
        self._width = len(str(widest))

    def of(self, line: TaskLine) -> bytes:
        """The text for a line."""
        if line.task_id not in self._known:
            self._known[line.task_id] = self._made(line).encode()
        return self._known[line.task_id]

    def _made(self, line: TaskLine) -> str:
        swarm, resolve = self._context.engine.swarm, not self._options.on("no-resolve")
        slot = self._context.run(swarm.tasks.inspect(line.task_id)).slot
        node, service = line.node_id, line.service_id
        if resolve:
            try:
                node = self._context.run(swarm.nodes.inspect(node)).title
                service = self._context.run(swarm.services.inspect(service)).name
            except LongshoreError:
                pass  # gone meanwhile: the ids tell as much as there is
        task = line.task_id if self._options.on("no-trunc") else line.task_id[:12]
        name = f"{service}.{slot}" if self._options.on("no-task-ids") else f"{service}.{slot}.{task}"
        return f"{name}@{node}{' ' * (self._width - len(str(slot)))}    | "
