"""Stored credentials: docker's config.json, helpers, and podman's file."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from engine.model.auth import Credentials
from engine.registry.credentials import Found, lookup


def basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".docker").mkdir()
    (tmp_path / "bin").mkdir()
    return tmp_path


def environ(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": f"{home}/bin:/usr/bin:/bin", "XDG_RUNTIME_DIR": str(home / "run")}


def write(home: Path, document: Any) -> None:
    (home / ".docker" / "config.json").write_text(document if isinstance(document, str) else json.dumps(document))


def helper(home: Path, name: str, script: str) -> None:
    path = home / "bin" / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_nothing_stored(home: Path) -> None:
    assert lookup("docker.io", environ(home)) == Found()


def test_auths_match_by_host(home: Path) -> None:
    write(
        home,
        {
            "auths": {
                "https://index.docker.io/v1/": {"auth": basic("ann", "a:b")},
                "registry.example:5000": {"auth": basic("bob", "c") + "\n"},
                "https://old.example/v2/": {"username": "eve", "password": "d"},
                "quay.io/team": {"auth": basic("team", "e")},
                "token.example": {"auth": basic("x", ""), "identitytoken": "refresh"},
            }
        },
    )
    assert lookup("docker.io", environ(home)).credentials == Credentials(username="ann", password="a:b")
    assert lookup("registry.example:5000", environ(home)).credentials.username == "bob"
    assert lookup("old.example", environ(home)).credentials == Credentials(username="eve", password="d")
    assert lookup("registry.example", environ(home)).credentials.anonymous
    assert lookup("quay.io", environ(home)).credentials.anonymous
    assert lookup("quay.io", environ(home), path="teammate/x").credentials.anonymous
    assert lookup("quay.io", environ(home), path="team/x").credentials.username == "team"
    assert lookup("token.example", environ(home)).credentials.identity_token == "refresh"
    assert "a:b" not in repr(lookup("docker.io", environ(home)))


def test_helpers(home: Path) -> None:
    helper(home, "good", 'read url; test "$url" = "https://index.docker.io/v1/" && echo \'{"Username":"ann","Secret":"s"}\'')
    helper(home, "token", 'echo \'{"Username":"<token>","Secret":"refresh"}\'')
    helper(home, "none", "echo credentials not found in native keychain; exit 1")
    helper(home, "broken", "echo the keychain is locked; exit 1")
    helper(home, "noise", "echo hello")
    names = {
        "docker.io": "good",
        "t.example": "token",
        "n.example": "none",
        "b.example": "broken",
        "o.example": "noise",
        "m.example": "missing",
    }
    write(home, {"credsStore": "none", "credHelpers": {**names, "p.example": "../../evil"}})
    assert lookup("docker.io", environ(home)).credentials == Credentials(username="ann", password="s")
    assert lookup("t.example", environ(home)).credentials == Credentials(identity_token="refresh")
    assert lookup("n.example", environ(home)) == Found()
    assert lookup("other.example", environ(home)) == Found()
    assert "the keychain is locked" in lookup("b.example", environ(home)).problem
    assert "no valid JSON" in lookup("o.example", environ(home)).problem
    assert "executable file not found" in lookup("m.example", environ(home)).problem
    assert "not a valid name" in lookup("p.example", environ(home)).problem


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"auths": 5}', '{"auths": {"docker.io": {"auth": "%%%"}}}', "[" * 100000, '{"credHelpers": {"docker.io": 5}}']
)
def test_damaged_files_give_nothing(home: Path, text: str) -> None:
    write(home, text)
    assert lookup("docker.io", environ(home)).credentials.anonymous


def test_other_sources(home: Path) -> None:
    inline = json.dumps({"auths": {"ci.example": {"auth": basic("ci", "1")}}})
    assert lookup("ci.example", {**environ(home), "DOCKER_AUTH_CONFIG": inline}).credentials.username == "ci"
    (home / "run" / "containers").mkdir(parents=True)
    (home / "run" / "containers" / "auth.json").write_text(json.dumps({"auths": {"pod.example": {"auth": basic("pod", "2")}}}))
    assert lookup("pod.example", environ(home)).credentials.username == "pod"
