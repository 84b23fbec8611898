"""A live connection to a process in a container."""

from __future__ import annotations

from typing import Protocol

from engine.model.streams import Output


class Session(Protocol):
    """Attach or exec: input goes in, output comes out, until the process ends or somebody closes it.

    One task may read while another writes.
    """

    @property
    def pid(self) -> int:
        """What an exec started, as a process of the engine's host; 0 for an attach."""

    async def read(self) -> Output | None:
        """The next piece of output; ``None`` when there will be no more."""

    async def write(self, data: bytes) -> None:
        """Send input. Input for a process that has none or is gone is dropped."""

    async def close_input(self) -> None:
        """End of input (``^D`` of a pipe); output goes on."""

    async def resize(self, *, width: int, height: int) -> None:
        """Tell the process's terminal its size, in cells. Does nothing without a terminal."""

    async def exit_code(self) -> int:
        """Wait for the process's end: its exit code, 128 + n after signal n."""

    async def close(self) -> None:
        """Leave. The process goes on."""
