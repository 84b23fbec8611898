"""What command lines write, in a box, as it comes. Closing the box ends what still runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence

from textual.content import Content

from tui.late import Late
from tui.presenters.ansi import Styled, ink, parse_bytes
from tui.presenters.text import clip, safe
from tui.screens.reader import ReaderModal

KEPT = 5000
PIECE = 1 << 16
PARTING = 1.0
"""Seconds in which a command may end by itself when its box is closed, before the box is gone for good."""


class OutputModal(ReaderModal):
    """Runs command lines one after the other.

    Attributes:
        codes: exit codes of those that ended.
    """

    def __init__(self, name: str, lines: Sequence[str]) -> None:
        super().__init__(name, (), wrapped=True)
        self.codes: list[int] = []
        self._commands = tuple(lines)
        self._shown: list[Styled] = []
        self._process: asyncio.subprocess.Process | None = None

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(".box").styles.width = "90%"
        self.view.styles.height = max(3, self.app.size.height - 6)
        self.run_worker(Late(self._run), exit_on_error=False)

    async def on_unmount(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), PARTING)

    async def _run(self) -> None:
        for line in self._commands:
            self._add(((f"$ {safe(line)}", ink("blue", bold=True)),))
            self._process = await asyncio.create_subprocess_shell(
                line,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
            await self._copy(self._process)
            code = await self._process.wait()
            self.codes.append(code)
            if code:
                self._add(((f"exit code {code}", ink("red")),))
        self.query_one(".box").border_title = Content(clip(f"{safe(self._title)}: done", max(8, self.app.size.width - 12)))

    async def _copy(self, process: asyncio.subprocess.Process) -> None:
        """Show what it writes, line by line, whatever the lines' lengths."""
        rest = b""
        while process.stdout is not None and (piece := await process.stdout.read(PIECE)):
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > PIECE:
                lines, rest = [*lines, rest], b""
            self._add(*(parse_bytes(line) for line in lines))
            await asyncio.sleep(0)
        if rest:
            self._add(parse_bytes(rest))

    def _add(self, *lines: Styled) -> None:
        followed = self.view.scroll_offset.y >= self.view.max_scroll_y
        self._shown = [*self._shown, *lines][-KEPT:]
        self.view.show(self._shown)
        if followed:
            self.view.call_after_refresh(self.view.go_bottom)
