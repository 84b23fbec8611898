"""``longshore stack ls``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.swarm import FORMAT
from engine.cli.tables import write
from engine.model.services import STACK_LABEL, stacks_of

SPEC = Spec(usage="[OPTIONS]", summary="List stacks", flags=(FORMAT,))
HEADERS = {"Name": "NAME", "Services": "SERVICES"}


def run(context: Context, options: Options) -> int:
    services = context.run(context.engine.swarm.services.list(filters={"label": (STACK_LABEL,)}, status=False))
    rows = [{"Name": stack.name, "Services": str(len(stack.services))} for stack in stacks_of(services)]
    write(context.out, rows, headers=HEADERS, default=list(HEADERS), form=options.text("format"))
    return 0
