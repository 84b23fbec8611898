"""The tags that a registry has of a repository, and a pull of them all (``pull --all-tags``)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import urljoin, urlsplit

from engine.errors import CorruptData, InvalidArgument, LongshoreError, NotFound
from engine.model.auth import Credentials
from engine.model.blocking import Source
from engine.model.images import PullProgress
from engine.model.reference import Reference, parse
from engine.registry import credentials as stored
from engine.registry import endpoints as places
from engine.registry.cancel import Cancel
from engine.registry.client import RegistryClient
from engine.registry.credentials import Found
from engine.registry.settings import Settings

_PAGES = 200
"""A registry that never comes to an end is not followed for ever."""
_NEXT = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?', re.IGNORECASE)


def list_tags(settings: Settings, name: str, credentials: Credentials | None) -> tuple[str, ...]:
    """Every tag of a repository, in the registry's order. Mirrors are asked first, as for a pull.

    Raises:
        InvalidArgument: the name is malformed, or has a tag.
        NotFound: the repository has none.
        CorruptData: what the registry says is no list of tags.
        As :meth:`engine.registry.client.RegistryClient.manifest`.
    """
    reference = parse(name)
    if reference.tag or reference.digest:
        raise InvalidArgument("tag can't be used with --all-tags/-a")
    found = stored.lookup(reference.domain, path=reference.path) if credentials is None else Found(credentials=credentials)
    failed: LongshoreError | None = None
    for endpoint in places.endpoints(settings, reference.domain):
        client = RegistryClient(endpoint, reference, found, Cancel())
        try:
            tags = tuple(dict.fromkeys(_all(client, reference)))
        except LongshoreError as error:
            failed = error
            continue  # the next one knows, or the registry itself
        finally:
            client.close()
        if not tags:
            raise NotFound(f"repository {reference.familiar_name} has no tags")
        return tags
    assert failed is not None
    raise failed


def _all(client: RegistryClient, reference: Reference) -> Iterator[str]:
    path = "tags/list"
    for _ in range(_PAGES):
        data, link = client.page(path)
        try:
            tags = json.loads(data).get("tags") or []
            if not isinstance(tags, list):
                raise TypeError("tags is no array")
            for tag in tags:
                yield str(parse(f"{reference.familiar_name}:{tag}").tag)
        except (ValueError, AttributeError, TypeError, InvalidArgument) as error:
            raise CorruptData(f"the registry's list of tags of {reference.familiar_name} makes no sense: {error}") from None
        following = _NEXT.search(link)
        if following is None or not tags:
            return
        # Only what it asks for counts: the address stays the one that our credentials are for.
        path = f"tags/list?{urlsplit(urljoin('http://registry/', following[1])).query}"
    raise CorruptData(f"the registry's list of tags of {reference.familiar_name} has no end")


class PullAll:
    """Pulls one tag after another (``Source[PullProgress]``); ``tags`` and ``begin`` are called when the first event is asked for."""

    def __init__(self, tags: Callable[[], tuple[str, ...]], begin: Callable[[str], Source[PullProgress]]) -> None:
        self._tags = tags
        self._begin = begin
        self._waiting: list[str] | None = None
        self._current: Source[PullProgress] | None = None
        self._closed = False

    def next(self) -> PullProgress | None:
        """The next event of the pull under way, or of the one after it. Raises what a pull raises."""
        if self._waiting is None:
            self._waiting = list(reversed(self._tags()))
        while not self._closed:
            if self._current is None:
                if not self._waiting:
                    break
                self._current = self._begin(self._waiting.pop())
            found = self._current.next()
            if found is not None:
                return found
            self._current.close()
            self._current = None
        return None

    def close(self) -> None:
        """Cancel."""
        self._closed = True
        if self._current is not None:
            self._current.close()
