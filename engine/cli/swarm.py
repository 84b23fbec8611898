"""What the verbs of ``swarm``, ``node``, ``service``, ``stack``, ``config`` and ``secret`` share: flags, and docker's lists."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from engine.cli.context import Context
from engine.cli.flags import Flag, Options
from engine.cli.tables import ellipsis, write
from engine.cli.verbs.inspect import show
from engine.errors import InvalidArgument
from engine.model import filters
from engine.model.services import Service, by_name, ports_text, short_image
from engine.model.swarm import NodeChange, SwarmFile, Task, sorted_tasks, task_names
from engine.model.units import human_duration

FORMAT = Flag(name="format", kind="string", help="Format output: 'table', 'table TEMPLATE', 'json', or a Go template")
FILTER = Flag(name="filter", short="f", kind="list", help="Filter output based on conditions provided")
LIST_FLAGS = (FILTER, FORMAT, Flag(name="quiet", short="q", help="Only display IDs"))
TASK_FLAGS = (
    FILTER,
    FORMAT,
    Flag(name="no-resolve", help="Do not map IDs to Names"),
    Flag(name="no-trunc", help="Do not truncate output"),
    Flag(name="quiet", short="q", help="Only display task IDs"),
)
INSPECT_FLAGS = (
    Flag(name="format", short="f", kind="string", help="Format output with a Go template, 'json', or 'pretty'"),
    Flag(name="pretty", help="Print the information in a human friendly format"),
)
DETACH = Flag(name="detach", short="d", help="Exit immediately instead of waiting for the service to converge")

_SERVICE_HEADERS = {"ID": "ID", "Name": "NAME", "Mode": "MODE", "Replicas": "REPLICAS", "Image": "IMAGE", "Ports": "PORTS"}
_TASK_HEADERS = {
    "ID": "ID", "Name": "NAME", "Image": "IMAGE", "Node": "NODE", "DesiredState": "DESIRED STATE",
    "CurrentState": "CURRENT STATE", "Error": "ERROR", "Ports": "PORTS",
}  # fmt: skip
_FILE_HEADERS = {
    "ID": "ID", "Name": "NAME", "Driver": "DRIVER", "CreatedAt": "CREATED", "UpdatedAt": "UPDATED", "Labels": "LABELS",
}  # fmt: skip
_ERROR_WIDTH = 30


def write_services(context: Context, options: Options, services: Iterable[Service]) -> None:
    """Print services as ``docker service ls`` does."""
    rows = [
        {
            "ID": one.id[:12],
            "Image": short_image(one.image),
            "Mode": one.mode,
            "Name": one.name,
            "Ports": ports_text(one.ports),
            "Replicas": one.count,
        }
        for one in sorted(services, key=by_name)
    ]
    quiet = "ID" if options.on("quiet") else ""
    default = ["ID", "Name", "Mode", "Replicas", "Image", "Ports"]
    write(context.out, rows, headers=_SERVICE_HEADERS, default=default, form=options.text("format"), quiet=quiet)


def write_files(context: Context, options: Options, files: Iterable[SwarmFile], *, drivers: bool) -> None:
    """Print configs or secrets (``drivers``) as docker does."""
    rows = [
        {
            "CreatedAt": age(one.created_at),
            **({"Driver": one.driver} if drivers else {}),
            "ID": one.id,
            "Labels": ",".join(sorted(f"{key}={value}" for key, value in one.labels.items())),
            "Name": one.name,
            "UpdatedAt": age(one.updated_at),
        }
        for one in sorted(files, key=by_name)
    ]
    default = ["ID", "Name", *(["Driver"] if drivers else []), "CreatedAt", "UpdatedAt"]
    quiet = "ID" if options.on("quiet") else ""
    write(context.out, rows, headers=_FILE_HEADERS, default=default, form=options.text("format"), quiet=quiet)


def write_tasks(context: Context, options: Options, tasks: Iterable[Task], *, whole_ids: bool = False) -> None:
    """Print tasks as ``docker service ps`` does: by name, those of the past below the newest of their place.

    ``whole_ids``: ``--quiet`` prints ids in full, which docker does for services only.
    """
    found = list(tasks)
    resolve = not options.on("no-resolve")
    services = _service_names(context, found) if resolve else {}
    nodes = _node_names(context, found) if resolve else {}
    names = task_names(found, services)
    table = options.text("format") in ("", "table") or options.text("format").startswith("table ")
    whole = options.on("no-trunc") or (whole_ids and options.on("quiet"))
    rows: list[dict[str, Any]] = []
    before = ""
    for task in sorted_tasks(found, names):
        name = names[task.id]
        again = name == before
        before = name
        rows.append(
            {
                "CurrentState": f"{pretty(task.state)} {human_duration(time.time() - task.changed_at).lower()} ago",
                "DesiredState": pretty(task.desired_state),
                "Error": f'"{task.error if whole else ellipsis(task.error, _ERROR_WIDTH)}"' if task.error else "",
                "ID": task.id if whole else task.id[:12],
                "Image": task.image if whole else short_image(task.image),
                "Name": f" \\_ {name}" if again and table else name,
                "Node": nodes.get(task.node_id, task.node_id),
                "Ports": ",".join(f"*:{port.published}->{port.target}/{port.protocol}" for port in task.ports),
            }
        )
    default = ["ID", "Name", "Image", "Node", "DesiredState", "CurrentState", "Error", "Ports"]
    quiet = "ID" if options.on("quiet") else ""
    write(context.out, rows, headers=_TASK_HEADERS, default=default, form=options.text("format"), quiet=quiet)


def show_pretty(context: Context, options: Options, raw: Callable[[str], str], pretty: Callable[[Any], str]) -> int:
    """Print documents as ``inspect`` does; with ``--pretty`` for people, all or none.

    Raises:
        LongshoreError: with ``--pretty``, where one is missing.
    """
    form = options.text("format")
    if not (options.on("pretty") or form == "pretty"):
        if form.startswith("pretty"):
            raise InvalidArgument("cannot supply extra formatting options to the pretty template")
        return show(context, options.args, form, raw)
    for text in [pretty(json.loads(raw(name))) for name in options.args]:
        print(text, file=context.out)
    return 0


def _service_names(context: Context, tasks: Sequence[Task]) -> dict[str, str]:
    if not tasks:
        return {}
    wanted = tuple(dict.fromkeys(task.service_id for task in tasks))
    return {one.id: one.name for one in context.run(context.engine.swarm.services.list(filters={"id": wanted}, status=False))}


def _node_names(context: Context, tasks: Sequence[Task]) -> dict[str, str]:
    return {one.id: one.title for one in context.run(context.engine.swarm.nodes.list())} if tasks else {}


def pretty(word: str) -> str:
    """A state as docker prints it: its first letter in upper case."""
    return word[:1].upper() + word[1:]


def age(moment: float) -> str:
    """``5 minutes ago``."""
    return f"{human_duration(max(0.0, time.time() - moment))} ago"


def found_services(context: Context, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Ids of the services that are named by id, by name, or by a prefix of their id; and the names that none has.

    Raises:
        InvalidArgument: a prefix fits several (docker's words).
    """
    services = context.engine.swarm.services
    by_id = context.run(services.list(filters={"id": tuple(names)}, status=False))
    by_word = context.run(services.list(filters={"name": tuple(names)}, status=False))
    ids: list[str] = []
    missing: list[str] = []
    for name in names:
        exact = [one.id for one in by_id if one.id == name] or [one.id for one in by_word if one.name == name]
        fits = exact or [one.id for one in by_id if one.id.startswith(name)]
        if len(fits) > 1:
            raise InvalidArgument(f"multiple services found with provided prefix: {name}")
        ids += fits
        missing += [] if fits else [f"no such service: {name}"]
    return ids, missing


def with_filters(options: Options, **more: str) -> dict[str, tuple[str, ...]]:
    """The filters of the command line, and one more value for some of them."""
    found = filters.parse(options.values("filter"))
    for key, value in more.items():
        found[key] = (*found.get(key, ()), value)
    return found


def content(path: str, *, noun: str, limit: int) -> bytes:
    """What a config or a secret is made of: a file, or standard input for ``-``.

    Raises:
        InvalidArgument: it can not be read, or is empty (docker's words).
    """
    if not path:
        raise InvalidArgument(f"{noun} file is required")
    where = "STDIN" if path == "-" else path
    try:
        if path == "-":
            data = sys.stdin.buffer.read(2 * limit)
        else:
            with open(path, "rb") as file:
                data = file.read(2 * limit)
    except OSError as error:
        raise InvalidArgument(f'error reading content from "{path}": open {path}: {(error.strerror or "").lower()}') from None
    if not data:
        raise InvalidArgument(f'error reading content from "{path}": error reading from {where}: data is empty')
    return data


def warn(context: Context, warnings: Iterable[str]) -> None:
    """A manager's remarks, on standard error."""
    for warning in warnings:
        print(warning, file=context.err)


def give_role(context: Context, names: Sequence[str], role: str, told: str) -> None:
    """Make managers or workers of nodes; ``told`` is what is said of each, with ``{}`` for its name."""
    nodes = context.engine.swarm.nodes
    for name in names:
        node = context.run(nodes.inspect(name))
        if node.role == role:
            print(f"Node {node.id} is already a {role}.", file=context.out)
            continue
        context.run(nodes.update(node.id, NodeChange(role=role)))
        print(told.format(name), file=context.out, flush=True)
