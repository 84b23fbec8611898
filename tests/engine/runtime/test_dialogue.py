"""What two sides of a start say to each other arrives, whatever the other side did not read."""

from __future__ import annotations

import os

from engine.errors import ExecutableNotFound
from engine.runtime import dialogue


def test_last_words_are_heard_though_something_was_left_unread() -> None:
    ours, theirs = dialogue.pair()
    ours.say(dialogue.WIRED)
    theirs.say(dialogue.ERROR, dialogue.pack_error(ExecutableNotFound("why", hint="what to do")))
    theirs.close()
    kind, payload, fds = ours.hear()
    error = dialogue.unpack_error(payload)
    assert (kind, fds) == (dialogue.ERROR, ())
    assert isinstance(error, ExecutableNotFound) and (error.message, error.hint) == ("why", "what to do")
    assert ours.hear()[0] == b""
    ours.close()


def test_descriptors_come_along() -> None:
    ours, theirs = dialogue.pair()
    read_end, write_end = os.pipe()
    theirs.say(dialogue.READY, fds=(write_end,))
    os.close(write_end)
    kind, _, fds = ours.hear()
    assert kind == dialogue.READY and not os.get_inheritable(fds[0])
    os.write(fds[0], b"x")
    assert os.read(read_end, 1) == b"x"
    for fd in (read_end, *fds):
        os.close(fd)
    ours.close()
    theirs.close()
