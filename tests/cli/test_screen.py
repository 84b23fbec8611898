"""What comes out of a container gives a person's terminal no orders."""

from __future__ import annotations

import os
import subprocess

import pytest

from engine.cli.screen import harmless, one_line
from tests.support.stateroot import StateRoot
from tests.support.wait import until

ORDER = "\x1b]52;c;aGk=\x07"
"""Sets the clipboard."""


def on_a_terminal(root: StateRoot, *words: str) -> str:
    """What a verb prints on a terminal, as it arrives there."""
    ours, theirs = os.openpty()
    with subprocess.Popen([*root.command, *words], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=root.environment):
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 65536):
                said += piece
        except OSError:  # the last one that had it open has ended
            pass
        finally:
            os.close(ours)
    return said.decode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ünïcode, 日本\n\tmore", "plain, ünïcode, 日本\n\tmore"),
        ("\x1b[2J\r\x08\x9b31m", "�[2J���31m"),
        ("a\u202eb\u2066c\u200b", "a�b�c�"),
    ],
)
def test_what_shows_nothing_is_replaced(text: str, shown: str) -> None:
    assert harmless(text) == shown
    assert one_line(text) == shown.replace("\n", "�").replace("\t", "�")


def test_names_and_commands_of_a_container_are_harmless(longshore: StateRoot) -> None:
    script = f"touch /tmp/$(printf '\\033c'); : '{ORDER}'; while :; do sleep 1000; done"
    longshore.out("run", "-d", "--name", "evil", "-l", f"text={ORDER}", "busybox", "sh", "-c", script)
    until(lambda: "/tmp/" in longshore.out("diff", "evil"))
    for words in (
        ("ps", "--no-trunc"),
        ("ps", "--format", "{{.Labels}}"),
        ("top", "evil"),
        ("diff", "evil"),
        ("inspect", "-f", "{{.Config.Labels.text}}", "evil"),
    ):
        shown = on_a_terminal(longshore, *words)
        assert "�" in shown and not set(shown) & set("\x1b\x07"), (words, shown)
    # A table is one in a pipe too; what a template gives is a program's to read, as it is.
    assert "\x1b" not in longshore.out("ps", "--no-trunc") + longshore.out("top", "evil") + longshore.out("diff", "evil")
    assert longshore.out("inspect", "-f", "{{.Config.Labels.text}}", "evil") == f"{ORDER}\n"
