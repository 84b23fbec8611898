"""What the actions do: functions of a :class:`~tui.screens.desk.Desk`, one module a noun, found by action id."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from tui.screens.commands import (
    changing,
    containers,
    custom,
    debugging,
    files,
    hosts,
    images,
    layout,
    logs,
    monitor,
    networks,
    system,
    terminal,
    view,
    volumes,
)
from tui.screens.desk import Desk

Handler = Callable[[Desk], "Coroutine[Any, Any, None] | None"]

HANDLERS: Mapping[str, Handler] = {
    **view.HANDLERS,
    **logs.HANDLERS,
    **changing.HANDLERS,
    **custom.HANDLERS,
    **debugging.HANDLERS,
    **system.HANDLERS,
    **layout.HANDLERS,
    **monitor.HANDLERS,
    **hosts.HANDLERS,
    **containers.HANDLERS,
    **terminal.HANDLERS,
    **files.HANDLERS,
    **images.HANDLERS,
    **volumes.HANDLERS,
    **networks.HANDLERS,
}
