"""Archives to and from files and standard streams."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterable

from engine.errors import EngineFault, InvalidArgument, LongshoreError, Unavailable
from engine.model.openfile import PIECE


async def download(url: str) -> AsyncGenerator[bytes, None]:
    """What an address gives.

    Raises:
        Unavailable: it can not be had.
    """
    from engine.registry.transport import load_httpx

    load_httpx()
    import httpx

    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=60) as response:
            if not response.is_success:
                raise Unavailable(f"failed to GET {url} with status {response.status_code} {response.reason_phrase}")
            for piece in response.iter_raw(PIECE):
                yield piece
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"failed to GET {url}: {error or type(error).__name__}") from error


def open_input(path: str) -> int:
    """A descriptor on a file that is read.

    Raises:
        InvalidArgument: there is none (docker's words), or it may not be read.
    """
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise InvalidArgument(f"open {path}: {(error.strerror or str(error)).lower()}") from None


def check_output(path: str) -> None:
    """The file ``path`` can be written.

    Raises:
        InvalidArgument: it can not (docker's words).
    """
    directory = os.path.dirname(path) or "."
    if not os.path.isdir(directory):
        raise InvalidArgument(f'invalid output path: directory "{directory}" does not exist')
    if os.path.isdir(path):
        raise InvalidArgument(f'invalid output path: "{path}" is a directory')


def write_file(path: str, chunks: Iterable[bytes]) -> None:
    """Write a file that is there whole or not at all.

    Raises:
        EngineFault: it can not be written.
        As the iterable.
    """
    import stat

    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        with open(path, "wb", buffering=0) as file:  # a device or a pipe
            write_all(file.fileno(), chunks)
        return
    partial = os.path.join(os.path.dirname(path), f".tmp-{os.path.basename(path)}{os.urandom(4).hex()}")
    try:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EngineFault(f"open {path}: {(error.strerror or str(error)).lower()}") from None
    try:
        try:
            write_all(handle, chunks)
        finally:
            os.close(handle)
        os.rename(partial, path)
    except BaseException as error:
        os.unlink(partial)
        if isinstance(error, OSError) and not isinstance(error, LongshoreError):
            raise EngineFault(f"write {path}: {(error.strerror or str(error)).lower()}") from error
        raise


def write_all(handle: int, chunks: Iterable[bytes]) -> None:
    """Write everything to a descriptor. Raises OSError."""
    for chunk in chunks:
        view = memoryview(chunk)
        while view:
            view = view[os.write(handle, view) :]
