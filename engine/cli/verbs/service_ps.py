"""``longshore service ps``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.swarm import TASK_FLAGS, found_services, with_filters, write_tasks
from engine.errors import NotFound

SPEC = Spec(
    usage="[OPTIONS] SERVICE [SERVICE...]",
    summary="List the tasks of one or more services",
    flags=TASK_FLAGS,
    least=1,
    most=-1,
    completes="service",
)


def run(context: Context, options: Options) -> int:
    ids, missing = found_services(context, options.args)
    if ids:
        wanted = with_filters(options)
        wanted["service"] = (*wanted.get("service", ()), *ids)
        if "node" in wanted:
            wanted["node"] = tuple(context.run(context.engine.swarm.nodes.inspect(name)).id for name in wanted["node"])
        write_tasks(context, options, context.run(context.engine.swarm.tasks.list(filters=wanted)), whole_ids=True)
        context.out.flush()
    if missing:
        raise NotFound("\n".join(missing))
    return 0
