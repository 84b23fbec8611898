"""A whole log written to a file, as the container wrote it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from engine.errors import EngineFault
from engine.interface import Engine
from engine.model.streams import LogQuery


async def save_log(engine: Engine, container: str, path: str, keep: Callable[[bytes], bool] | None = None) -> int:
    """Write all lines, or those that are kept, to ``path``; how many lines. What is there already is replaced.

    Raises:
        LongshoreError: the log can not be read, or the file not be written.
    """
    count = 0
    stream = engine.containers.logs(container, LogQuery())
    try:
        with await asyncio.to_thread(open, path, "wb") as file:
            async for batch in stream:
                lines = [line.data for line in batch if keep is None or keep(line.data)]
                count += sum(line.endswith(b"\n") for line in lines)
                await asyncio.to_thread(file.write, b"".join(lines))
    except OSError as error:
        raise EngineFault(f"{path}: {error.strerror}") from error
    finally:
        await stream.aclose()
    return count


async def save_text(path: str, text: str) -> None:
    """Write a text to ``path``.

    Raises:
        LongshoreError: the file can not be written.
    """
    try:
        await asyncio.to_thread(_write, path, text)
    except OSError as error:
        raise EngineFault(f"{path}: {error.strerror}") from error


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def resolved(path: str) -> tuple[str, bool]:
    """A path as it was typed made absolute, and whether something is there."""
    path = os.path.abspath(os.path.expanduser(path))
    return path, os.path.lexists(path)


def default_path(name: str, stamp: str) -> str:
    """Where a log is saved unless somebody says otherwise: in the directory that the TUI was started in."""
    return os.path.join(os.getcwd(), f"{name}-{stamp}.log")
