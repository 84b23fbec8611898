"""Searching a registry's index: Docker Hub's ``GET /v1/search``, which several private registries answer too.

The distribution specification has no search; this is the protocol that docker speaks (moby, registry/search.go).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from engine.errors import Forbidden, InvalidArgument, NotFound, Unauthorized, Unavailable
from engine.model import filters as model_filters
from engine.model.filters import Filters
from engine.model.images import SearchResult
from engine.model.reference import DEFAULT_DOMAIN, Reference
from engine.model.value import EMPTY
from engine.registry import credentials as stored
from engine.registry import endpoints as places
from engine.registry.cancel import Cancel
from engine.registry.client import RegistryClient
from engine.registry.failures import clean
from engine.registry.settings import Settings
from engine.registry.transport import read_bounded

INDEX_HOST = "index.docker.io"
MOST = 100
"""Results of one search, docker's limit."""
_MAX_ANSWER = 4 << 20


def search(settings: Settings, term: str, *, limit: int = 25, filters: Filters = EMPTY) -> Sequence[SearchResult]:
    """Images whose name or description has ``term``, in the order of the registry.

    Args:
        term: a word, for another registry than Docker Hub with its host before it: ``registry.example:5000/word``.
        limit: how many at most, 1 to 100.
        filters: ``is-official`` (true or false), ``is-automated`` (nothing is any more) and ``stars`` (at least so many).

    Raises:
        InvalidArgument: limit, filters or the term are no good.
        NotFound: the registry has no search.
        Unauthorized, Unavailable: the registry refuses, or does not answer.
    """
    if not 1 <= limit <= MOST:
        raise InvalidArgument(f"Limit {limit} is outside the range of [1, {MOST}]")
    keep = _kept(filters)
    domain, word = split(term)
    found = _parse(_ask(settings, domain, word, limit), domain)
    return [each for each in found if keep(each)][:limit]


def split(term: str) -> tuple[str, str]:
    """The registry and what is looked for there.

    Raises:
        InvalidArgument: nothing is looked for, or an URL is given.
    """
    if "://" in term:
        raise InvalidArgument(f"invalid repository name: repository name ({term}) should not have a scheme")
    head, slash, rest = term.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost"):
        domain, word = head, rest
    else:
        domain, word = DEFAULT_DOMAIN, term
    if domain in (INDEX_HOST, DEFAULT_DOMAIN):
        domain, word = DEFAULT_DOMAIN, word.removeprefix("library/")
    if not word.strip():
        raise InvalidArgument(f'there is nothing to search for in "{term}"', hint="give a word, such as `longshore search nginx`")
    return domain, word


def _kept(filters: Filters) -> Callable[[SearchResult], bool]:
    model_filters.check(filters, ("is-automated", "is-official", "stars"))
    official, automated = model_filters.boolean(filters, "is-official"), model_filters.boolean(filters, "is-automated")
    stars = 0
    for text in filters.get("stars", ()):
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise InvalidArgument(f"invalid filter 'stars={text}'")
        stars = max(stars, int(text))

    def keep(result: SearchResult) -> bool:
        return official in (None, result.official) and automated in (None, result.automated) and result.stars >= stars

    return keep


def _ask(settings: Settings, domain: str, word: str, limit: int) -> bytes:
    """The body of the index's answer."""
    from urllib.parse import urlencode

    endpoint = places.registry(settings, INDEX_HOST if domain == DEFAULT_DOMAIN else domain)
    # As for a push: a refusal is one of the registry, not of an image.
    client = RegistryClient(endpoint, Reference(domain=domain, path="search"), stored.lookup(domain), Cancel(), scopes=(), push=True)
    try:
        response = client.request("GET", f"/v1/search?{urlencode({'n': limit, 'q': word})}", {"Accept": "application/json"})
        return read_bounded(response, _MAX_ANSWER)
    except NotFound:
        hint = "name the image in full; only Docker Hub and few registries can search"
        raise NotFound(f"{domain} has no search (GET {client.url}/v1/search: 404)", hint=hint) from None
    except (Unauthorized, Forbidden) as error:
        raise type(error)(f"{domain} refuses the search: {error.message}", hint=error.hint) from None
    finally:
        client.close()


def _parse(body: bytes, domain: str) -> list[SearchResult]:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    rows = document.get("results") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise Unavailable(f"{domain} did not answer the search with a list of results")
    return [_result(row) for row in rows[: 10 * MOST] if isinstance(row, dict)]


def _result(row: dict[str, Any]) -> SearchResult:
    name, about, stars = row.get("name"), row.get("description"), row.get("star_count")
    return SearchResult(
        name=clean(name).removeprefix("library/") if isinstance(name, str) else "",
        description=clean(about) if isinstance(about, str) else "",
        stars=stars if isinstance(stars, int) and not isinstance(stars, bool) else 0,
        official=row.get("is_official") is True,
        automated=row.get("is_automated") is True,
    )
