"""What ``system check`` tells while it runs."""

from __future__ import annotations

from enum import StrEnum

from engine.model.value import Value


class Outcome(StrEnum):
    """What became of a problem."""

    FOUND = "found"
    MENDED = "mended"
    REMAINS = "remains"


class Finding(Value):
    """A problem.

    Attributes:
        subject: what it is about, such as ``blob sha256:…``.
        reason: what is wrong with it.
        remedy: what a repair would do, has done, or why it can not do anything and who can.
        outcome: ``FOUND`` without a repair, else what that came to.
    """

    subject: str
    reason: str
    remedy: str = ""
    outcome: Outcome = Outcome.FOUND


class CheckProgress(Value):
    """How far it is: ``stage`` is what is looked at (``blobs``, ``layers``, …), ``done`` of ``total`` are through."""

    stage: str
    done: int = 0
    total: int = 0


class CheckNote(Value):
    """What could not be looked at, and why. It is no problem."""

    text: str


CheckEvent = Finding | CheckProgress | CheckNote
