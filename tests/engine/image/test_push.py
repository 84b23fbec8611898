"""``push`` to a registry that misbehaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.errors import CorruptData, Forbidden, LongshoreError, Unauthorized, Unavailable
from engine.image.load import load
from engine.image.push import push
from engine.image.spool import Spool
from engine.model.auth import Credentials
from engine.model.images import PushPhase, PushProgress
from engine.registry.settings import Settings
from engine.store.images import Images
from tests.engine.image.stores import Store
from tests.engine.image.test_load import archive_of, layout, source
from tests.engine.registry.fake import Answer, Asked, FakeRegistry, error, fake_registry
from tests.support import images

PACKED = images.pack(source())
USER = Credentials(username="ann", password="secret")
P = PushPhase


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """A registry that takes everything."""
    with fake_registry() as fake:
        fake.rules.append(takes)
        yield fake


def takes(asked: Asked) -> Answer | None:
    if asked.path == "/v2/":
        return Answer()
    if asked.method == "POST":
        return Answer(202, headers={"Location": "/v2/elsewhere/uploads/1?state=a%2Bb"})
    return Answer(201) if asked.method == "PUT" else None


Pusher = Callable[..., list[PushProgress]]


@pytest.fixture
def pushed(tmp_path: Path, registry: FakeRegistry) -> Iterator[Pusher]:
    """Push the image ``team/app:v1``, with as many attempts as are told."""
    store = Store(str(tmp_path / "store"))
    spool = Spool(store.roots)
    spool.write(archive_of(layout(PACKED, **{"org.opencontainers.image.ref.name": f"{registry.host}/team/app:v1"})))
    load(store.roots, store.database, store, spool)
    spool.close()

    def run(attempts: int = 1, credentials: Credentials | None = None) -> list[PushProgress]:
        events = push(
            store.roots,
            store.database,
            f"{registry.host}/team/app:v1",
            settings=Settings(),
            credentials=credentials or Credentials(),
            pauses=(0,) * (attempts - 1),
        )
        found = []
        try:
            while (event := events.next()) is not None:
                found.append(event)
        finally:
            events.close()
        return found

    record = Images(store.database).all()[0]
    Images(store.database).put(record, "", f"{registry.host}/other/place@{PACKED.digest}")
    yield run
    store.close()


def test_the_exact_bytes_go_out(registry: FakeRegistry, pushed: Pusher) -> None:
    events = pushed()
    sent = [asked for asked in registry.asked if asked.method == "PUT"]
    assert sent[-1].path == "/v2/team/app/manifests/v1"
    assert (sent[-1].body, sent[-1].headers["Content-Type"]) == (PACKED.manifest, PACKED.media_type)
    uploads = {asked.query["digest"][0]: asked.body for asked in sent[:-1]}
    assert uploads == PACKED.blobs
    assert all(asked.path == "/v2/elsewhere/uploads/1" and asked.query["state"] == ["a+b"] for asked in sent[:-1])
    assert all(asked.headers["Content-Length"] == str(len(asked.body)) for asked in sent)
    assert events[-1].line() == f"v1: digest: {PACKED.digest} size: {len(PACKED.manifest)}"
    mounts = [asked.query.get("from") for asked in registry.asked if asked.method == "POST"]
    assert mounts == [["other/place"], None]


def test_what_is_there_is_not_sent(registry: FakeRegistry, pushed: Pusher) -> None:
    registry.add("team/app:v1", PACKED)
    assert [event.phase for event in pushed()] == [P.REFERS, P.PREPARING, P.EXISTS, P.DIGEST]
    assert registry.paths("POST") == []


def test_a_mount_that_is_forbidden_becomes_an_upload(registry: FakeRegistry, pushed: Pusher) -> None:
    registry.rules.insert(0, lambda asked: error(403, "DENIED", "not yours") if "from" in asked.query else None)
    assert [event.phase for event in pushed() if event.phase is not P.PUSHING] == [P.REFERS, P.PREPARING, P.PUSHED, P.DIGEST]


def test_a_mount(registry: FakeRegistry, pushed: Pusher) -> None:
    registry.rules.insert(0, lambda asked: Answer(201) if "from" in asked.query else None)
    assert next(event.line() for event in pushed() if event.phase is P.MOUNTED).endswith(": Mounted from other/place")


def test_a_token_for_everything_that_is_needed(registry: FakeRegistry, pushed: Pusher) -> None:
    def guard(asked: Asked) -> Answer | None:
        if asked.path == "/token":
            return Answer(200, b'{"token": "ticket"}')
        if asked.authorization != "Bearer ticket":
            return error(401, "UNAUTHORIZED", "no", **{"WWW-Authenticate": f'Bearer realm="{registry.url}/token",service="s"'})
        return None

    registry.rules.insert(0, guard)
    pushed(credentials=USER)
    tokens = [asked for asked in registry.asked if asked.path == "/token"]
    assert [asked.query["scope"] for asked in tokens] == [["repository:team/app:pull,push", "repository:other/place:pull"]]


def test_storage_elsewhere_sees_no_credentials(registry: FakeRegistry, pushed: Pusher) -> None:
    def basic(asked: Asked) -> Answer | None:
        return None if asked.authorization else error(401, "UNAUTHORIZED", "no", **{"WWW-Authenticate": "Basic realm=x"})

    with fake_registry() as storage:
        storage.rules.append(takes)
        registry.rules.insert(0, basic)
        registry.rules.insert(1, lambda asked: Answer(202, headers={"Location": f"{storage.url}/put"}) if asked.method == "POST" else None)
        pushed(credentials=USER)
        assert {asked.authorization for asked in storage.asked} == {""} and len(storage.asked) == 2


def test_a_lost_connection_is_tried_again(registry: FakeRegistry, pushed: Pusher) -> None:
    begun: list[str] = []

    def overloaded(asked: Asked) -> Answer | None:
        if asked.method != "POST":
            return None
        begun.append(asked.path)
        return Answer(500) if len(begun) < 3 else None

    registry.rules.insert(0, overloaded)
    assert pushed(attempts=3)[-1].phase is P.DIGEST
    begun.clear()
    with pytest.raises(Unavailable, match="500"):
        pushed(attempts=2)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (error(401, "UNAUTHORIZED", "who are you"), Unauthorized, "unauthorized: who are you"),
        (
            error(401, "DENIED", "requested access to the resource is denied"),
            Forbidden,
            "^denied: requested access to the resource is denied$",
        ),
        (error(403, "DENIED", "read only"), Forbidden, "denied: read only"),
        (Answer(202), Unavailable, "no valid address"),
        (Answer(202, headers={"Location": "ftp://x/y"}), Unavailable, "no valid address"),
        (Answer(202, headers={"Location": "http://127.0.0.1:bad/"}), Unavailable, "no valid address"),
    ],
)
def test_refusals(registry: FakeRegistry, pushed: Pusher, answer: Answer, kind: type[LongshoreError], words: str) -> None:
    registry.rules.insert(0, lambda asked: answer if asked.method == "POST" else None)
    with pytest.raises(kind, match=words):
        pushed()
    assert not any("manifests" in path for path in registry.paths("PUT"))


def test_a_registry_that_stores_something_else(registry: FakeRegistry, pushed: Pusher) -> None:
    other = {"Docker-Content-Digest": images.digest(b"other")}
    registry.rules.insert(0, lambda asked: Answer(201, headers=other) if asked.method == "PUT" and "manifests" in asked.path else None)
    with pytest.raises(CorruptData, match="instead of"):
        pushed()


def test_nobody_answers(pushed: Pusher, registry: FakeRegistry) -> None:
    registry.rules.insert(0, lambda asked: Answer(503) if asked.path == "/v2/" else None)
    with pytest.raises(Unavailable):
        pushed()
