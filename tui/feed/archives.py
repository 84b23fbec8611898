"""Archives of images written and read with progress. A file that is not finished does not stay."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Sequence

from engine.errors import EngineFault
from engine.interface import Engine
from engine.model.images import ImageContents
from tui.snapshot import FilePhase, FileProgress

PIECE = 1 << 20
_LINE = "archive"


async def save_images(engine: Engine, names: Sequence[str], path: str, size: int) -> AsyncGenerator[FileProgress, None]:
    """Write images into the archive ``path``, which appears when it is complete.

    Raises:
        LongshoreError: an image is not there, or the file can not be written.
    """
    part = f"{path}.part"
    written = 0
    stream = engine.images.save(names)
    try:
        with await asyncio.to_thread(open, part, "wb") as file:
            async for piece in stream:
                await asyncio.to_thread(file.write, piece)
                written += len(piece)
                yield FileProgress(phase=FilePhase.WRITING, layer=_LINE, current=written, total=max(size, written))
        await asyncio.to_thread(os.replace, part, path)
    except OSError as error:
        raise EngineFault(f"{path}: {error.strerror}") from error
    finally:
        await stream.aclose()
        with contextlib.suppress(OSError):
            os.unlink(part)  # there only when it did not come to the end


async def load_images(engine: Engine, path: str) -> AsyncGenerator[FileProgress, None]:
    """Take images from the archive ``path``; the last event tells which.

    Raises:
        LongshoreError: the file can not be read, or is no archive of images.
    """
    read = total = 0
    moved = asyncio.Event()

    async def pieces() -> AsyncGenerator[bytes, None]:
        nonlocal read
        while piece := await asyncio.to_thread(file.read, PIECE):
            read += len(piece)
            moved.set()
            yield piece

    try:
        file = await asyncio.to_thread(open, path, "rb")
        total = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise EngineFault(f"{path}: {error.strerror}") from error
    task = asyncio.ensure_future(engine.images.load(pieces()))
    task.add_done_callback(lambda _: moved.set())
    try:
        while not task.done():
            await moved.wait()
            moved.clear()
            yield FileProgress(phase=FilePhase.READING, layer=_LINE, current=read, total=total)
        loaded = await task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        file.close()
    names = ", ".join(image.reference or image.id[:19] for image in loaded)
    yield FileProgress(phase=FilePhase.READING, layer=_LINE, current=total, total=total, detail=names)


async def read_contents(
    engine: Engine, image: str, size: int, told: Callable[[ImageContents], object]
) -> AsyncGenerator[FileProgress, None]:
    """Read what the layers of an image hold; ``told`` gets it.

    Raises:
        LongshoreError: the image is not there, or can not be read.
    """
    read = 0
    news = asyncio.Event()

    def moved(count: int) -> None:
        nonlocal read
        read = count
        news.set()

    task = asyncio.ensure_future(engine.images.contents(image, moved=moved))
    task.add_done_callback(lambda _: news.set())
    try:
        while not task.done():
            await news.wait()
            news.clear()
            yield FileProgress(phase=FilePhase.READING, layer=_LINE, current=read, total=max(size, read))
        told(await task)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
