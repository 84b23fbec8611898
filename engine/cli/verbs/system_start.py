"""``longshore system start``: what a unit runs at boot. The first command after a boot does the same; nobody may come to give one."""

from __future__ import annotations

import sys

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.errors import NotSupported
from engine.model.containers import Container

SPEC = Spec(usage="", summary="Start the containers whose restart policy says so, after a boot", least=0, most=0)


def run(context: Context, options: Options) -> int:
    system, containers = context.engine.system, context.engine.containers
    version = context.run(system.version())
    if version.engine != "Longshore":
        raise NotSupported(f"{version.engine} starts its containers itself", hint="leave --host out")

    def wanted(container: Container) -> bool:
        return context.run(containers.inspect(container.id)).host_config.restart_policy.name not in ("", "no")

    listed = context.run(containers.list(all=True))  # the first question brings them back
    failed = [each for each in listed if not each.state.running and each.state.error and wanted(each)]
    for container in failed:
        print(f"Error: {container.name}: {container.state.error}", file=sys.stderr)
    print(f"{sum(each.state.running for each in listed)} containers are running", file=context.out)
    return 1 if failed else 0
