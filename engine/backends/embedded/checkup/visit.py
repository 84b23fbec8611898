"""What the stages of a check share: what was found out so far, and how a finding is told or mended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import ParamSpec

from engine.backends.embedded.core import Core
from engine.errors import Cancelled, LongshoreError
from engine.image import catalog
from engine.image.layers import LayerStore
from engine.model import digest as digests
from engine.model.check import Finding, Outcome
from engine.model.value import Value
from engine.store import faults
from engine.store.blobs import Blobs
from engine.store.images import ImageNames, ImageRecord

P = ParamSpec("P")


class Mend(Value):
    """A repair.

    Attributes:
        will, done: what it does, as a sentence before and after.
        act: does it. A text that comes back says why the problem remains all the same.
    """

    will: str
    done: str
    act: Callable[[], str | None]


class Visit:
    """One check.

    Attributes:
        whole: digests of blobs that are as they should be, once they were looked at.
        damaged: chain IDs of layers that are not as they should be.
        begun: the images that were there at the beginning.
    """

    def __init__(self, core: Core, *, repair: bool, stop: Callable[[], bool]) -> None:
        self.core = core
        self.repair = repair
        self.stop = stop
        self.blobs = Blobs(core.roots)
        self.layers = LayerStore(core.roots, core.database)
        self.whole: set[str] = set()
        self.damaged: set[str] = set()
        self.begun = core.images.all()

    def close(self) -> None:
        """End the helper that unpacks."""
        self.layers.close()

    def go_on(self) -> None:
        """Raises Cancelled when nobody waits any more."""
        if self.stop():
            raise Cancelled("the check was stopped")

    @cached_property
    def _names(self) -> dict[str, ImageNames]:
        return self.core.images.all_names()

    def image_name(self, record: ImageRecord) -> str:
        """What a person calls an image."""
        names = self._names.get(record.id, ImageNames())
        return catalog.familiar((*names.references, *names.digests)[0]) if names.references or names.digests else digests.short(record.id)

    def users(self, records: Iterable[ImageRecord]) -> str:
        """Images by name, for a sentence."""
        return ", ".join(sorted({self.image_name(record) for record in records}))

    def finding(self, subject: str, reason: str, mend: Mend | None = None, *, otherwise: str = "") -> Finding:
        """Tell a problem, and mend it where that is wanted and possible.

        Args:
            mend: how; ``None`` when nothing here can.
            otherwise: what the person can do when nothing here can.
        """
        if mend is None:
            return Finding(subject=subject, reason=reason, remedy=otherwise, outcome=Outcome.REMAINS if self.repair else Outcome.FOUND)
        if not self.repair:
            return Finding(subject=subject, reason=reason, remedy=mend.will)
        try:
            left = mend.act()
        except LongshoreError as error:
            left = f"{error.message}: {error.hint}" if error.hint else error.message
        except OSError as error:
            left = faults.from_os(error, "mend it").message
        outcome, remedy = (Outcome.REMAINS, left) if left else (Outcome.MENDED, mend.done)
        return Finding(subject=subject, reason=reason, remedy=remedy, outcome=outcome)


def quiet(act: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> Callable[[], str | None]:
    """``act(*args)`` for a :class:`Mend`: nothing remains unless it raises."""

    def run() -> str | None:
        act(*args, **kwargs)
        return None

    return run
