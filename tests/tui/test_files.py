"""The file browser: into directories and back, files looked at, copies both ways, and names and bytes that nobody should trust."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from engine.errors import InvalidArgument
from tests.support.images import tar_of
from tests.tui.conftest import running
from tests.tui.fake import FakeEngine, harbour
from tui.config import Settings
from tui.feed.files import SHOWN, ContainerFiles
from tui.presenters.browser import text_lines
from tui.screens.host_path import complete

BIG = b"line\n" * (SHOWN // 5 + 1000)


def _engine() -> FakeEngine:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, kind, data in (
            ("etc", tarfile.DIRTYPE, b""),
            ("etc/motd", tarfile.REGTYPE, b"welcome aboard\n\x1b[31mred\x1b[0m \x1b]0;evil\x07end\n"),
            ("etc/deep", tarfile.DIRTYPE, b""),
            ("etc/deep/leaf", tarfile.REGTYPE, b"x"),
            ("data", tarfile.SYMTYPE, b"/etc/deep"),
            ("hosts", tarfile.SYMTYPE, b"/etc/motd"),
            ("big", tarfile.REGTYPE, BIG),
            ("blob", tarfile.REGTYPE, b"\x7fELF\0\1\2"),
            ("evil\x1b[2J\nname", tarfile.REGTYPE, b""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.mtime, member.uid = kind, 0o640, 1_790_000_000, 7
            if kind == tarfile.SYMTYPE:
                member.linkname = data.decode()
            member.size = len(data) if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(data) if kind == tarfile.REGTYPE else None)
    engine = harbour()
    engine.containers.archive = made.getvalue()
    return engine


async def test_in_and_out_of_directories_and_a_file_is_shown_without_its_sequences() -> None:
    async with running(_engine()) as ui:
        await ui.select("web")
        await ui.press("f")
        await ui.shows("web: /")
        await ui.shows("drw-r-----     7     0")
        await ui.shows("data -> /etc/deep")
        await ui.shows("evil␛[2J␊name")
        await ui.press("enter")
        await ui.misses("hosts ->")
        await ui.press("j", "enter")  # directories come first
        await ui.shows("welcome aboard")
        await ui.shows("red end")
        await ui.press("escape")
        await ui.misses("hosts ->")
        await ui.press("k", "l")
        await ui.shows("leaf")
        await ui.press("backspace")
        await ui.misses("hosts ->")
        await ui.press("left")
        await ui.shows("web: / ")
        await ui.press("left")  # there is nothing above the top
        await ui.shows("web: / ")
        await ui.press("escape")
        assert ui.noun == "containers"


async def test_links_are_followed_inside_the_container() -> None:
    async with running(_engine()) as ui:
        await ui.press("f")
        await ui.shows("data -> ")
        for _ in range(3):
            await ui.press("down")
        await ui.press("enter")
        await ui.shows("leaf")
        await ui.press("left")
        await ui.shows("hosts -> ")
        await ui.press("end", "enter")
        await ui.shows("welcome aboard")


async def test_copies_out_and_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    engine = _engine()
    async with running(engine) as ui:
        await ui.select("web")
        await ui.press("f")
        await ui.shows("evil")
        await ui.press("c")
        await ui.shows("Copy etc to")
        await ui.press("enter")
        await ui.until((tmp_path / "etc.tar").exists)
        with tarfile.open(tmp_path / "etc.tar") as archive:
            assert sorted(archive.getnames()) == ["etc", "etc/deep", "etc/deep/leaf", "etc/motd"]
        await ui.press("c", "enter")
        await ui.until(lambda: any("is there already" in toast for toast in ui.toasts()))
        (tmp_path / "mine.txt").write_text("from here")
        await ui.press("p")
        await ui.shows("Copy into /")
        await ui.type("mine")
        await ui.shows("mine.txt")  # completed
        await ui.press("right", "enter")
        await ui.until(lambda: "/" in engine.containers.received)
        with tarfile.open(fileobj=io.BytesIO(engine.containers.received["/"])) as archive:
            assert archive.getnames() == ["mine.txt"]
        assert any("cp ./mine.txt web:/" in entry.command for entry in ui.main.desk.operations.journal.entries)


async def test_a_volume_is_browsed_through_a_container_that_has_it() -> None:
    async with running(_engine()) as ui:
        await ui.press("3")
        await ui.press("f")
        await ui.shows("pgdata through db")


async def test_a_volume_without_a_container_gets_one_as_long_as_it_is_browsed() -> None:
    engine = _engine()
    with_volume = tar_of([("longshore-volume/", b"", 0o755), ("longshore-volume/note.txt", b"kept\n", 0o644)])
    engine.containers.archive = with_volume
    before = set(engine.containers.all)
    async with running(engine) as ui:
        await ui.press("3", "down", "f")
        await ui.shows("note.txt")
        (made,) = set(engine.containers.all) - before
        assert engine.containers.all[made].mounts[0].options == ("nocopy",)
        assert not engine.called("start")
        await ui.press("escape")
        await ui.until(lambda: set(engine.containers.all) == before)
        engine.images.all.clear()
        await engine.hub.emit("image", "delete", "x")
        await ui.until(lambda: not ui.main.lists.snapshot.images)
        await ui.press("f")
        await ui.until(lambda: any("there is no image to make one of" in toast for toast in ui.toasts()))
        assert set(engine.containers.all) == before


async def test_read_only_looks_but_does_not_copy_in() -> None:
    async with running(_engine(), settings=Settings(readonly=True)) as ui:
        await ui.press("f")
        await ui.shows("evil")
        await ui.press("p")
        await ui.until(lambda: any("read-only" in toast for toast in ui.toasts()))
        assert not ui.engine.containers.received


async def test_contents_are_read_in_bounds_and_written_whole(tmp_path: Path) -> None:
    engine = _engine()
    files = ContainerFiles(engine, engine.containers.find("web").id)
    data, size = await files.head("/big")
    assert (len(data), size) == (SHOWN, len(BIG))
    assert "more; c in the list" in text_lines(data, size)[-1][0][0]
    await files.copy_out("/big", str(tmp_path / "big"))
    assert (tmp_path / "big").read_bytes() == BIG
    await files.copy_out("/hosts", str(tmp_path))
    assert (tmp_path / "motd").read_bytes().startswith(b"welcome")
    os.symlink("/nowhere", tmp_path / "dangling")
    with pytest.raises(InvalidArgument, match="is there already"):
        await files.copy_out("/big", str(tmp_path / "dangling"))
    assert sorted(os.listdir(tmp_path)) == ["big", "dangling", "motd"]
    with pytest.raises(InvalidArgument, match="not a regular file"):
        await files.head("/etc")
    hexed = "".join(text for text, _ in text_lines((await files.head("/blob"))[0], 7)[0])
    assert hexed.startswith("00000000  7f 45 4c 46 00 01 02")


def test_host_paths_are_completed(tmp_path: Path) -> None:
    (tmp_path / "alpha").mkdir()
    (tmp_path / "alps.txt").touch()
    (tmp_path / ".hidden").touch()
    assert complete(f"{tmp_path}/al") == f"{tmp_path}/alpha/"
    assert complete(f"{tmp_path}/alps") == f"{tmp_path}/alps.txt"
    assert complete(f"{tmp_path}/") == f"{tmp_path}/alpha/"
    assert complete(f"{tmp_path}/.h") == f"{tmp_path}/.hidden"
    assert complete(f"{tmp_path}/none") is None
    assert complete("/nowhere-at-all/x") is None
    assert complete("") is None
