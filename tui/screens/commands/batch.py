"""One action over several objects: a preview that names them all, then a result for each.

What was listed in the preview is what is touched, whatever has changed meanwhile. The marks of what went well go, those
of what failed stay, so that the next key can try again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from engine.model.value import Value
from tui.feed.operations import Outcome, Step
from tui.presenters.ansi import Styled, ink
from tui.presenters.text import decimal_size, safe
from tui.screens.desk import Desk
from tui.snapshot import Noun, Thing, key_of, label_of
from tui.words import mark_n, tr, trn

T = TypeVar("T", bound=Thing)


_COUNTED = {
    Noun.CONTAINERS: mark_n("{count} container", "{count} containers"),
    Noun.IMAGES: mark_n("{count} image", "{count} images"),
    Noun.VOLUMES: mark_n("{count} volume", "{count} volumes"),
    Noun.NETWORKS: mark_n("{count} network", "{count} networks"),
}


class Plan(Value):
    """What a batch does.

    Attributes:
        title: the question's verb, such as ``Stop``.
        word: shown in the rows meanwhile, such as ``stopping``.
        told: what the result begins with, such as ``stopped``.
        consequence: a sentence below the question.
    """

    noun: Noun
    title: str
    word: str
    told: str
    consequence: str = ""


def counted(count: int, noun: Noun) -> str:
    """``3 containers``."""
    return trn(*_COUNTED[noun], count)


async def run_batch(
    desk: Desk,
    plan: Plan,
    chosen: Sequence[T],
    *,
    work: Callable[[T], Awaitable[object]],
    command: Callable[[T], str],
    size: Callable[[T], int] = lambda _: 0,
    inside: Callable[[T], bool] = lambda _: True,
) -> None:
    """Ask with every name, do it, and say what became of each.

    Args:
        command: the command line that does the same; shown in the preview and kept in the journal.
        size: bytes that come free with an object.
        inside: which objects are taken in from the beginning; the others can be.
    """
    from tui.screens.preview import Item, PreviewModal  # late: not needed for the first picture

    def title(inside: Sequence[Item]) -> str:
        total = sum(item.size for item in inside)
        objects = counted(len(inside), plan.noun)
        if total:
            return tr("{verb} {objects}, up to {size}?", verb=plan.title, objects=objects, size=decimal_size(total))
        return tr("{verb} {objects}?", verb=plan.title, objects=objects)

    items = [
        Item(key=key_of(one), label=label_of(one), detail=_detail(command(one), size(one)), size=size(one), inside=inside(one))
        for one in chosen
    ]
    answer = await desk.ask(PreviewModal(title, items, plan.consequence))
    kept = frozenset(answer or ())
    if not kept:
        return

    def step(one: T) -> Step:
        return Step(key_of(one), label_of(one), command(one), lambda: work(one))

    outcomes = await desk.operations.each(plan.noun, plan.word, [step(one) for one in chosen if key_of(one) in kept])
    desk.lists.unmark(plan.noun, [outcome.step.key for outcome in outcomes if outcome.error is None])
    await _tell(desk, plan, outcomes)


def _detail(command: str, size: int) -> str:
    return f"{decimal_size(size):>8}  {command}" if size else command


async def _tell(desk: Desk, plan: Plan, outcomes: Sequence[Outcome]) -> None:
    """A toast where all went well, the list where something did not."""
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    done = len(outcomes) - len(failed)
    if not failed:
        notes = [f"{outcome.step.label}: {outcome.note}" for outcome in outcomes if outcome.note]
        desk.tell(
            tr("{told} {objects}", told=plan.told, objects=counted(done, plan.noun)),
            "\n".join(notes[:5]) or ", ".join(one.step.label for one in outcomes[:12]),
        )
        return
    from tui.screens.reader import ReaderModal  # late: most batches go well

    title = tr("{title}: {done} done, {count} failed", title=plan.title, done=done, count=len(failed))
    lines = [line for outcome in sorted(outcomes, key=lambda one: one.error is None) for line in _lines(outcome)]
    await desk.ask(ReaderModal(title, lines))


def _lines(outcome: Outcome) -> list[Styled]:
    name = safe(outcome.step.label)
    if outcome.error is None:
        return [(("✔ ", ink("green")), (name, ink()), (f"  {safe(outcome.note)}" if outcome.note else "", ink("bright_black")))]
    reason = (("✘ ", ink("red")), (name, ink("", bold=True)), (f"  {safe(outcome.error.message)}", ink("red")))
    hint = ((f"  {safe(outcome.error.hint)}", ink("bright_black")),)
    return [reason, hint] if outcome.error.hint else [reason]
