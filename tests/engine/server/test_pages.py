"""Which listeners let anybody in, and how a page in a browser is told from a program there."""

from __future__ import annotations

import socket
import ssl

import pytest

from engine.server.connection import _is_local
from engine.server.listeners import Listener


def test_encryption_alone_keeps_nobody_out() -> None:
    asking, silent = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    asking.verify_mode = ssl.CERT_REQUIRED
    with socket.socket(socket.AF_INET) as tcp, socket.socket(socket.AF_UNIX) as local:
        assert [Listener(tcp, context).exposed for context in (None, silent, asking)] == [True, True, False]
        assert not Listener(local).exposed


@pytest.mark.parametrize(
    ("headers", "local"),
    [
        ({"host": "127.0.0.1:2375"}, True),
        ({"host": "localhost:2375"}, True),
        ({"host": "[::1]:2375"}, True),
        ({"host": "docker"}, True),
        ({}, True),
        ({"host": "127.0.0.1:2375", "sec-fetch-site": "none"}, True),
        ({"host": "127.0.0.1:2375", "sec-fetch-site": "cross-site"}, False),
        ({"host": "127.0.0.1:2375", "sec-fetch-site": "same-origin"}, False),
        ({"host": "127.0.0.1:2375", "origin": "null"}, False),
        ({"host": "evil.example:2375"}, False),
        ({"host": "[::1"}, False),
    ],
)
def test_what_a_page_can_not_hide(headers: dict[str, str], local: bool) -> None:
    assert _is_local(headers) is local
