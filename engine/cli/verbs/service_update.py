"""``longshore service update``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.converge import converge
from engine.cli.flags import Options, Spec
from engine.cli.service_options import UPDATE, changed
from engine.cli.swarm import warn
from engine.errors import InvalidArgument

SPEC = Spec(usage="[OPTIONS] SERVICE", summary="Update a service", flags=UPDATE, least=1, most=1, completes="service")


def run(context: Context, options: Options) -> int:
    name, services = options.args[0], context.engine.swarm.services
    if options.on("rollback"):
        if any(options.has(flag.name) for flag in UPDATE if flag.name not in ("rollback", "detach", "quiet")):
            raise InvalidArgument("other flags may not be combined with --rollback")
        warn(context, context.run(services.rollback(name)))
    else:
        warn(context, context.run(services.update(name, changed(options))))
    print(name, file=context.out, flush=True)
    if not options.on("detach"):
        converge(context, name, quiet=options.on("quiet"))
    return 0
