"""``longshore stack ps``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.stacks import check_name
from engine.cli.swarm import TASK_FLAGS, with_filters, write_tasks
from engine.errors import NotFound
from engine.model.services import STACK_LABEL

SPEC = Spec(usage="[OPTIONS] STACK", summary="List the tasks in the stack", flags=TASK_FLAGS, least=1, most=1, completes="stack")


def run(context: Context, options: Options) -> int:
    name = check_name(options.args[0])
    tasks = context.run(context.engine.swarm.tasks.list(filters=with_filters(options, label=f"{STACK_LABEL}={name}")))
    if not tasks:
        raise NotFound(f"nothing found in stack: {name}")
    write_tasks(context, options, tasks)
    return 0
