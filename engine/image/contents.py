"""What an image's layers hold, out of the archive of it, as it streams by.

Nothing is extracted and no content kept: of each layer only the names and sizes, with which it is told afterwards what later layers
hide. A file is hidden by anything of its name in a later layer, by anything but a directory in the place of a directory above it, and
by whiteouts (OCI image-spec, layer.md, "Whiteouts").
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from engine.errors import CorruptData, LongshoreError
from engine.image import tar
from engine.image.archive import Members
from engine.image.spool import inflated
from engine.model.images import HiddenFile, ImageContents, LayerContents

MAX_FILES = 1 << 20
"""Entries that the layers of an image may have together."""
_MAX_NAMES = 128 << 20
"""Bytes of their names."""
_MAX_DOCUMENT = 4 << 20
_MAX_DOCUMENTS = 64 << 20
_TOLD = 300
_DIRECTORY = -1
_WHITEOUT = b".wh."
_OPAQUE = b".wh..wh..opq"


def contents(chunks: Iterator[bytes]) -> ImageContents:
    """Read the archive of one image, as ``docker save`` writes it.

    Raises:
        CorruptData: it is malformed, names a layer that it does not have, or has more files than :data:`MAX_FILES`.
    """
    return _Reading().image(chunks)


class _Layer:
    """The names in a layer: with bytes of a regular file, 0 of anything else, -1 of a directory."""

    def __init__(self) -> None:
        self.sizes: dict[bytes, int] = {}
        self.removed: list[bytes] = []
        self.emptied: list[bytes] = []


class _Reading:
    def __init__(self) -> None:
        self._members: Members[bytes | _Layer | LongshoreError] = Members()
        self._files = self._names = self._kept = 0

    def image(self, chunks: Iterator[bytes]) -> ImageContents:
        """All members, then what the manifest says of them."""
        reader = tar.TarReader(chunks)
        while (entry := reader.next()) is not None:
            self._count(len(entry.name))
            name = self._members.name(entry)
            self._members.forget(name)
            if entry.kind == tar.REGULAR and entry.sparse is None:
                self._members.file(name, self._member(entry.size, reader.content()))
            elif entry.kind in (tar.SYMLINK, tar.HARD_LINK):
                self._members.link(name, entry)
        reader.drain()
        manifests = self._json("manifest.json")
        first = manifests[0] if isinstance(manifests, list) and manifests else None
        if not isinstance(first, dict) or not isinstance(first.get("Layers"), list):
            raise CorruptData("the engine's archive of the image has no manifest.json that names its layers")
        layers = [self._layer(str(name)) for name in first["Layers"]]
        return _told(layers, _steps(self._json(str(first.get("Config"))), len(layers)))

    def _member(self, size: int, content: Iterator[bytes]) -> bytes | _Layer | LongshoreError:
        """A document as it is, of a layer the names; which it is only its content tells."""
        head = next(content, b"")
        while len(head) < min(size, tar.BLOCK):
            head += next(content)
        if size <= _MAX_DOCUMENT and head[:1] in (b"{", b"[") and head[257:262] != b"ustar":
            return self._document(head, content)
        try:
            return self._listed(head, content)
        except LongshoreError as error:  # other files may be anything; a layer is missed when it is looked for
            return error

    def _document(self, head: bytes, content: Iterator[bytes]) -> bytes:
        data = head + b"".join(content)
        self._kept += len(data)
        if self._kept > _MAX_DOCUMENTS:
            raise CorruptData(f"the archive has more than {_MAX_DOCUMENTS} bytes of documents")
        return data

    def _listed(self, head: bytes, content: Iterator[bytes]) -> _Layer:
        layer = _Layer()
        reader = tar.TarReader(inflated(itertools.chain((head,), content)))
        while (entry := reader.next()) is not None:
            path = entry.name.strip(b"/").removeprefix(b"./")
            self._count(len(path))
            parent, _, name = path.rpartition(b"/")
            if name == _OPAQUE:
                layer.emptied.append(parent)
            elif name.startswith(_WHITEOUT):
                layer.removed.append(b"/".join(filter(None, (parent, name[len(_WHITEOUT) :]))))
            elif path:
                plain = entry.kind == tar.REGULAR
                layer.sizes[path] = _DIRECTORY if entry.kind == tar.DIRECTORY else entry.size if plain else 0
        return layer

    def _count(self, length: int) -> None:
        self._files += 1
        self._names += length
        if self._files > MAX_FILES or self._names > _MAX_NAMES:
            raise CorruptData(f"the image has more than {MAX_FILES} files, or names of more than {_MAX_NAMES} bytes")

    def _layer(self, name: str) -> _Layer:
        found = self._members.find(name)
        if isinstance(found, LongshoreError):
            raise found
        if not isinstance(found, _Layer):
            raise CorruptData(f"the engine's archive of the image lacks the layer {name!r} that it names")
        return found

    def _json(self, name: str) -> Any:
        found = self._members.find(name)
        try:
            return json.loads(found if isinstance(found, bytes) else b"")
        except (ValueError, RecursionError):
            raise CorruptData(f"the engine's archive of the image has no valid {name!r}") from None


def _steps(config: Any, layers: int) -> tuple[int, ...]:
    """Which layer each step of the history made, if it tells of all of them (image-spec, config.md, ``empty_layer``)."""
    history = config.get("history") if isinstance(config, Mapping) else None
    steps: list[int] = []
    made = 0
    for one in history if isinstance(history, list) else ():
        empty = isinstance(one, Mapping) and one.get("empty_layer") is True
        steps.append(-1 if empty else made)
        made += not empty
    return tuple(steps) if made == layers else ()


def _told(layers: Sequence[_Layer], steps: tuple[int, ...]) -> ImageContents:
    """From the top down, as what is above hides what is below."""
    exact: set[bytes] = set()
    covers: set[bytes] = set()
    found: list[LayerContents] = []
    hidden: dict[bytes, list[int]] = {}
    for layer in reversed(layers):
        files = size = lost = 0
        below = _below(covers)
        for path, length in layer.sizes.items():
            if length > 0:
                files += 1
                size += length
                if path in exact or below(path.rpartition(b"/")[0]):
                    lost += length
                    hidden.setdefault(path, []).append(length)
        found.append(LayerContents(files=files, size=size, hidden=lost))
        exact.update(layer.sizes, layer.removed)
        covers.update(path for path, length in layer.sizes.items() if length != _DIRECTORY)
        covers.update(layer.removed)
        covers.update(layer.emptied)
    largest = sorted(hidden.items(), key=lambda item: (-sum(item[1]), item[0]))[:_TOLD]
    told = tuple(HiddenFile(path=path.decode("utf-8", "replace"), size=sum(sizes), copies=len(sizes)) for path, sizes in largest)
    return ImageContents(layers=tuple(reversed(found)), steps=steps, hidden=told)


def _below(covers: set[bytes]) -> Callable[[bytes], bool]:
    """Whether a directory, or one above it, is hidden by what is in ``covers``."""
    known: dict[bytes, bool] = {b"": b"" in covers}

    def below(directory: bytes) -> bool:
        chain: list[bytes] = []
        while (answer := known.get(directory)) is None:
            chain.append(directory)
            directory = directory.rpartition(b"/")[0]
        for one in reversed(chain):
            answer = known[one] = answer or one in covers
        return answer

    return below
