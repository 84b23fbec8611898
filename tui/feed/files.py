"""Files of a container for looking at and copying: no program in it is needed, and it need not run.

What is copied out of a container is its choice of names, links and devices. So nothing of it is unpacked on this machine: a file
is written as a file under the name that the person typed, a directory as a tar archive. What is there already stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import tarfile
import tempfile
from collections.abc import AsyncGenerator

from engine.errors import EngineFault, InvalidArgument, NotFound
from engine.interface import Engine
from engine.model.files import Directory, PathStat
from tui.words import tr

PIECE = 1 << 20
SHOWN = 512 * 1024
"""Bytes of a file that are read to be looked at."""
_BLOCK = 512
_MOST_HEADS = 16


class ContainerFiles:
    """The files of one container, from a directory on that is the top."""

    def __init__(self, engine: Engine, container: str, top: str = "/") -> None:
        self._files = engine.containers
        self._container = self.container = container
        self.top = top

    async def list(self, path: str) -> Directory:
        """What is in a directory; a link is followed inside the container. Raises LongshoreError."""
        return await self._files.list_directory(self._container, path)

    async def real(self, path: str) -> tuple[str, PathStat]:
        """The path that a link leads to inside the container, and what is there; the path itself for anything else.

        Raises:
            LongshoreError: there is nothing.
        """
        found = await self._files.stat(self._container, path)
        if not stat.S_ISLNK(found.mode):
            return path, found
        if not found.link_target:
            raise NotFound(tr("{path} leads nowhere", path=path))
        target = await self._files.stat(self._container, found.link_target)
        if stat.S_ISLNK(target.mode):
            raise NotFound(tr("{path} leads to {link_target}, which is not there", path=path, link_target=found.link_target))
        return found.link_target, target

    async def head(self, path: str) -> tuple[bytes, int]:
        """The beginning of a file, :data:`SHOWN` bytes at most, and the whole file's size.

        Raises:
            InvalidArgument: it is no regular file.
            LongshoreError: it can not be read.
        """
        path, found = await self.real(path)
        if not stat.S_ISREG(found.mode):
            raise InvalidArgument(tr("{path} is not a regular file", path=path))
        data = bytearray()
        async with contextlib.aclosing(self._content(path)) as pieces:
            async for piece in pieces:
                data += piece
                if len(data) >= SHOWN:
                    break
        return bytes(data[:SHOWN]), found.size

    async def copy_out(self, path: str, host: str) -> None:
        """Write a file to ``host``, or a directory with all that is in it as a tar archive.

        Raises:
            LongshoreError: it can not be read, or ``host`` is there already or can not be written.
        """
        path, found = await self.real(path)
        if stat.S_ISREG(found.mode):
            stream = self._content(path)
        elif stat.S_ISDIR(found.mode):
            stream = self._files.get_archive(self._container, path)
        else:
            raise InvalidArgument(tr("{path} is neither a file nor a directory", path=path))
        name = os.path.basename(path) + (".tar" if stat.S_ISDIR(found.mode) else "")
        host, taken = await asyncio.to_thread(_target, host, name)
        part = f"{host}.part"
        try:
            if taken:
                raise InvalidArgument(tr("{host} is there already", host=host))
            with await asyncio.to_thread(open, part, "xb") as file:
                try:
                    async with contextlib.aclosing(stream) as pieces:
                        async for piece in pieces:
                            await asyncio.to_thread(file.write, piece)
                    await asyncio.to_thread(os.link, part, host)  # unlike a rename this takes nobody's file away
                finally:
                    os.unlink(part)
        except OSError as error:
            raise EngineFault(f"{host}: {error.strerror}") from error

    async def copy_in(self, host: str, directory: str) -> None:
        """Put a file or a directory of this machine into a directory of the container.

        Raises:
            LongshoreError: it can not be read, or the container does not take it.
        """
        host = await asyncio.to_thread(lambda: os.path.abspath(os.path.expanduser(host)))
        try:
            with tempfile.TemporaryFile() as file:
                await asyncio.to_thread(_pack, file, host)

                async def pieces() -> AsyncGenerator[bytes, None]:
                    while piece := await asyncio.to_thread(file.read, PIECE):
                        yield piece

                await self._files.put_archive(self._container, directory, pieces())
        except OSError as error:
            raise EngineFault(f"{host}: {error.strerror}") from error

    async def _content(self, path: str) -> AsyncGenerator[bytes, None]:
        """What is in a regular file, out of the archive of it."""
        kept = bytearray()
        left = -1
        heads = 0
        async with contextlib.aclosing(self._files.get_archive(self._container, path)) as pieces:
            async for piece in pieces:
                if left >= 0:
                    yield piece[:left]
                    left -= min(left, len(piece))
                    continue
                kept += piece
                while left < 0 and len(kept) >= _BLOCK:
                    info = _head(bytes(kept[:_BLOCK]), path)
                    size = -(-info.size // _BLOCK) * _BLOCK
                    if info.isreg():
                        left = info.size
                        yield bytes(kept[_BLOCK : _BLOCK + left])
                        left -= min(left, len(kept) - _BLOCK)
                    elif len(kept) < _BLOCK + size:
                        break
                    else:
                        del kept[: _BLOCK + size]
                        heads += 1
                        if heads > _MOST_HEADS:
                            raise EngineFault(tr("the engine's archive of {path} has no file in it", path=path))


def _head(block: bytes, path: str) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise EngineFault(tr("the engine's archive of {path} is malformed: {error}", path=path, error=error)) from error


def _target(host: str, name: str) -> tuple[str, bool]:
    """The path to write to, inside ``host`` where that is a directory, and whether there is something already."""
    host = os.path.expanduser(host)
    if os.path.isdir(host):
        host = os.path.join(host, name)
    return host, os.path.lexists(host)


def _pack(file: object, host: str) -> None:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]  # any binary file
        archive.add(host, arcname=os.path.basename(host) or "root")
    file.seek(0)  # type: ignore[attr-defined]
