"""``longshore hosts ls``"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.screen import one_line
from engine.cli.tables import write
from engine.errors import InvalidArgument
from engine.model.hosts import Host, HostState
from engine.model.units import parse_duration

SPEC = Spec(
    usage="[OPTIONS]",
    summary="List the hosts that are known, and ask each how it is",
    flags=(
        Flag(name="format", kind="string", help="Format output: 'table', 'table TEMPLATE', 'json', or a Go template"),
        Flag(name="quiet", short="q", help="Only show names, and ask nobody"),
        Flag(name="timeout", kind="string", default="5s", help="How long to wait for each host"),
    ),
)
HEADERS = {
    "Name": "NAME", "State": "STATE", "Engine": "ENGINE", "Version": "VERSION", "APIVersion": "API", "Platform": "PLATFORM",
    "Latency": "LATENCY", "Endpoint": "ENDPOINT", "Origin": "ORIGIN", "Current": "CURRENT", "Error": "ERROR",
}  # fmt: skip


def run(context: Context, options: Options) -> int:
    hosts = context.hosts.list()
    if options.on("quiet"):
        context.out.writelines(f"{host.name}\n" for host in hosts)
        return 0
    states = {state.host.name: state for state in context.ask_hosts(timeout=seconds(options))}
    rows = [_row(states[host.name]) for host in hosts]
    default = ["Name", "State", "Engine", "Version", "Latency", "Endpoint", "Error"]
    if not options.has("format"):
        for row in rows:
            row["Name"] += " *" if row["Current"] == "true" else ""
    write(context.out, rows, headers=HEADERS, default=default, form=options.text("format"))
    return 0


def seconds(options: Options) -> float:
    """The value of ``--timeout``."""
    found = parse_duration(options.text("timeout"))
    if found <= 0:
        raise InvalidArgument(f"invalid timeout {options.text('timeout')!r}", hint="such as 5s or 500ms")
    return found


def latency_text(seconds: float) -> str:
    """Milliseconds, or ``-``."""
    return f"{seconds * 1000:.1f} ms" if seconds >= 0 else "-"


def endpoint(host: Host) -> str:
    """The address; files of keys are not told."""
    return host.url or "-"


def _row(state: HostState) -> dict[str, Any]:
    fields: Mapping[str, str] = {
        "Name": state.host.name,
        "State": "up" if state.up else "down",
        "Engine": state.engine or "-",
        "Version": state.version or "-",
        "APIVersion": state.api_version or "-",
        "Platform": state.platform or "-",
        "Latency": latency_text(state.latency),
        "Endpoint": endpoint(state.host),
        "Origin": state.host.origin.value,
        "Current": str(state.host.current).lower(),
        "Error": state.problem.split("\n")[0],
    }
    return {name: one_line(text) for name, text in fields.items()}
