"""Other settings while the TUI runs: what is new is applied, what a person changed by hand and the file leaves alone stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tui.config import Settings
from tui.presenters.geometry import Zoom
from tui.screens.desk import Desk
from tui.screens.dispatch import use_keys
from tui.snapshot import Noun
from tui.widgets.log_view import LogView


def show_logs_as(view: LogView, settings: Settings) -> None:
    """Show logs as the settings say."""
    view.times = "local" if settings.log_timestamps else ""
    view.folded = settings.log_json
    view.tinted = settings.log_stderr
    view.wrapped = settings.log_wrap


def retake(desk: Desk, settings: Settings) -> list[str]:
    """Go on with other settings: the names of those that changed."""
    changed = [name for name, value in settings.fields() if value != getattr(desk.settings, name)]
    desk.settings = desk.content.settings = settings
    for name in dict.fromkeys(_GROUPS.get(name, name) for name in changed):
        if name in _TAKERS:
            _TAKERS[name](desk, settings)
    if changed:
        desk.content.again()
    return changed


def _logs(desk: Desk, settings: Settings) -> None:
    show_logs_as(desk.content.pane.log_view, settings)


def _sort(desk: Desk, settings: Settings) -> None:
    if settings.sort != desk.lists.sorts[Noun.CONTAINERS]:
        desk.lists.sort_by(Noun.CONTAINERS, settings.sort)


def _columns(desk: Desk, settings: Settings) -> None:
    desk.lists.use_columns(settings.columns)
    desk.feed.count_sizes(desk.lists.sizes_wanted)


def _language(desk: Desk, settings: Settings) -> None:
    for noun in Noun:
        desk.lists.refresh(noun)
    desk.content.pane.draw_tabs()


def _width(desk: Desk, settings: Settings) -> None:
    desk.stage.use(settings)


def _zoom(desk: Desk, settings: Settings) -> None:
    desk.stage.zoom = Zoom.FULL if settings.screen_reader else Zoom[settings.screen_mode.upper()]
    desk.stage.arrange()


_GROUPS: Mapping[str, str] = {
    **dict.fromkeys(("log_timestamps", "log_json", "log_stderr", "log_wrap"), "logs"),
    **dict.fromkeys(("keys", "preset", "commands", "readonly"), "keys"),
    **dict.fromkeys(("side_ratio", "expand_focused"), "side"),
    **dict.fromkeys(("screen_mode", "screen_reader"), "zoom"),
}
_TAKERS: Mapping[str, Callable[[Desk, Settings], None]] = {
    "logs": _logs,
    "keys": use_keys,
    "side": _width,
    "sort": _sort,
    "zoom": _zoom,
    "columns": _columns,
    "language": _language,
    "hide_stopped": lambda desk, settings: desk.lists.hide(settings.hide_stopped),
}
