"""``longshore service create``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.converge import converge
from engine.cli.flags import Options, Spec
from engine.cli.service_options import CREATE, created
from engine.cli.swarm import warn
from engine.model.services import ServiceSpec

SPEC = Spec(
    usage="[OPTIONS] IMAGE [COMMAND] [ARG...]",
    summary="Create a new service",
    flags=CREATE,
    least=1,
    most=-1,
    interspersed=False,
    completes="image",
)


def run(context: Context, options: Options) -> int:
    spec = ServiceSpec(name=options.text("name"), mode=options.text("mode"), settings=created(options))
    made = context.run(context.engine.swarm.services.create(spec))
    warn(context, made.warnings)
    print(made.id, file=context.out, flush=True)
    if not options.on("detach"):
        converge(context, made.id, quiet=options.on("quiet"))
    return 0
