"""``longshore events``"""

from __future__ import annotations

import time

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.gotemplate import Template
from engine.cli.screen import one_line
from engine.dockerapi.show import event as document
from engine.model import filters
from engine.model.events import Event, EventQuery
from engine.model.units import parse_moment

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Get real time events from the engine",
    flags=(
        Flag(name="filter", short="f", kind="list", help="Filter output based on conditions provided"),
        Flag(name="format", kind="string", help="Format output: 'json' or a Go template"),
        Flag(name="since", kind="string", help="Show all events created since timestamp"),
        Flag(name="until", kind="string", help="Stream events until this timestamp"),
    ),
)


def run(context: Context, options: Options) -> int:
    query = EventQuery(
        since=parse_moment(options.text("since")) if options.text("since") else None,
        until=parse_moment(options.text("until")) if options.text("until") else None,
        filters=filters.parse(options.values("filter")),
    )
    form = options.text("format")
    template = Template("{{json .}}" if form == "json" else form.replace("\\t", "\t")) if form else None
    for event in context.iterate(context.engine.system.events(query)):
        print(template.render(document(event)) if template else line(event), file=context.out, flush=True)
    return 0


def line(event: Event) -> str:
    """Docker's line: local time with nanoseconds, type, action, id and attributes."""
    seconds, nanos = divmod(event.time, 1_000_000_000)
    moment = time.localtime(seconds)
    zone = time.strftime("%z", moment)
    shown = f"{time.strftime('%Y-%m-%dT%H:%M:%S', moment)}.{nanos:09d}{zone[:3]}:{zone[3:]}"
    attributes = ", ".join(f"{key}={value}" for key, value in sorted(event.attributes.items()))
    text = f"{shown} {event.kind} {event.action} {event.id}{f' ({attributes})' if attributes else ''}"
    return one_line(text)
