"""Waiting for containers on engines before API 1.30, which know no conditions and answer only when the container has ended.

Docker's client of that time followed the events instead (docker/cli, ``legacyWaitExitOrRemoved``), whose answer begins at once: from then
on no exit is missed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from urllib.parse import unquote

from engine.backends.docker.api import Api
from engine.dockerapi import containers as codec
from engine.dockerapi import filters as filter_codec
from engine.dockerapi import system
from engine.dockerapi.document import Lines
from engine.errors import Unavailable
from engine.model.containers import ContainerExit
from engine.model.units import whole

CONDITIONS_SINCE = (1, 30)


async def wait(api: Api, path: str, condition: str, listening: Callable[[], None] | None) -> ContainerExit:
    """See :meth:`engine.interface.ContainerLifecycle.wait`. ``path`` is the container's in the API.

    Raises:
        NotFound: no such container.
        Unavailable: the engine ends its events before the container ends.
    """
    details = codec.decode_details(await api.get(f"{path}/json"))
    if condition == "not-running":
        if listening is not None:
            listening()
        return codec.decode_exit(await api.post(f"{path}/wait"))
    state = details.container.state
    code = state.exit_code if condition == "removed" and not state.running else 0
    wanted = filter_codec.encode({"type": ("container",), "container": (details.container.id,), "event": ("die", "destroy")})
    lines = Lines()
    async with (
        api.stream("GET", "/events", {"filters": wanted}) as response,
        contextlib.aclosing(api.chunks(response)) as chunks,
    ):
        if listening is not None:
            listening()
        async for chunk in chunks:
            for item in lines.feed(chunk):
                event = system.decode_event(item)
                if event is None:
                    continue
                if event.action == "die":
                    code = whole(event.attributes.get("exitCode", ""))
                if event.action == "destroy" or condition == "next-exit":
                    return ContainerExit(exit_code=code)
    raise Unavailable(f"the engine ended its events while {unquote(path.rpartition('/')[2])} was waited for")
