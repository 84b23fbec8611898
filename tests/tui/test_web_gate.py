"""Who may come in through ``--web``, and where it listens."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from engine.cli.main import main
from engine.errors import InvalidArgument, NotSupported
from tui.web.address import Address, parse
from tui.web.gate import Gate


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:9000", "127.0.0.1", 9000),
        (":9000", "127.0.0.1", 9000),
        ("127.0.0.2", "127.0.0.2", 8375),
        ("localhost:0", "localhost", 0),
        ("[::1]:9000", "::1", 9000),
        ("[::1]", "::1", 8375),
        ("::1", "::1", 8375),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert parse(text, tls=False) == Address(host=host, port=port)


@pytest.mark.parametrize("text", ["ps", "example.com:80", "127.0.0.1:x", "127.0.0.1:70000", "[::1", "1.2.3:4", "127.0.0.1:-1"])
def test_what_is_no_address(text: str) -> None:
    if text == "[::1":
        assert parse(text, tls=False).host == "::1"
        return
    with pytest.raises(InvalidArgument, match=r"^--web "):
        parse(text, tls=False)


@pytest.mark.parametrize("text", ["0.0.0.0:80", "[::]:80", "192.168.1.7:8375", "10.0.0.1"])
def test_a_network_wants_a_certificate(text: str) -> None:
    with pytest.raises(NotSupported, match="whoever reads along is root here") as caught:
        parse(text, tls=False)
    assert "ssh -L" in caught.value.hint
    assert not parse(text, tls=True).loopback


def test_urls() -> None:
    assert parse("[::1]:0", tls=False).url(81, tls=False) == "http://[::1]:81"
    assert parse("0.0.0.0:443", tls=True).url(443, tls=True) == "https://localhost:443"


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1:8375", True),
        ("localhost:9", True),
        ("LOCALHOST", True),
        ("[::1]:8375", True),
        ("127.9.9.9", True),
        ("evil.example:8375", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("192.168.1.7:8375", False),
        ("user@127.0.0.1", False),
        ("evil.example#@127.0.0.1", False),
        ("evil.example\\@127.0.0.1", False),
        ("", False),
        (":80", False),
        ("[::1", False),
        ("0x7f.1", False),
    ],
)
def test_hosts_without_a_certificate_are_of_this_machine(host: str, here: bool) -> None:
    assert Gate().is_here(host) is here


def test_origins_are_those_of_the_host() -> None:
    gate, secure = Gate(), Gate(tls=True)
    assert gate.is_own("http://127.0.0.1:8375", "127.0.0.1:8375")
    assert gate.is_own("http://localhost:8375", "LOCALHOST:8375")
    for foreign in ("http://127.0.0.1:8376", "http://localhost:8375", "https://127.0.0.1:8375", "http://127.0.0.1", "null", "", "http://"):
        assert not gate.is_own(foreign, "127.0.0.1:8375"), foreign
    assert not gate.is_own("http://", "")
    assert secure.is_own("https://box.example", "box.example")
    assert secure.is_here("box.example")


def test_secrets_are_long_and_never_the_same() -> None:
    one, other = Gate(), Gate()
    secrets = {one.token, one.cookie, one.path, other.token, other.cookie, other.path}
    assert len(secrets) == 6
    assert min(map(len, secrets)) >= 43
    assert one.redeems(one.token)
    assert one.admits(one.cookie)
    for wrong in ("", other.token, one.cookie, one.token[:-1], one.token + "x", "é", "\udc80"):
        assert not one.redeems(wrong)
    assert not one.admits(one.token)


def test_without_its_package_the_command_that_installs_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None if name == "textual_serve" else found(name, package))
    assert main(["--web"]) == 1
    error = capsys.readouterr().err
    assert error == (
        "Error: --web needs the package textual-serve, which is not installed\n" + f"{sys.executable} -m pip install textual-serve\n"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--web=example.com:1"], "example.com is no IP address"),
        (["--web", "ps"], "ps is no IP address"),
        (["--web", "0.0.0.0:1"], "without encryption"),
        (["--web-cert", "x", "--web"], "one is missing"),
        (["--web-cert", "/missing", "--web-key", "/missing", "--web"], "--web-cert /missing"),
    ],
)
def test_what_is_wrong_is_said(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: ")
    assert says in error
