"""``longshore node demote``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.swarm import give_role

SPEC = Spec(usage="NODE [NODE...]", summary="Demote one or more nodes from manager in the swarm", least=1, most=-1, completes="node")


def run(context: Context, options: Options) -> int:
    give_role(context, options.args, "worker", "Manager {} demoted in the swarm.")
    return 0
