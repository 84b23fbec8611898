"""``longshore node ps``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.main import print_error
from engine.cli.swarm import TASK_FLAGS, with_filters, write_tasks
from engine.errors import LongshoreError
from engine.model.swarm import Task

SPEC = Spec(
    usage="[OPTIONS] [NODE...]",
    summary="List tasks running on one or more nodes, defaults to current node",
    flags=TASK_FLAGS,
    most=-1,
    completes="node",
)


def run(context: Context, options: Options) -> int:
    engine = context.engine
    failures: list[LongshoreError] = []
    tasks: list[Task] = []
    for name in options.args or ["self"]:
        try:
            wanted = context.run(engine.system.info()).swarm_node if name == "self" else name
            node = context.run(engine.swarm.nodes.inspect(wanted or name))
            tasks += context.run(engine.swarm.tasks.list(filters=with_filters(options, node=node.id)))
        except LongshoreError as error:
            failures.append(error)
    if tasks or not failures:
        write_tasks(context, options, tasks)
    context.out.flush()
    for failure in failures:
        print_error(failure)
    return 1 if failures else 0
