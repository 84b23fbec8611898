"""The table is about the engine as it is."""

from __future__ import annotations

from tests.guards.mutant import ROOT
from tests.guards.table import GUARDS


def test_every_edit_finds_its_place_once() -> None:
    lost = [
        f"{guard.name}: {edit.file}: {edit.old!r} stands there {count} times"
        for guard in GUARDS
        for edit in guard.edits
        if (count := (ROOT / edit.file).read_text().count(edit.old)) != 1 or edit.new == edit.old
    ]
    assert not lost, "\n".join(lost)


def test_every_guard_is_something_and_has_a_name_of_its_own() -> None:
    assert all(guard.edits and guard.cves for guard in GUARDS)
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)


def test_there_are_forty() -> None:
    assert len(GUARDS) >= 40
    assert len({number for guard in GUARDS for number in guard.cves}) >= 40
