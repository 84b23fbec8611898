"""What is said about the log in the main pane: which lines of which logs it shows, and why it shows none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.feed.logs import LogFeed
from tui.presenters.log_document import stamp
from tui.presenters.text import safe
from tui.words import tr

if TYPE_CHECKING:
    from tui.feed.mixed_log import MixedLog
    from tui.presenters.log_filter import LogFilter


def what_logs(only: LogFilter | None, logs: str, log: LogFeed | MixedLog) -> str:
    """Which logs are shown (``logs`` tells), and which of their lines, where these are not all of one."""
    reached = getattr(log, "reached", None) if only else None  # only a log that can be filtered has it
    since = tr(" since {time}", time=stamp(reached).strip()[:-4]) if reached is not None else ""
    literal = tr(" (as letters)") if only and only.literal else ""
    kept = tr("only “{text}”{literal}{since} · ", text=safe(only.text), literal=literal, since=since) if only else ""
    return f"{kept}{f'{safe(logs)} · ' if logs else ''}"


def empty_log(log: LogFeed | MixedLog, only: LogFilter | None, *, running: bool) -> Sequence[str]:
    """What stands in place of a log without lines."""
    if log.error:
        return (tr("The log can not be read:"), safe(log.error.split("\n")[0]))
    if not log.ready:
        return (tr("reading…"),)
    if only:
        looked = "" if log.window.at_start else tr("Not the whole log was looked at: Home looks on.")
        return (tr("No line with “{text}”.", text=safe(only.text)), tr("esc shows all lines."), looked)
    return (
        (tr("No output so far."), tr("New lines appear here as they are written."))
        if running
        else (tr("It wrote nothing."), tr("S starts it again."))
    )
