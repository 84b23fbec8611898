"""Credentials in requests: the header ``X-Registry-Auth``, and the body of ``POST /auth``."""

from __future__ import annotations

import base64
import binascii
import json

from engine.dockerapi.asked import AskedDocument
from engine.dockerapi.document import Document
from engine.errors import InvalidArgument
from engine.model.auth import Credentials

_HUB = ("index.docker.io", "registry-1.docker.io", "docker.io")


def decode_header(text: str) -> Credentials:
    """The credentials in ``X-Registry-Auth``, URL-safe base64 of an AuthConfig; anonymous ones where there are none, or it is malformed.

    Docker ignores a malformed header too: it was sent with everything by old clients.
    """
    try:
        return decode(AskedDocument(json.loads(base64.urlsafe_b64decode(text.strip().replace("+", "-").replace("/", "_") + "=="))))
    except (binascii.Error, ValueError, RecursionError, InvalidArgument):
        return Credentials()


def decode(item: Document) -> Credentials:
    """An AuthConfig; ``auth`` is the older spelling of user and password."""
    username, password = item.text("username"), item.text("password")
    if not username and (packed := item.text("auth")):
        try:
            username, _, password = base64.b64decode(packed).decode().partition(":")
        except (binascii.Error, ValueError):
            pass
    return Credentials(
        username=username, password=password, identity_token=item.text("identitytoken"), registry_token=item.text("registrytoken")
    )


def registry_of(item: Document) -> str:
    """The registry that an AuthConfig is for, as ``host[:port]``; ``docker.io`` for Docker Hub and for none."""
    host = item.text("serveraddress").partition("://")[2] or item.text("serveraddress")
    host = host.partition("/")[0]
    return "docker.io" if not host or host in _HUB else host


def login_answer(kept: Credentials) -> dict[str, str]:
    """``POST /auth``: what is to be kept."""
    return {"Status": "Login Succeeded", "IdentityToken": kept.identity_token}
