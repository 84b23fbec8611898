"""What a registry has under a name, without bringing it here: ``GET /distribution/{name}/json``."""

from __future__ import annotations

from engine.errors import CorruptData, LongshoreError
from engine.image.documents import MAX_CONFIG, Descriptor, Index, read_config, read_manifest
from engine.model import digest as digests
from engine.model.auth import Credentials
from engine.model.images import RegistryImage
from engine.model.reference import Reference, parse
from engine.registry import credentials as stored
from engine.registry import endpoints as places
from engine.registry.cancel import Cancel
from engine.registry.client import RegistryClient
from engine.registry.credentials import Found
from engine.registry.endpoints import Endpoint
from engine.registry.settings import Settings


def inspect(settings: Settings, name: str, credentials: Credentials | None) -> RegistryImage:
    """The document that a name points to, and for which platforms it is. Mirrors are asked first, as for a pull.

    Raises:
        InvalidArgument: the name is malformed.
        As :meth:`engine.registry.client.RegistryClient.manifest`.
    """
    reference = parse(name)
    found = stored.lookup(reference.domain, path=reference.path) if credentials is None else Found(credentials=credentials)
    *mirrors, last = places.endpoints(settings, reference.domain)
    for endpoint in mirrors:
        try:
            return _ask(endpoint, reference, found)
        except LongshoreError:
            continue  # the registry itself knows
    return _ask(last, reference, found)


def _ask(endpoint: Endpoint, reference: Reference, found: Found) -> RegistryImage:
    client = RegistryClient(endpoint, reference, found, Cancel())
    try:
        document = client.manifest(reference.identifier)
        parsed = read_manifest(document.data, document.media_type)
        if isinstance(parsed, Index):
            platforms = [each.platform for each in parsed.manifests if each.platform and not each.attestation]
        else:
            platforms = [read_config(_small(client, parsed.config)).platform]
    finally:
        client.close()
    return RegistryImage(
        digest=document.digest, media_type=parsed.media_type, size=len(document.data), platforms=tuple(dict.fromkeys(platforms))
    )


def _small(client: RegistryClient, descriptor: Descriptor) -> bytes:
    """A blob that is kept in memory. Raises CorruptData."""
    data = bytearray()
    blob = client.blob(descriptor.digest)
    try:
        for piece in blob:
            data += piece
            if len(data) > MAX_CONFIG:
                raise CorruptData(f"image config {descriptor.digest} is longer than {MAX_CONFIG} bytes")
    finally:
        blob.close()
    digests.verify(bytes(data), descriptor.digest)
    return bytes(data)
