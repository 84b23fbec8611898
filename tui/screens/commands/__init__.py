"""What the actions do: functions of a :class:`~tui.screens.desk.Desk`, one module a noun, found by action id."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from tui.screens.commands import containers, images, networks, view, volumes
from tui.screens.desk import Desk

Handler = Callable[[Desk], "Coroutine[Any, Any, None] | None"]

HANDLERS: Mapping[str, Handler] = {**view.HANDLERS, **containers.HANDLERS, **images.HANDLERS, **volumes.HANDLERS, **networks.HANDLERS}
