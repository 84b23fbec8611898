"""What is said about the log in the main pane: which lines of which logs it shows, and why it shows none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.feed.logs import LogFeed
from tui.presenters.log_document import stamp
from tui.presenters.text import safe

if TYPE_CHECKING:
    from tui.feed.mixed_log import MixedLog
    from tui.presenters.log_filter import LogFilter


def what_logs(only: LogFilter | None, logs: int, log: LogFeed | MixedLog) -> str:
    """Which logs are shown, and which of their lines, where these are not all of one."""
    reached = getattr(log, "reached", None) if only else None  # only a log that can be filtered has it
    since = f" since {stamp(reached).strip()[:-4]}" if reached is not None else ""
    kept = f"only “{safe(only.text)}”{' (as letters)' if only.literal else ''}{since} · " if only else ""
    return f"{kept}{f'{logs} logs · ' if logs else ''}"


def empty_log(log: LogFeed | MixedLog, only: LogFilter | None, *, running: bool) -> Sequence[str]:
    """What stands in place of a log without lines."""
    if log.error:
        return ("The log can not be read:", safe(log.error.split("\n")[0]))
    if not log.ready:
        return ("reading…",)
    if only:
        looked = "" if log.window.at_start else "Not the whole log was looked at: Home looks on."
        return (f"No line with “{safe(only.text)}”.", "esc shows all lines.", looked)
    return ("No output so far.", "New lines appear here as they are written.") if running else ("It wrote nothing.", "S starts it again.")
