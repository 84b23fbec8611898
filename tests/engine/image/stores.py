"""A layer store in a temporary directory, fed from bytes."""

from __future__ import annotations

from collections.abc import Sequence

from engine.image.layers import LayerStore
from engine.store.database import Database
from engine.store.roots import Roots
from tests.engine.image.archives import Archive, diff_id, gzipped, pieces


class Store(LayerStore):
    """A :class:`LayerStore` below ``path``."""

    def __init__(self, path: str) -> None:
        self.roots = Roots(state=f"{path}/state", run=f"{path}/run")
        self.database = Database.of(self.roots)
        super().__init__(self.roots, self.database)

    def close(self) -> None:
        super().close()
        self.database.close()

    def add(self, layer: Archive | bytes, parents: Sequence[str] = (), *, size: int = 65536) -> str:
        """Unpack one layer, gzip-compressed; its chain ID."""
        tar = layer.bytes() if isinstance(layer, Archive) else layer
        return self.unpack(pieces(gzipped(tar), size), diff_id=diff_id(tar), parents=parents)

    def stack(self, *layers: Archive) -> list[str]:
        """Unpack layers one on top of the other, lowest first; their chain IDs."""
        chain: list[str] = []
        for layer in layers:
            chain.append(self.add(layer, chain))
        return chain
