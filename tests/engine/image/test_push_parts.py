"""``push`` of big blobs: in parts, continued after a break, and whole for registries that take no parts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from engine.errors import Unavailable
from engine.image.load import load
from engine.image.push import push
from engine.image.spool import Spool
from engine.model.auth import Credentials
from engine.model.images import PushPhase, PushProgress
from engine.registry.settings import Settings
from tests.engine.image.stores import Store
from tests.engine.image.test_load import archive_of, layout
from tests.engine.registry.fake import Answer, Asked, FakeRegistry, error, fake_registry
from tests.support import images
from tests.support.registry import running_registry

MB = 1 << 20
LAYER = images.tar_of([("noise", random.Random(7).randbytes(3 * MB + 12345), 0o644)])
PACKED = images.pack(images.ImageSource((LAYER,), {"Cmd": ["true"]}))
BLOB, SIZE = max(((digest, len(data)) for digest, data in PACKED.blobs.items()), key=lambda each: each[1])
P = PushPhase

Pusher = Callable[..., list[PushProgress]]


class Parts:
    """The upload of blobs in parts as the specification has it: a rule for a fake registry, with its state.

    Attributes:
        taken: a blob's bytes so far, by upload.
        least: the ``OCI-Chunk-Min-Length`` that is announced, 0 for none.
    """

    def __init__(self) -> None:
        self.taken: dict[str, bytearray] = {}
        self.least = 0
        self.asked: list[str] = []

    def __call__(self, asked: Asked) -> Answer | None:
        if asked.path == "/v2/":
            return Answer()
        if asked.method == "POST":
            path = f"/v2/team/app/blobs/uploads/{len(self.taken)}"
            self.taken[path] = bytearray()
            answer = self._progress(path)
            if self.least:
                answer.headers["OCI-Chunk-Min-Length"] = str(self.least)
            return answer
        have = self.taken.get(asked.path)
        if have is None:
            return Answer(201) if asked.method == "PUT" else None
        if asked.method == "GET":
            return self._progress(asked.path, status=204)
        if asked.method == "PATCH":
            first, _, last = asked.headers["Content-Range"].partition("-")
            self.asked.append(asked.headers["Content-Range"])
            if int(first) != len(have) or int(last) - int(first) + 1 != len(asked.body):
                return Answer(416)
            have += asked.body
            return self._progress(asked.path)
        have += asked.body
        good = images.digest(bytes(have)) == asked.query["digest"][0]
        return Answer(201) if good else error(400, "DIGEST_INVALID", "not that digest")

    def _progress(self, path: str, status: int = 202) -> Answer:
        have = len(self.taken[path])
        return Answer(status, headers={"Location": f"{path}?state={have}", "Range": f"0-{max(have - 1, 0)}"})


@pytest.fixture
def parts() -> Parts:
    return Parts()


@pytest.fixture
def registry(parts: Parts) -> Iterator[FakeRegistry]:
    with fake_registry() as fake:
        fake.rules.append(parts)
        yield fake


@pytest.fixture
def pushed(tmp_path: Path, registry: FakeRegistry) -> Iterator[Pusher]:
    store = Store(str(tmp_path / "store"))
    name = f"{registry.host}/team/app:v1"
    spool = Spool(store.roots)
    spool.write(archive_of(layout(PACKED, **{"org.opencontainers.image.ref.name": name})))
    load(store.roots, store.database, store, spool)
    spool.close()

    def run(attempts: int = 1, part: int = MB) -> list[PushProgress]:
        pauses = (0,) * (attempts - 1)
        events = push(store.roots, store.database, name, settings=Settings(), credentials=Credentials(), pauses=pauses, part=part)
        try:
            return list(iter(events.next, None))
        finally:
            events.close()

    yield run
    store.close()


def breaking(*numbers: int, after: Callable[[Asked], object] = lambda _: None) -> Callable[[Asked], Answer | None]:
    """A rule that loses the connection at the parts of these numbers; ``after`` has seen them."""
    left = iter(range(1000))

    def rule(asked: Asked) -> Answer | None:
        if asked.method == "PATCH" and next(left) in numbers:
            after(asked)
            raise ConnectionResetError
        return None

    return rule


def whole(registry: FakeRegistry) -> list[int]:
    """How many bytes of the layer each request brought that closed an upload."""
    return [len(each.body) for each in registry.asked if each.method == "PUT" and each.query.get("digest") == [BLOB]]


def test_parts_follow_each_other(registry: FakeRegistry, parts: Parts, pushed: Pusher) -> None:
    assert [event.phase for event in pushed() if event.phase is not P.PUSHING] == [P.REFERS, P.PREPARING, P.PUSHED, P.DIGEST]
    assert parts.asked == [f"{start}-{min(start + MB, SIZE) - 1}" for start in range(0, SIZE, MB)]
    assert whole(registry) == [0] and {bytes(each) for each in parts.taken.values()} == set(PACKED.blobs.values())
    states = [each.query["state"] for each in registry.asked if each.method == "PATCH"]
    assert states == [[str(start)] for start in range(0, SIZE, MB)], "each part goes where the answer to the last one said"


def test_the_smallest_part_that_a_registry_takes(parts: Parts, pushed: Pusher) -> None:
    parts.least = 2 * MB
    pushed()
    assert parts.asked == [f"0-{2 * MB - 1}", f"{2 * MB}-{SIZE - 1}"]


def test_a_break_is_continued(registry: FakeRegistry, parts: Parts, pushed: Pusher) -> None:
    registry.rules.insert(0, breaking(1, 3))
    events = pushed(attempts=2)  # each break comes after progress: one further attempt at a time is enough
    assert events[-1].phase is P.DIGEST and len(parts.taken) == 2
    assert parts.asked == [f"{start}-{min(start + MB, SIZE) - 1}" for start in range(0, SIZE, MB)], "nothing is sent twice"


def test_what_arrived_before_the_break_counts(registry: FakeRegistry, parts: Parts, pushed: Pusher) -> None:
    registry.rules.insert(0, breaking(1, after=lambda asked: parts.taken[asked.path].extend(asked.body[:1000])))
    pushed(attempts=2)
    assert parts.asked[1] == f"{MB + 1000}-{2 * MB + 999}"


def test_an_upload_that_was_forgotten_begins_anew(registry: FakeRegistry, parts: Parts, pushed: Pusher) -> None:
    registry.rules.insert(0, breaking(2, after=lambda asked: parts.taken.pop(asked.path)))
    pushed(attempts=2)
    assert parts.asked[2] == f"0-{MB - 1}" and PACKED.blobs[BLOB] in map(bytes, parts.taken.values())


def test_breaks_without_progress_end(registry: FakeRegistry, pushed: Pusher) -> None:
    registry.rules.insert(0, breaking(*range(1, 1000)))
    with pytest.raises(Unavailable):
        pushed(attempts=3)
    assert registry.paths("PUT") == []


@pytest.mark.parametrize("status", [400, 404, 405, 416, 501])
def test_a_registry_without_parts_gets_the_whole(registry: FakeRegistry, parts: Parts, pushed: Pusher, status: int) -> None:
    registry.rules.insert(0, lambda asked: Answer(status) if asked.method == "PATCH" else None)
    pushed()
    assert whole(registry) == [SIZE] and len([path for path in registry.paths("PATCH") if path]) == 1


def test_too_much_at_once_becomes_parts(registry: FakeRegistry, parts: Parts, pushed: Pusher) -> None:
    registry.rules.insert(0, lambda asked: Answer(413) if len(asked.body) > 2 * MB else None)
    pushed(part=8 * MB)
    assert parts.asked[0] == f"0-{2 * MB - 1}" and whole(registry) == [SIZE, 0]


def test_a_registry_that_takes_nothing(registry: FakeRegistry, pushed: Pusher) -> None:
    registry.rules.insert(0, lambda asked: Answer(413) if len(asked.body) > 1000 else None)
    with pytest.raises(Unavailable, match="neither whole nor in parts"):
        pushed()


@pytest.mark.parametrize("kept", [False, True], ids=["lost", "answer-lost"])
def test_the_real_registry(tmp_path: Path, registry: FakeRegistry, pushed: Pusher, kept: bool) -> None:
    """Docker's registry behind one that loses the connection at the third part, before it or with the answer to it."""
    with running_registry(str(tmp_path / "registry")) as real, httpx.Client(base_url=real.url, trust_env=False) as client:

        def relay(asked: Asked) -> Answer:
            headers = {name: value for name, value in asked.headers.items() if name.lower() != "connection"}
            path = httpx.URL(asked.path, params=dict(asked.query))
            got = client.request(asked.method, path, headers=headers, content=asked.body)
            keep = {name: value for name, value in got.headers.items() if name.lower() not in ("content-length", "transfer-encoding")}
            return Answer(got.status_code, got.content, keep)

        registry.rules[:] = [breaking(2, after=relay if kept else lambda _: None), relay]
        assert pushed(attempts=2)[-1].detail == PACKED.digest
        stored = client.get(f"/v2/team/app/blobs/{BLOB}").content
    assert images.digest(stored) == BLOB
    ranges = [each.headers["Content-Range"] for each in registry.asked if each.method == "PATCH"]
    assert ranges[3] == (f"0-{MB - 1}" if kept else ranges[2]), (
        "docker's registry forgets an upload whose state is not the last one that it told"
    )
