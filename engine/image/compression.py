"""From compressed bytes to the tar stream, in bounded pieces, whatever the media type claimed.

The magic number decides (real registries lie about media types). Every decoder is pulled: it never produces more than
:data:`PIECE` bytes at once, so that a bomb costs time and no memory. Several gzip members and several zstd frames one after another
are common (pgzip, zstd:chunked, eStargz) and read as one stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

from engine.errors import CorruptData, NotSupported

if TYPE_CHECKING:
    from typing import IO

PIECE = 1 << 20
_MAX_WINDOW = 1 << 27
"""zstd's own limit for what a decoder should accept without being asked (RFC 8878 recommends 8 MiB as the minimum)."""

GZIP, ZSTD, PLAIN = "gzip", "zstd", "plain"
MAGIC_LENGTH = 6


def sniff(head: bytes) -> str:
    """The compression that a stream beginning with ``head`` (:data:`MAGIC_LENGTH` bytes or all there is) has.

    Raises:
        NotSupported: bzip2 or xz, which no layer media type allows.
    """
    if head[:2] == b"\x1f\x8b":
        return GZIP
    if head[:4] == b"\x28\xb5\x2f\xfd" or (head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50):
        return ZSTD
    if head[:3] == b"BZh" or head[:6] == b"\xfd7zXZ\0":
        raise NotSupported("the layer is compressed with bzip2 or xz, which no image format allows")
    return PLAIN


def preload(kind: str) -> None:
    """Import what :func:`decoded` needs, before the process loses sight of the file system."""
    if kind == GZIP:
        import isal.igzip_lib  # noqa: F401
    elif kind == ZSTD:
        import zstandard  # noqa: F401


def decoded(kind: str, read: Callable[[int], bytes]) -> Iterator[bytes]:
    """The decompressed stream, in pieces of at most :data:`PIECE` bytes; ``read(n)`` gives up to ``n`` bytes, none at the end.

    Raises:
        CorruptData: the stream is malformed or cut short.
    """
    if kind == GZIP:
        return _gunzip(read)
    if kind == ZSTD:
        return _unzstd(read)
    return _plain(read)


def _plain(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while piece := read(PIECE):
        yield piece


def _gunzip(read: Callable[[int], bytes]) -> Iterator[bytes]:
    from isal.igzip_lib import DECOMP_GZIP, IgzipDecompressor, IsalError

    malformed: tuple[type[Exception], ...] = (IsalError, EOFError)  # type: ignore[assignment]  # isal's stub has it as an instance
    data = read(PIECE)
    try:
        while data:
            member = IgzipDecompressor(flag=DECOMP_GZIP)
            while True:
                piece = member.decompress(data, PIECE)
                if piece:
                    yield piece
                if member.eof:
                    break
                data = read(PIECE) if member.needs_input else b""
                if member.needs_input and not data:
                    raise CorruptData("gzip: the layer is cut short")
            data = member.unused_data or read(PIECE)
            if data and not data.strip(b"\0"):  # padding to a block, as gzip(1) ignores
                while more := read(PIECE):
                    if more.strip(b"\0"):
                        raise CorruptData("gzip: garbage follows the layer")
                return
    except malformed as error:
        raise CorruptData(f"gzip: the layer is malformed: {error}") from error


class _Stream:
    """The least that zstandard asks of a source."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def read(self, size: int = -1) -> bytes:
        return self._read(size if size > 0 else PIECE)


def _unzstd(read: Callable[[int], bytes]) -> Iterator[bytes]:
    import zstandard

    try:
        decoder = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
        stream = cast("IO[bytes]", _Stream(read))
        reader = decoder.stream_reader(stream, read_size=PIECE, read_across_frames=True, closefd=False)
        while piece := reader.read(PIECE):
            yield piece
    except zstandard.ZstdError as error:
        raise CorruptData(f"zstd: the layer is malformed: {error}") from error
