"""Showing credentials to a registry (distribution-spec, "Determining Support"; docker's ``POST /auth``)."""

from __future__ import annotations

from engine.errors import LongshoreError, Unauthorized
from engine.model.auth import Credentials
from engine.model.reference import Reference
from engine.registry import endpoints as places
from engine.registry.cancel import Cancel
from engine.registry.client import RegistryClient
from engine.registry.credentials import Found
from engine.registry.settings import Settings


def login(settings: Settings, domain: str, credentials: Credentials) -> Credentials:
    """Ask the registry ``domain`` whether it takes ``credentials``; they come back.

    Raises:
        Unauthorized: it does not (docker's words).
        Unavailable: it does not answer.
    """
    endpoint = places.registry(settings, domain)
    reference = Reference(domain=domain, path="login")
    client = RegistryClient(endpoint, reference, Found(credentials=credentials), Cancel(), scopes=(), push=True)
    try:
        client.request("GET", "/v2/", {}).close()
    except LongshoreError as error:
        if error.status not in (401, 403):
            raise
        said = f"login attempt to {client.url}/v2/ failed with status: 401 Unauthorized: {error.message}"
        raise Unauthorized(said, hint="check the user name and the password") from error
    finally:
        client.close()
    return credentials
