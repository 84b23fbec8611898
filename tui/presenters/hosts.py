"""Hosts as rows: what is known of each and what it answered. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from engine.model.hosts import ALL, EMBEDDED, Host, HostState
from tui.presenters.ansi import Styled, ink
from tui.presenters.details import one_line
from tui.presenters.text import clip, pad, safe
from tui.snapshot import Snapshot
from tui.words import tr

_QUIET = "bright_black"
_REASON = 20
_NAME, _ENGINE, _LATENCY, _URL = 24, 22, 9, 40


def host_rows(hosts: Sequence[Host], states: Mapping[str, HostState], *, here: str, width: int) -> list[Styled]:
    """A row for each host: a dot for its state, name, engine, latency, address, and why it does not answer.

    Args:
        states: what was answered so far, by name.
        here: the host that the screen shows.
        width: cells of a row.
    """
    names = min(_NAME, max((len(host.name) for host in hosts), default=0))
    engines = min(_ENGINE, max((len(_engine(states.get(host.name))) for host in hosts), default=0))
    urls = min(_URL, max((len(host.url) for host in hosts), default=0))
    return [_row(host, states.get(host.name), here=here, sizes=(names, engines, urls), width=width) for host in hosts]


def _row(host: Host, state: HostState | None, *, here: str, sizes: tuple[int, int, int], width: int) -> Styled:
    names, engines, urls = sizes
    sign, tint = ("○", _QUIET) if state is None else ("●", "green") if state.up else ("●", "red")
    start: Styled = (
        ("▸ " if host.name == here else "  ", ink("green", bold=True)),
        (f"{sign} ", ink(tint)),
        (pad(safe(host.name), names), ink("", bold=host.name == here)),
        (" * " if host.current else "   ", ink("yellow")),
    )
    if state is not None and not state.up:
        room = max(10, width - names - 7)
        return (*start, (clip(safe(state.problem.split("\n")[0]), room), ink("red")))
    latency = f"{state.latency * 1000:.1f} ms" if state is not None and state.latency >= 0 else "" if state else tr("asking…")
    return (
        *start,
        (pad(_engine(state), engines), ink("")),
        (f" {pad(latency, _LATENCY, right=True)}  ", ink(_QUIET)),
        (pad(safe(host.url), urls), ink(_QUIET)),
        (f"  {host.origin.value}", ink(_QUIET)),
    )


def _engine(state: HostState | None) -> str:
    return safe(f"{state.engine} {state.version}".strip()) if state is not None and state.up else ""


def banner_text(snapshot: Snapshot, width: int) -> str:
    """Who does not answer, why, and when they are asked again, in a line of ``width`` cells: the reason gives way."""
    when = (
        tr("next try at {time}", time=time.strftime("%H:%M:%S", time.localtime(snapshot.retry_at)))
        if snapshot.retry_at
        else tr("trying again")
    )
    who = tr("engine") if not snapshot.hosts else tr("{lost} of {count} hosts", lost=len(snapshot.lost), count=len(snapshot.hosts))
    start, end = tr(" {who} unreachable: ", who=who), tr(" · {when}, ^r now", when=when)
    return f"{start}{clip(one_line(snapshot.trouble, 300), max(_REASON, width - len(start) - len(end)))}{end}"


def footer_text(host: str, engine: str, version: str) -> str:
    """Who answers, at the right of the footer; the embedded engine needs no name."""
    words = safe(f"{engine} {version}".strip())
    named = "" if host in ("", EMBEDDED) else tr("all hosts") if host == ALL else safe(host)
    return " · ".join(part for part in (named, words) if part)
