"""The pure parts: challenges, settings, endpoints, failures, tokens' rules."""

from __future__ import annotations

import socket

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.errors import InvalidArgument, Unauthorized
from engine.model.auth import Credentials
from engine.registry import challenge, failures, settings
from engine.registry.challenge import Challenge
from engine.registry.endpoints import endpoints, loopback
from engine.registry.tokens import Tokens
from engine.registry.transport import Transport


def test_challenges_share_headers_and_hide_commas_in_quotes() -> None:
    found = challenge.parse(
        [
            'Bearer realm="https://a/token",service="x",scope="repository:a:pull,push"',
            'Basic realm=foo, BEARER realm="q\\"x" , Service=y',
            'Negotiate, Basic realm="z"',
        ]
    )
    assert found == (
        Challenge(scheme="bearer", parameters={"realm": "https://a/token", "service": "x", "scope": "repository:a:pull,push"}),
        Challenge(scheme="basic", parameters={"realm": "foo"}),
        Challenge(scheme="bearer", parameters={"realm": 'q"x', "service": "y"}),
        Challenge(scheme="negotiate"),
        Challenge(scheme="basic", parameters={"realm": "z"}),
    )
    assert challenge.choose(found) is not None
    chosen = challenge.choose(found[1:])
    assert chosen is not None
    assert chosen.parameters["service"] == "y"
    assert challenge.choose(()) is None


@hypothesis_settings(deadline=None, max_examples=60)
@given(st.lists(st.text(max_size=200), max_size=3))
def test_no_header_breaks_the_parser(headers: list[str]) -> None:
    for each in challenge.parse(headers):
        assert each.scheme == each.scheme.lower()


@hypothesis_settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300))
def test_no_error_body_breaks_the_message(body: bytes) -> None:
    assert failures.Refusal(body).text("DENIED").isprintable()


def test_a_token_server_without_tls_is_sent_nothing() -> None:
    transport = Transport("registry.invalid")
    tokens = Tokens(transport, Credentials(username="ann", password="secret"), encrypted=True)
    for realm in ("http://token.invalid/", "token.invalid", "", "file:///etc/passwd"):
        with pytest.raises(Unauthorized):
            tokens.answer(Challenge(scheme="bearer", parameters={"realm": realm}), "repository:x:pull", "")
    transport.close()


def test_names_that_do_not_resolve() -> None:
    error = httpx.ConnectError("x")
    error.__cause__ = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    told = failures.translate(error, "GET", "https://registry-1.docker.io/v2/")
    assert str(told) == 'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host'
    assert "check the network" in told.hint


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.8.7", True),
        ("::1", True),
        ("127.0.0.1.evil", False),
        ("127.x", False),
        ("10.0.0.1", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert loopback(host) is expected


def test_settings_and_the_endpoints_they_make() -> None:
    found = settings.decode(
        b'[registries."docker.io"]\nmirrors = ["http://127.0.0.1:5000/", "https://mirror.example/hub"]\n'
        b'[registries."registry.example:5000"]\ninsecure = true\n[tui]\ntheme = "dark"\n',
        "config.toml",
    )
    first, second, hub = endpoints(found, "docker.io")
    assert (first.urls, first.mirror, first.insecure) == (("http://127.0.0.1:5000",), True, True)
    assert (second.urls, second.mirror, second.insecure) == (("https://mirror.example/hub",), True, False)
    assert (hub.urls, hub.mirror, hub.insecure) == (("https://registry-1.docker.io",), False, False)
    (own,) = endpoints(found, "registry.example:5000")
    assert own.urls == ("https://registry.example:5000", "http://registry.example:5000")
    assert endpoints(found, "quay.io")[0].urls == ("https://quay.io",)
    assert endpoints(found, "[::1]:5000")[0].urls[0] == "http://[::1]:5000"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("registries = 5", "registries must be a table"),
        ("[registries]\nx = 5", 'registries."x"'),
        ('[registries."docker.io"]\nmirror = []', 'unknown key "mirror"'),
        ('[registries."docker.io"]\nmirrors = "http://a"', "mirrors must be a list"),
        ('[registries."docker.io"]\nmirrors = ["127.0.0.1:5000"]', "must be an http:// or https:// URL"),
        ('[registries."docker.io"]\nmirrors = ["ftp://a"]', "must be an http:// or https:// URL"),
        ('[registries."docker.io"]\nmirrors = ["http://a:b"]', "no URL"),
        ('[registries."docker.io"]\nmirrors = ["http://u:secret@a"]', "must not have a user"),
        ('[registries."docker.io"]\ninsecure = 1', "insecure must be true or false"),
        ('[registries."https://docker.io"]', "host and port"),
        ('[registries."docker.io/library"]', "host and port"),
        ('[registries."docker"]', "host and port"),
        ("[registries", "no valid TOML"),
        ("\xff", "no valid TOML"),
    ],
)
def test_wrong_settings_are_told_with_file_and_place(text: str, said: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        settings.decode(text.encode("latin-1"), "/etc/longshore/config.toml")
    assert caught.value.message.startswith("configuration file /etc/longshore/config.toml: ")
    assert said in caught.value.message
    assert "secret" not in caught.value.message


def test_where_settings_are_looked_for(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    file = home / "longshore" / "config.toml"
    file.parent.mkdir()
    file.write_text('[registries."localhost:5000"]\ninsecure = true\n')
    environ = {"XDG_CONFIG_HOME": str(home)}
    assert settings.candidates(environ) == (str(file), "/etc/longshore/config.toml")
    assert settings.load("", environ).registry("localhost:5000").insecure
    assert settings.candidates({"HOME": "/home/ann"})[0] == "/home/ann/.config/longshore/config.toml"
    with pytest.raises(InvalidArgument, match="no such file"):
        settings.load(str(home / "missing.toml"), environ)
    with pytest.raises(InvalidArgument, match="is a directory"):
        settings.load(str(home), environ)
