"""Subordinate ids: the files, the mapping, and what is said about what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.rootless import idmap


def files(place: Path, subuid: str, subgid: str | None = None) -> dict[str, str]:
    """The two files, for :func:`idmap.plan`."""
    (place / "subuid").write_text(subuid)
    (place / "subgid").write_text(subuid if subgid is None else subgid)
    return {"subuid": str(place / "subuid"), "subgid": str(place / "subgid")}


def test_ranges_by_name_and_number(tmp_path: Path) -> None:
    text = "# comment\nbob:1:2\nanne:100000:65536\n1000:300000:10\nanne:x:5\nanne:5\nanne:7:0\n\n  anne:400000:5  \n"
    assert idmap.read(files(tmp_path, text)["subuid"], 1000, "anne") == [(100000, 65536), (300000, 10), (400000, 5)]
    assert idmap.read(str(tmp_path / "none"), 1000, "anne") == []


def test_root_is_the_user_and_ranges_follow_one_another(tmp_path: Path) -> None:
    made = idmap.plan(1000, 1001, "anne", **files(tmp_path, "anne:100000:65536\nanne:300000:10\n", "1000:200000:65536\n"))
    assert made.uids == ((0, 1000, 1), (1, 100000, 65536), (65537, 300000, 10))
    assert made.gids == ((0, 1001, 1), (1, 200000, 65536))
    assert not made.single and made.trouble == "" and idmap.small(made) == ""
    assert made.text() == "0 1000 1,1 100000 65536,65537 300000 10;0 1001 1,1 200000 65536"


@pytest.mark.parametrize(("subuid", "subgid", "file"), [("bob:1:2\n", "anne:1:65536\n", "subuid"), ("anne:1:65536\n", "", "subgid")])
def test_without_a_range_the_file_is_named(tmp_path: Path, subuid: str, subgid: str, file: str) -> None:
    made = idmap.plan(1000, 1000, "anne", **files(tmp_path, subuid, subgid))
    assert made.single and made.uids == ((0, 1000, 1),) and made.gids == ((0, 1000, 1),)
    assert f"/{file} has no range for anne" in made.trouble and f"usermod --add-{file}s" in made.trouble


def test_a_small_range_is_told_of(tmp_path: Path) -> None:
    made = idmap.plan(1000, 1000, "anne", **files(tmp_path, "anne:100000:1000\n"))
    assert idmap.small(made).startswith("only 1001 subordinate ids are mapped, images use up to 65536")


def test_a_program_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idmap, "_PATH", str(tmp_path))
    made = idmap.plan(1000, 1000, "anne", **files(tmp_path, "anne:100000:65536\n"))
    assert made.single and made.trouble.startswith("newuidmap is not installed")
