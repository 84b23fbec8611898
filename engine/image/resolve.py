"""From a name to one manifest: the index's entry for a platform, through nested indexes."""

from __future__ import annotations

from collections.abc import Iterator

from engine.errors import CorruptData, InvalidArgument, NotFound
from engine.image.documents import INDEXES, MANIFESTS, Descriptor, Index, Manifest, read_manifest
from engine.model import platform as platforms
from engine.model.platform import Platform
from engine.model.value import Value
from engine.registry.client import Document, RegistryClient

_MAX_DEPTH = 3
_MAX_NESTED = 16
_ANY = 1000


class Resolved(Value):
    """What a name stands for.

    Attributes:
        digest: of the document that the name points to, an index maybe: what docker shows and records.
        manifest: the image's manifest, and ``document`` its bytes.
        index: the bytes of the index that the name points to, ``b""`` when it points to the manifest.
    """

    digest: str
    manifest: Manifest
    document: Document
    index: bytes = b""


def resolve(client: RegistryClient, document: Document, wanted: Platform) -> Resolved:
    """The manifest for ``wanted`` that ``document`` is or leads to. A manifest that stands alone is taken as it is, as docker does.

    Raises:
        NotFound: no entry is for that platform (docker's words).
        CorruptData, NotSupported: a document is malformed, or no image.
        As :meth:`RegistryClient.manifest`.
    """
    parsed = read_manifest(document.data, document.media_type)
    if isinstance(parsed, Manifest):
        return Resolved(digest=document.digest, manifest=parsed, document=document)
    nested = _Nested(client)
    found = sorted(_candidates(nested, parsed, wanted, 1), key=lambda candidate: candidate[0])
    if not found:
        raise NotFound(f"no matching manifest for {wanted} in the manifest list entries", hint=_offered(parsed))
    chosen = fetch(client, found[0][1])
    manifest = read_manifest(chosen.data, chosen.media_type)
    if isinstance(manifest, Index):
        raise CorruptData(f"invalid manifest: {chosen.digest} is an index where its parent says it is an image")
    return Resolved(digest=document.digest, manifest=manifest, document=chosen, index=document.data)


class _Nested:
    """Fetches indexes within indexes, not more than a few: a registry could make them endless."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client
        self._left = _MAX_NESTED

    def fetch(self, descriptor: Descriptor) -> Index | None:
        if not self._left:
            return None
        self._left -= 1
        document = fetch(self._client, descriptor)
        parsed = read_manifest(document.data, document.media_type)
        return parsed if isinstance(parsed, Index) else None


def _candidates(nested: _Nested, index: Index, wanted: Platform, depth: int) -> Iterator[tuple[int, Descriptor]]:
    """Entries that suit, with their rank: 0 is best."""
    for each in index.manifests:
        if each.attestation:
            continue
        if each.media_type in INDEXES:
            inner = nested.fetch(each) if depth < _MAX_DEPTH else None
            if inner:
                yield from _candidates(nested, inner, wanted, depth + 1)
        elif each.media_type in MANIFESTS:
            rank = platforms.rank(wanted, each.platform) if each.platform else _ANY
            if rank >= 0:
                yield rank, each


def fetch(client: RegistryClient, descriptor: Descriptor) -> Document:
    """A manifest or index that another document names.

    Raises:
        CorruptData: it has another size than that says.
        As :meth:`RegistryClient.manifest`.
    """
    document = client.manifest(descriptor.digest)
    if len(document.data) != descriptor.size:
        raise CorruptData(f"manifest verification failed for digest {descriptor.digest}: {len(document.data)} bytes, not {descriptor.size}")
    return document


def _offered(index: Index) -> str:
    names = sorted({str(each.platform) for each in index.manifests if each.platform and not each.attestation})
    return f"there are {', '.join(names[:20])}" if names else ""


def parse_platform(text: str) -> Platform | None:
    """``--platform``; ``None`` when it was not given.

    Raises:
        InvalidArgument: it is none, or of another system than linux.
    """
    if not text:
        return None
    wanted = platforms.parse(text)
    if wanted.os != "linux":
        raise InvalidArgument(f'operating system "{wanted.os}" is not supported', hint="containers here are linux containers")
    return wanted
