"""Content digests (OCI image-spec, "Digests"): the one place that decides what may become a blob's file name.

A digest from a registry or an archive is hostile until :func:`check` has seen it (CVE-2024-3727: ``sha256:../../etc``).
Only sha256 and sha512 are registered by the specification, and only those are accepted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import CorruptData, InvalidArgument

if TYPE_CHECKING:
    from hashlib import _Hash

LENGTHS = {"sha256": 64, "sha512": 128}
"""Hex digits of each algorithm."""

_HEX = frozenset("0123456789abcdef")


def valid(text: str) -> bool:
    """``text`` is a digest of a known algorithm, spelled canonically (lower-case hex)."""
    algorithm, colon, digits = text.partition(":")
    return bool(colon) and LENGTHS.get(algorithm) == len(digits) and _HEX.issuperset(digits)


def check(text: object) -> str:
    """``text`` itself, when it is a digest.

    Raises:
        InvalidArgument: with the words of Docker's digest parser.
    """
    if not isinstance(text, str):
        raise InvalidArgument("invalid checksum digest format")
    if valid(text):
        return text
    algorithm, colon, digits = text.partition(":")
    if not colon or not algorithm or not digits:
        raise InvalidArgument("invalid checksum digest format")
    if algorithm not in LENGTHS:
        raise InvalidArgument("unsupported digest algorithm")
    if len(digits) != LENGTHS[algorithm]:
        raise InvalidArgument("invalid checksum digest length")
    raise InvalidArgument("invalid checksum digest format")


def split(text: str) -> tuple[str, str]:
    """Algorithm and hex digits. Raises InvalidArgument as :func:`check` does."""
    algorithm, _, digits = check(text).partition(":")
    return algorithm, digits


def hasher(text: str) -> _Hash:
    """A new hash object of the algorithm that ``text`` names. Raises InvalidArgument as :func:`check` does."""
    import hashlib

    return hashlib.new(split(text)[0])


def of(data: bytes) -> str:
    """The sha256 digest of ``data``."""
    import hashlib

    return "sha256:" + hashlib.sha256(data).hexdigest()


def verify(data: bytes, text: str, what: str = "content") -> bytes:
    """``data`` itself, when its digest is ``text``.

    Raises:
        InvalidArgument: ``text`` is no digest.
        CorruptData: it is the digest of something else.
    """
    found = hasher(text)
    found.update(data)
    if found.hexdigest() != split(text)[1]:
        raise CorruptData(f"{what} does not match its digest: expected {text}, got {found.name}:{found.hexdigest()}")
    return data


def short(text: str) -> str:
    """The 12 hex digits that people are shown."""
    return text.rpartition(":")[2][:12]


def chain_ids(diff_ids: tuple[str, ...]) -> tuple[str, ...]:
    """Chain IDs of a stack of layers, bottom first (OCI image-spec, "Layer ChainID")."""
    found: list[str] = []
    for diff_id in diff_ids:
        found.append(of(f"{found[-1]} {diff_id}".encode()) if found else diff_id)
    return tuple(found)
