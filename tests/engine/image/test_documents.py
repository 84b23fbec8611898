"""Manifests and configs made of anything that JSON can say: an answer or our own error, nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import CorruptData, LongshoreError
from engine.image.documents import ImageDocument, Index, Manifest, read_config, read_manifest, read_stored_config
from engine.model.health import Healthcheck
from tests.support import images

DIGESTS = st.sampled_from([images.digest(b"x"), "sha256:../../../x", "sha256:" + "A" * 64, "", "md5:0"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | DIGESTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
DESCRIPTOR = st.fixed_dictionaries(
    {
        "mediaType": st.sampled_from([images.CONFIG, images.OCI_CONFIG, images.LAYER]),
        "digest": DIGESTS,
        "size": st.integers(-1, 9) | ANYTHING,
    },
    optional={"urls": ANYTHING, "platform": ANYTHING, "annotations": ANYTHING},
)


def mixed(**keys: Any) -> Any:
    return st.fixed_dictionaries({}, optional={key: value | ANYTHING for key, value in keys.items()})


@settings(deadline=None, max_examples=150)
@given(
    mixed(
        schemaVersion=st.just(2),
        mediaType=st.sampled_from([images.MANIFEST, images.OCI_INDEX, images.LAYER]),
        config=DESCRIPTOR,
        layers=st.lists(DESCRIPTOR, max_size=2),
        manifests=st.lists(DESCRIPTOR, max_size=2),
    )
)
def test_no_manifest_breaks_the_reader(document: Any) -> None:
    try:
        found = read_manifest(json.dumps(document).encode(), images.MANIFEST)
    except LongshoreError as error:
        assert error.message
    else:
        assert isinstance(found, (Manifest, Index))


@settings(deadline=None, max_examples=150)
@given(
    mixed(
        os=st.just("linux"),
        architecture=st.just("amd64"),
        created=st.text(max_size=30),
        rootfs=st.fixed_dictionaries({"type": st.just("layers"), "diff_ids": st.lists(DIGESTS, max_size=2)}),
        history=st.lists(ANYTHING, max_size=2),
        config=mixed(
            Healthcheck=mixed(Test=ANYTHING, Interval=ANYTHING, Retries=ANYTHING),
            Shell=ANYTHING,
            Env=ANYTHING,
            Cmd=ANYTHING,
            Labels=ANYTHING,
            Volumes=ANYTHING,
            Entrypoint=ANYTHING,
            ExposedPorts=ANYTHING,
        ),
    )
)
def test_no_config_breaks_the_reader(document: Any) -> None:
    data = json.dumps(document, indent=2).encode()
    try:
        found = read_config(data)
    except LongshoreError as error:
        assert error.message
        with pytest.raises(CorruptData):
            read_stored_config(data)
    else:
        assert isinstance(found, ImageDocument)
        assert read_stored_config(b"  \n" + data) == found
        repr(found).encode()


def test_empty_and_null_fields_read_as_absent() -> None:
    data = b'{"os": null, "architecture": "x86_64", "rootfs": {"type": "layers", "diff_ids": null}, "config": null, "history": null}'
    found = read_config(data, 0)
    assert (str(found.platform), found.diff_ids, found.config.cmd, found.history) == ("linux/amd64", (), None, ())


def test_health_checks_of_images() -> None:
    def read(check: Any) -> Healthcheck | None:
        document = {"rootfs": {"type": "layers"}, "config": {"Healthcheck": check}}
        return read_config(json.dumps(document).encode()).config.healthcheck

    assert read(None) is None and read([]) is None
    whole = {"Test": ["CMD", "x"], "Interval": 5_000_000_000, "Timeout": 1_500_000_000, "StartPeriod": 1_000_000, "Retries": 4}
    assert read(whole) == Healthcheck(test=("CMD", "x"), interval=5.0, timeout=1.5, start_period=0.001, retries=4)
    strange: list[Any] = [-1, 1, 999_999, 1 << 63, 1.5e9, True, "5s", None, []]
    for wrong in strange:  # what would probe without a pause, or never
        assert read({"Test": ["CMD", "x"], "Interval": wrong}) == Healthcheck(test=("CMD", "x"))
    for wrong in (-1, 1 << 31, True, "3", 2.0):
        assert read({"Test": "x", "Retries": wrong}) == Healthcheck(test=("x",))


def test_halves_of_characters_are_replaced() -> None:
    data = b'{"rootfs": {"type": "layers"}, "config": {"Env": ["A=\\ud800"], "Labels": {"\\udfff": "\\ud800x"}}}'
    config = read_config(data).config
    assert config.env == ("A=?",)
    assert config.labels == {"?": "?x"}
