"""``longshore swarm unlock``"""

from __future__ import annotations

import sys

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.errors import InvalidArgument

SPEC = Spec(usage="", summary="Unlock swarm")


def run(context: Context, options: Options) -> int:
    swarm = context.engine.swarm
    state = context.run(context.engine.system.info()).swarm
    if state in ("", "inactive"):
        raise InvalidArgument("this node is not part of a swarm")
    if state != "locked":
        raise InvalidArgument("swarm is not locked")
    if sys.stdin.isatty():
        from getpass import getpass  # late: for this only

        key = getpass("Enter unlock key: ")
    else:
        key = sys.stdin.readline().strip()
    context.run(swarm.unlock(key))
    return 0
