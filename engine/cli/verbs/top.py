"""``longshore top``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.screen import one_line

SPEC = Spec(
    usage="CONTAINER [ps OPTIONS]",
    summary="Display the running processes of a container",
    least=1,
    most=-1,
    interspersed=False,
    completes="container",
)


def run(context: Context, options: Options) -> int:
    name, *ps_args = options.args
    table = context.run(context.engine.containers.top(name, ps_args=" ".join(ps_args)))
    lines = [[one_line(cell) for cell in line] for line in (table.titles, *table.rows)]
    # docker's tabwriter for this verb: cells at least 20 wide.
    widths = [max(20, *(len(line[column]) + 3 for line in lines)) for column in range(len(table.titles))]
    for line in lines:
        print("".join(f"{cell:<{widths[column]}}" for column, cell in enumerate(line[:-1])) + line[-1], file=context.out)
    return 0
