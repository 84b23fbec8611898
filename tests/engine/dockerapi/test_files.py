"""Files of containers in the API's words."""

from __future__ import annotations

import base64
import json
import stat
import tarfile

import pytest

from engine.dockerapi import files
from engine.dockerapi.create import encode_update
from engine.dockerapi.listing import DirectoryReader
from engine.errors import CorruptData
from engine.model.containers import RestartPolicy, UpdateConfig
from engine.model.files import Change, ChangeKind


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (2147484141, stat.S_IFDIR | 0o755),
        (134218239, stat.S_IFLNK | 0o777),
        (0o644, stat.S_IFREG | 0o644),
        (1 << 26 | 1 << 21 | 0o666, stat.S_IFCHR | 0o666),
        (1 << 26 | 0o660, stat.S_IFBLK | 0o660),
        (1 << 25 | 0o600, stat.S_IFIFO | 0o600),
        (1 << 24, stat.S_IFSOCK),
        (1 << 23 | 1 << 22 | 0o755, stat.S_IFREG | 0o6755),
        (1 << 31 | 1 << 20 | 0o777, stat.S_IFDIR | 0o1777),
    ],
)
def test_modes(theirs: int, ours: int) -> None:
    assert files.decode_mode(theirs) == ours


def test_the_status_header() -> None:
    document = {"name": "l", "size": 3, "mode": 134218239, "mtime": "2024-05-01T12:00:00.5Z", "linkTarget": "/x"}
    found = files.decode_stat(base64.b64encode(json.dumps(document).encode()).decode())
    assert (found.name, found.size, found.link_target, found.mtime) == ("l", 3, "/x", 1714564800.5)
    for header in ("", "%%%", base64.b64encode(b"{").decode()):
        with pytest.raises(CorruptData):
            files.decode_stat(header)


def test_changes() -> None:
    body = b'[{"Path":"/b","Kind":1},{"Path":"/a/x","Kind":2},{"Path":"/a","Kind":0},{"Path":"/odd","Kind":7},3]'
    assert files.decode_changes(body) == [
        Change(path="/a", kind=ChangeKind.MODIFIED),
        Change(path="/a/x", kind=ChangeKind.DELETED),
        Change(path="/b", kind=ChangeKind.ADDED),
    ]
    assert files.decode_changes(b"null") == []


def test_an_update_says_only_what_changes() -> None:
    update = UpdateConfig(memory=5, pids_limit=0, restart_policy=RestartPolicy(name="no"))
    assert json.loads(encode_update(update)) == {"Memory": 5, "PidsLimit": 0, "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}
    assert json.loads(encode_update(UpdateConfig())) == {}


def _member(name: str, pax: dict[str, str]) -> bytes:
    info = tarfile.TarInfo(name)
    info.pax_headers = pax
    return info.tobuf(tarfile.PAX_FORMAT)


def test_numbers_of_an_archive_that_are_none() -> None:
    reader = DirectoryReader()
    reader.feed(_member("./a", {"uid": "9" * 5000, "gid": "-1", "mtime": "nan", "size": "x"}) + _member("./b", {"mtime": "1.5"}))
    assert [(entry.name, entry.uid, entry.gid, entry.size, entry.mtime) for entry in reader.entries.values()] == [
        ("a", 0, 0, 0, 0.0),
        ("b", 0, 0, 0, 1.5),
    ]


@pytest.mark.parametrize(
    "head",
    [
        tarfile.TarInfo("x").tobuf()[:124] + b"\xff" * 12,  # a size of -1
        tarfile.TarInfo("x").tobuf()[:124] + b"\xff" * 10 + b"\xfc\x00",  # -1024: back to itself, and for ever
    ],
    ids=["one", "for-ever"],
)
def test_an_archive_that_leads_backwards(head: bytes) -> None:
    head += tarfile.TarInfo("x").tobuf()[136:]
    total = sum(head[:148]) + 256 + sum(head[156:])
    with pytest.raises(CorruptData):
        DirectoryReader().feed((head[:148] + b"%06o\0 " % total + head[156:]) * 2)


def test_a_pax_record_that_is_shorter_than_its_length() -> None:
    body = b"1 a=b\n".ljust(512, b"\0")
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 6
    with pytest.raises(CorruptData):
        DirectoryReader().feed(info.tobuf() + body)
