"""Images on disk: what the blob store's documents say, and the names that point to them.

References are canonical (``docker.io/library/busybox:latest``), as :mod:`engine.model.reference` makes them; digests are
canonical repository digests (``docker.io/library/busybox@sha256:…``). One reference points to one image; one that was brought with
all its platforms names their index too, which keeps in the blob store what is here of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from engine.errors import InvalidArgument, NotFound
from engine.model.value import EMPTY, Value
from engine.store import codec
from engine.store.database import Database

_HEX = frozenset("0123456789abcdef")


class ImageRecord(Value):
    """An image. The raw documents lie in the blob store.

    Attributes:
        id: ``sha256:`` and the digest of the config document.
        size: bytes of all layers, unpacked.
        blobs: digests of the compressed layers, lowest first.
        diff_ids, chain_ids: one a layer, lowest first (OCI image-spec, ``config.md``).
    """

    id: str
    manifest_digest: str
    manifest_type: str = "application/vnd.oci.image.manifest.v1+json"
    created_at: float = 0.0
    size: int = 0
    architecture: str = ""
    os: str = "linux"
    variant: str = ""
    labels: Mapping[str, str] = EMPTY
    blobs: tuple[str, ...] = ()
    diff_ids: tuple[str, ...] = ()
    chain_ids: tuple[str, ...] = ()


class ImageNames(Value):
    """The canonical references and repository digests of an image."""

    references: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()


class Images:
    """The images table and its names. Every method is one transaction, or joins the caller's."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, record: ImageRecord, reference: str = "", repo_digest: str = "", index: str = "") -> None:
        """Add an image, or refresh one, and point ``reference`` and ``repo_digest`` (``""``: none) to it.

        ``index`` is the digest of the index that ``reference`` stands for, ``""`` where only this image is kept.
        """
        with self._db.transaction() as connection:
            connection.execute(
                "INSERT INTO images (id, manifest_digest, manifest_type, created_at, size, architecture, os, variant,"
                " labels, blobs, diff_ids, chain_ids) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET manifest_digest = excluded.manifest_digest, manifest_type = excluded.manifest_type,"
                " blobs = excluded.blobs",
                (
                    record.id,
                    record.manifest_digest,
                    record.manifest_type,
                    record.created_at,
                    record.size,
                    record.architecture,
                    record.os,
                    record.variant,
                    codec.encode(record.labels),
                    codec.encode(record.blobs),
                    codec.encode(record.diff_ids),
                    codec.encode(record.chain_ids),
                ),
            )
            if reference:
                _point(connection, reference, record.id, index)
            if repo_digest:
                connection.execute(
                    "INSERT INTO image_digests (reference, image_id) VALUES (?, ?)"
                    " ON CONFLICT (reference) DO UPDATE SET image_id = excluded.image_id",
                    (repo_digest, record.id),
                )

    def get(self, image_id: str) -> ImageRecord:
        """An image by its whole id. Raises NotFound."""
        rows = self._db.query("SELECT * FROM images WHERE id = ?", image_id)
        if not rows:
            raise missing(image_id)
        return _record(rows[0])

    def by_reference(self, reference: str) -> ImageRecord | None:
        """The image that a canonical reference, or repository digest, points to."""
        rows = self._db.query(
            "SELECT * FROM images WHERE id = coalesce((SELECT image_id FROM image_names WHERE reference = ?1),"
            " (SELECT image_id FROM image_digests WHERE reference = ?1))",
            reference,
        )
        return _record(rows[0]) if rows else None

    def by_prefix(self, prefix: str) -> ImageRecord | None:
        """The image whose id begins with ``prefix``, with or without ``sha256:``.

        Raises:
            InvalidArgument: several do.
        """
        digits = prefix.removeprefix("sha256:")
        if not digits or not _HEX.issuperset(digits):
            return None
        rows = self._db.query("SELECT * FROM images WHERE substr(id, 8, ?2) = ?1 LIMIT 2", digits, len(digits))
        if len(rows) > 1:
            raise InvalidArgument(f"multiple IDs found with provided prefix: {prefix}", hint="give more digits, or a name")
        return _record(rows[0]) if rows else None

    def resolve(self, reference: str, *, typed: str = "") -> ImageRecord:
        """An image by canonical reference, else by id or unique prefix of one.

        ``typed`` is what the person wrote, where that differs from its canonical form: it is tried as an id, and shown.

        Raises:
            NotFound: ``No such image: x``.
            InvalidArgument: several ids begin so.
        """
        shown = typed or reference
        found = self.by_reference(reference) or self.by_prefix(shown)
        if found is None:
            raise missing(shown)
        return found

    def all(self) -> list[ImageRecord]:
        """Every image, newest first."""
        return [_record(row) for row in self._db.query("SELECT * FROM images ORDER BY created_at DESC, id")]

    def names(self, image_id: str) -> ImageNames:
        """What points to an image."""
        return ImageNames(
            references=self._names("image_names", image_id),
            digests=self._names("image_digests", image_id),
        )

    def all_names(self) -> dict[str, ImageNames]:
        """:meth:`names` of every image that has some, in two queries."""
        found: dict[str, tuple[list[str], list[str]]] = {}
        for row in self._db.query("SELECT image_id, reference FROM image_names ORDER BY reference"):
            found.setdefault(row["image_id"], ([], []))[0].append(row["reference"])
        for row in self._db.query("SELECT image_id, reference FROM image_digests ORDER BY reference"):
            found.setdefault(row["image_id"], ([], []))[1].append(row["reference"])
        return {key: ImageNames(references=tuple(names), digests=tuple(digests)) for key, (names, digests) in found.items()}

    def index_of(self, reference: str) -> str:
        """The digest of the index that a canonical reference was brought with, ``""`` for none."""
        rows = self._db.query("SELECT index_digest FROM image_names WHERE reference = ?", reference)
        return str(rows[0]["index_digest"]) if rows else ""

    def indexes(self) -> dict[str, str]:
        """:meth:`index_of` of every reference that has one."""
        rows = self._db.query("SELECT reference, index_digest FROM image_names WHERE index_digest != '' ORDER BY reference")
        return {row["reference"]: row["index_digest"] for row in rows}

    def tag(self, image_id: str, reference: str, index: str = "") -> None:
        """Point a canonical reference to an image, and to ``index`` as :meth:`put` does, away from any other. Raises NotFound."""
        with self._db.transaction() as connection:
            if connection.execute("SELECT 1 FROM images WHERE id = ?", (image_id,)).fetchone() is None:
                raise missing(image_id)
            _point(connection, reference, image_id, index)

    def untag(self, reference: str) -> bool:
        """Forget a reference or repository digest; the image stays. ``False``: nothing had that name."""
        with self._db.transaction() as connection:
            names = connection.execute("DELETE FROM image_names WHERE reference = ?", (reference,)).rowcount
            digests = connection.execute("DELETE FROM image_digests WHERE reference = ?", (reference,)).rowcount
        return bool(names + digests)

    def delete(self, image_id: str) -> bool:
        """Forget an image and its names; its blobs and layers stay. ``False``: it was not there."""
        with self._db.transaction() as connection:
            return connection.execute("DELETE FROM images WHERE id = ?", (image_id,)).rowcount > 0

    def _names(self, table: str, image_id: str) -> tuple[str, ...]:
        sql = f"SELECT reference FROM {table} WHERE image_id = ? ORDER BY reference"  # noqa: S608  one of two names
        return tuple(row["reference"] for row in self._db.query(sql, image_id))


def _point(connection: sqlite3.Connection, reference: str, image_id: str, index: str) -> None:
    connection.execute(
        "INSERT INTO image_names (reference, image_id, index_digest) VALUES (?, ?, ?)"
        " ON CONFLICT (reference) DO UPDATE SET image_id = excluded.image_id, index_digest = excluded.index_digest",
        (reference, image_id, index),
    )


def missing(name: str) -> NotFound:
    """Docker's words for an image that does not exist."""
    return NotFound(f"No such image: {name}")


def wanted_blobs(records: Iterable[ImageRecord]) -> set[str]:
    """Digests that images need: manifests, configs and layers. Indexes need more: :func:`engine.image.indexes.wanted`."""
    return {digest for record in records for digest in (record.id, record.manifest_digest, *record.blobs)}


def _record(row: sqlite3.Row) -> ImageRecord:
    return ImageRecord(
        id=row["id"],
        manifest_digest=row["manifest_digest"],
        manifest_type=row["manifest_type"],
        created_at=row["created_at"],
        size=row["size"],
        architecture=row["architecture"],
        os=row["os"],
        variant=row["variant"],
        labels=codec.mapping(row["labels"]),
        blobs=codec.texts(row["blobs"]),
        diff_ids=codec.texts(row["diff_ids"]),
        chain_ids=codec.texts(row["chain_ids"]),
    )
