"""Archives of images and changes of configs, bent at random: refused with a message, or read; nothing else ever happens."""

from __future__ import annotations

import json
import tempfile

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import LongshoreError
from engine.image import load
from engine.image.archive import Archive
from engine.image.changes import apply
from engine.image.spool import Spool
from engine.model.platform import Platform
from engine.store.roots import Roots
from tests.support import images
from tests.support.images import ImageSource, digest

LAYER = images.tar_of([("text", b"hello", 0o644)])
PACKED = images.pack(ImageSource((LAYER,), oci=True))
ENTRY = {"mediaType": PACKED.media_type, "digest": PACKED.digest, "size": len(PACKED.manifest)}
CONFIG = f"blobs/{json.loads(PACKED.manifest)['config']['digest'].replace(':', '/')}"
FILES: dict[str, bytes | str] = {
    **{f"blobs/{name.replace(':', '/')}": data for name, data in PACKED.blobs.items()},
    f"blobs/{PACKED.digest.replace(':', '/')}": PACKED.manifest,
    "index.json": json.dumps({"schemaVersion": 2, "manifests": [ENTRY]}).encode(),
    "layer": LAYER,
    "link": "layer",
    "manifest.json": json.dumps([{"Config": CONFIG, "RepoTags": ["a:b"], "Layers": ["link"]}]).encode(),
}
ARCHIVE = images.tar_of([(name, content, 0o644) for name, content in FILES.items()])

fuzz = settings(deadline=None, derandomize=True, database=None, max_examples=200)
names = st.sampled_from([*FILES, "", "/", "..", "../x", "a/../..", "link", digest(b"x"), "\ud800", "x" * 5000]) | st.text(max_size=20)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | names,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["Config", "Layers", "RepoTags", "manifests", "digest", "size", "annotations", "mediaType"]), inner
        )
    ),
    max_leaves=12,
)


def plan(archive: bytes) -> None:
    """Read what an archive says; whatever is wrong with it has to be one of our errors."""
    with tempfile.TemporaryDirectory() as directory:
        spool = Spool(Roots(state=f"{directory}/state", run=f"{directory}/run"))
        try:
            spool.write(archive)
            for wanted in (None, Platform(architecture="arm64")):
                try:
                    load._plan(Archive(spool), wanted)
                except LongshoreError as error:
                    assert (error.message + error.hint).isprintable()
        finally:
            spool.close()


@fuzz
@given(st.lists(st.tuples(st.integers(0, len(ARCHIVE) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_bent_bytes(bends: list[tuple[int, int]]) -> None:
    bent = bytearray(ARCHIVE)
    for place, value in bends:
        bent[place] = value
    plan(bytes(bent))


@fuzz
@given(st.sampled_from(["manifest.json", "index.json", CONFIG]), documents)
def test_bent_documents(name: str, document: object) -> None:
    files = {**FILES, name: json.dumps(document).encode()}
    if name == "index.json":
        del files["manifest.json"]
    plan(images.tar_of([(each, content, 0o644) for each, content in files.items()]))


@fuzz
@given(
    st.sampled_from(["CMD", "ENV", "LABEL", "EXPOSE", "VOLUME", "WORKDIR", "USER", "STOPSIGNAL", "ONBUILD", "HEALTHCHECK", "x"]), st.text()
)
@example("ENV", "\\")
def test_bent_changes(instruction: str, text: str) -> None:
    try:
        json.dumps(apply({}, [f"{instruction} {text}"]))
    except LongshoreError as error:
        assert error.message
