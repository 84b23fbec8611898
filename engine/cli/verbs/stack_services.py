"""``longshore stack services``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.stacks import check_name
from engine.cli.swarm import LIST_FLAGS, with_filters, write_services
from engine.model.services import STACK_LABEL

SPEC = Spec(usage="[OPTIONS] STACK", summary="List the services in the stack", flags=LIST_FLAGS, least=1, most=1, completes="stack")


def run(context: Context, options: Options) -> int:
    name = check_name(options.args[0])
    wanted = with_filters(options, label=f"{STACK_LABEL}={name}")
    found = context.run(context.engine.swarm.services.list(filters=wanted, status=not options.on("quiet")))
    if not found:
        print(f"Nothing found in stack: {name}", file=context.err)
        return 0
    write_services(context, options, found)
    return 0
