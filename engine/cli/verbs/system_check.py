"""``longshore system check``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.screen import one_line
from engine.model.check import CheckNote, CheckProgress, Finding, Outcome

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Verify everything that the engine keeps, and mend it",
    flags=(
        Flag(name="quiet", short="q", help="Tell problems only"),
        Flag(name="repair", help="Mend what can be mended"),
    ),
)
_LOOKED_AT = ("blobs", "layers", "images", "containers", "volumes")
_SIGNS = {Outcome.FOUND: "problem", Outcome.MENDED: "mended", Outcome.REMAINS: "remains"}


def run(context: Context, options: Options) -> int:
    """0 when nothing is wrong any more, else 1."""
    totals: dict[str, int] = {}
    found: list[Finding] = []
    shown = context.err.isatty() and not options.on("quiet")
    for event in context.iterate(context.engine.system.check(repair=options.on("repair"))):
        if shown:
            context.err.order("\r\033[K")
        match event:
            case CheckProgress():
                totals[event.stage] = event.total
                if shown and event.done < event.total:
                    context.err.write(f"checking {event.stage}: {event.done + 1} of {event.total}")
            case CheckNote() if not options.on("quiet"):
                print(f"note: {one_line(event.text)}", file=context.out)
            case Finding():
                found.append(event)
                print(f"{_SIGNS[event.outcome]}: {one_line(event.subject)}: {one_line(event.reason)}", file=context.out)
                if event.remedy:
                    print(f"  {one_line(event.remedy)}", file=context.out)
        context.err.flush()
    if not options.on("quiet"):
        looked = ", ".join(_count(totals.get(stage, 0), stage) for stage in _LOOKED_AT)
        print(f"Checked {looked}: {_summary(found)}", file=context.out)
    return 0 if all(each.outcome is Outcome.MENDED for each in found) else 1


def _summary(found: list[Finding]) -> str:
    if not found:
        return "no problems."
    counts = {outcome: sum(each.outcome is outcome for each in found) for outcome in Outcome}
    if counts[Outcome.FOUND]:
        return f"{_count(len(found), 'problems')}. `longshore system check --repair` mends what can be mended."
    parts = [text for text in (f"{counts[Outcome.MENDED]} mended", f"{counts[Outcome.REMAINS]} left") if not text.startswith("0 ")]
    return f"{_count(len(found), 'problems')}, {', '.join(parts)}."


def _count(count: int, what: str) -> str:
    return f"{count} {what.removesuffix('s') if count == 1 else what}"
