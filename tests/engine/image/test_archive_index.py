"""The index of an archive is made from its headers, and says the same as the whole archive."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import CorruptData
from engine.image.archive import Archive
from engine.image.spool import Spool
from engine.model.openfile import OpenFile
from engine.store.roots import Roots
from tests.support.images import tar_of

CONTENT = {"a": b"1", "big": os.urandom(300_000), "empty": b"", "edge": b"x" * (1 << 16), "last": b"z" * 200_001}
ARCHIVE = tar_of([(name, data, 0o644) for name, data in CONTENT.items()])


@pytest.fixture
def handle(tmp_path: Path) -> Iterator[int]:
    opened = os.open(tmp_path / "archive", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    os.write(opened, ARCHIVE)
    os.lseek(opened, 0, os.SEEK_SET)
    yield opened
    os.close(opened)


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return Roots(state=str(tmp_path / "state"), run=str(tmp_path / "run")).ensure()


def test_members_are_found_in_a_file_that_stays_where_it_is(roots: Roots, handle: int) -> None:
    spool = Spool(roots, handle)
    archive = Archive(spool)
    assert {name: b"".join(archive.chunks(name)) for name in CONTENT} == CONTENT
    spool.close()
    assert os.fstat(handle).st_size == len(ARCHIVE)
    assert os.listdir(roots.ingest) == []


@pytest.mark.parametrize("end", [ARCHIVE.index(CONTENT["last"]) + 100_000, ARCHIVE.index(CONTENT["big"]) + 1])
def test_a_member_that_is_cut_short_is_noticed(roots: Roots, handle: int, end: int) -> None:
    os.ftruncate(handle, end)
    spool = Spool(roots, handle)
    with pytest.raises(CorruptData, match="cut short"):
        Archive(spool)
    spool.close()


def test_only_a_file_from_its_beginning_is_taken_as_it_is(handle: int) -> None:
    assert OpenFile(handle).whole
    os.read(handle, 1)
    assert not OpenFile(handle).whole
    read_end, write_end = os.pipe()
    assert not OpenFile(read_end).whole
    os.close(read_end)
    os.close(write_end)
