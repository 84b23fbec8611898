"""Searching a registry's index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from engine.errors import InvalidArgument, NotFound, Unauthorized, Unavailable
from engine.registry.search import search, split
from engine.registry.settings import Settings
from tests.engine.registry.fake import Answer, Asked, FakeRegistry, fake_registry

ROWS: list[Any] = [
    {"name": "nginx", "description": "Official build\nof Nginx.", "star_count": 20000, "is_official": True},
    {"name": "library/caddy", "description": "", "star_count": 9, "is_official": True, "is_automated": False},
    {"name": "me/nginx", "description": "\x1b]0;owned\x07mine", "star_count": 0},
    "no row",
    {"name": 3, "star_count": "many"},
]


@pytest.fixture
def index() -> Iterator[FakeRegistry]:
    with fake_registry() as running:
        running.rules.append(_index)
        yield running


def _index(asked: Asked) -> Answer | None:
    return Answer(200, json.dumps({"results": ROWS}).encode()) if asked.path.startswith("/v1/search") else None


def test_results_are_the_registrys_in_its_order_and_clean(index: FakeRegistry) -> None:
    found = search(Settings(), f"{index.host}/nginx & co", limit=7)
    assert [each.name for each in found] == ["nginx", "caddy", "me/nginx", ""]
    assert found[0].description == "Official build of Nginx." and (found[0].stars, found[0].official) == (20000, True)
    assert found[2].description == "]0;owned mine" and not found[2].official
    assert found[3].stars == 0
    asked = index.asked[-1]
    assert (asked.query["q"], asked.query["n"]) == (["nginx & co"], ["7"])


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"is-official": ("true",)}, ["nginx", "caddy"]),
        ({"is-official": ("0",)}, ["me/nginx", ""]),
        ({"stars": ("9",)}, ["nginx", "caddy"]),
        ({"stars": ("10",), "is-automated": ("false",)}, ["nginx"]),
        ({"is-automated": ("true",)}, []),
    ],
)
def test_filters(index: FakeRegistry, filters: dict[str, tuple[str, ...]], names: list[str]) -> None:
    assert [each.name for each in search(Settings(), f"{index.host}/x", filters=filters)] == names


def test_limit_holds_whatever_the_registry_sends(index: FakeRegistry) -> None:
    assert len(search(Settings(), f"{index.host}/x", limit=2)) == 2


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"stars": ("x",)}, "invalid filter 'stars=x'"),
        ({"is-official": ("maybe",)}, r"invalid filter 'is-official=\[maybe\]'"),
        ({"colour": ("red",)}, "invalid filter 'colour'"),
    ],
)
def test_wrong_filters(filters: dict[str, tuple[str, ...]], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        search(Settings(), "x", filters=filters)


@pytest.mark.parametrize("limit", [-1, 0, 101])
def test_wrong_limits(limit: int) -> None:
    with pytest.raises(InvalidArgument, match=rf"Limit {limit} is outside the range of \[1, 100\]"):
        search(Settings(), "x", limit=limit)


@pytest.mark.parametrize(
    ("term", "where", "word"),
    [
        ("nginx", "docker.io", "nginx"),
        ("library/nginx", "docker.io", "nginx"),
        ("me/nginx", "docker.io", "me/nginx"),
        ("docker.io/library/nginx", "docker.io", "nginx"),
        ("index.docker.io/nginx", "docker.io", "nginx"),
        ("r.example:5000/a/b", "r.example:5000", "a/b"),
        ("localhost/x", "localhost", "x"),
    ],
)
def test_where_a_term_is_looked_for(term: str, where: str, word: str) -> None:
    assert split(term) == (where, word)


@pytest.mark.parametrize("term", ["", " ", "r.example/", "https://r.example/x"])
def test_terms_that_are_none(term: str) -> None:
    with pytest.raises(InvalidArgument):
        split(term)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (Answer(404), NotFound, "has no search"),
        (Answer(401, b'{"message": "who are you"}'), Unauthorized, "refuses the search: unauthorized: who are you"),
        (Answer(501), Unavailable, "received unexpected HTTP status: 501 Not Implemented"),
        (Answer(200, b"<html>"), Unavailable, "did not answer the search with a list"),
        (Answer(200, b'{"results": 3}'), Unavailable, "did not answer the search with a list"),
        (Answer(200, b"[" * 100000), Unavailable, "did not answer the search with a list"),
        (Answer(200, b" " * (5 << 20)), InvalidArgument, "larger than"),
    ],
)
def test_registries_that_do_not_answer_it(answer: Answer, error: type[Exception], words: str) -> None:
    with fake_registry() as running:
        running.rules.append(lambda asked: answer)
        with pytest.raises(error, match=words):
            search(Settings(), f"{running.host}/x")


def test_a_registry_with_tls_on_loopback_is_found() -> None:
    with fake_registry(tls=True) as running:
        running.rules.append(_index)
        assert search(Settings(), f"{running.host}/x")[0].name == "nginx"


def test_stored_credentials_are_shown_to_a_registry_that_asks(index: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    def challenge(asked: Asked) -> Answer | None:
        return None if asked.authorization else Answer(401, b"", {"WWW-Authenticate": 'Basic realm="search"'})

    index.rules.insert(0, challenge)
    with pytest.raises(Unauthorized):
        search(Settings(), f"{index.host}/x")
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {index.host: {"auth": "YW5uOnB3"}}}))
    assert search(Settings(), f"{index.host}/x")[0].name == "nginx"
    assert index.asked[-1].authorization == "Basic YW5uOnB3"
