"""Lists of tags from registries that page, lie, or never come to an end."""

from __future__ import annotations

import json
from typing import cast

import pytest

from engine.errors import CorruptData
from engine.image.tags import _PAGES, PullAll, _all
from engine.model.images import PullPhase, PullProgress
from engine.model.reference import parse
from engine.registry.client import RegistryClient


class Pages:
    """Answers ``tags/list`` with prepared pages, the last one for ever."""

    def __init__(self, *pages: tuple[object, str]) -> None:
        self.pages = list(pages)
        self.asked: list[str] = []

    def page(self, path: str) -> tuple[bytes, str]:
        self.asked.append(path)
        content, link = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        return json.dumps(content).encode(), link


def read(pages: Pages) -> list[str]:
    return list(_all(cast("RegistryClient", pages), parse("registry:5000/a/b")))


def test_pages_are_followed_at_the_registry_alone() -> None:
    pages = Pages(
        ({"tags": ["one", "two"]}, '<https://elsewhere.example/v2/x/tags/list?last=two&n=2>; rel="next"'),
        ({"tags": ["three"]}, "</v2/a/b/tags/list?last=three>; rel=next"),
        ({"tags": None}, ""),
    )
    assert read(pages) == ["one", "two", "three"]
    assert pages.asked == ["tags/list", "tags/list?last=two&n=2", "tags/list?last=three"]


@pytest.mark.parametrize(
    "content", [["one"], {"tags": "one"}, {"tags": [{"a": 1}]}, {"tags": ["../../etc"]}, {"tags": ["a b"]}, {"tags": 5}]
)
def test_what_is_no_list_of_tags(content: object) -> None:
    with pytest.raises(CorruptData, match="list of tags of registry:5000/a/b"):
        read(Pages((content, "")))


def test_a_list_without_end() -> None:
    pages = Pages(({"tags": ["again"]}, '<?last=again>; rel="next"'))
    with pytest.raises(CorruptData, match="has no end"):
        read(pages)
    assert len(pages.asked) == _PAGES


class One:
    def __init__(self, tag: str) -> None:
        self.events = [PullProgress(phase=PullPhase.STATUS, detail=tag)]
        self.closed = False

    def next(self) -> PullProgress | None:
        return self.events.pop() if self.events else None

    def close(self) -> None:
        self.closed = True


def test_pulls_one_after_another_and_stops_when_it_is_closed() -> None:
    begun: list[One] = []

    def begin(tag: str) -> One:
        begun.append(One(tag))
        return begun[-1]

    every = PullAll(lambda: ("a", "b"), begin)
    assert [found.detail if (found := every.next()) else "" for _ in range(3)] == ["a", "b", ""]
    assert all(one.closed for one in begun)
    every = PullAll(lambda: ("a", "b"), begin)
    every.next()
    every.close()
    assert every.next() is None and len(begun) == 3
