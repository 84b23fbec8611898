"""``longshore secret rm``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.many import each

SPEC = Spec(usage="SECRET [SECRET...]", summary="Remove one or more secrets", least=1, most=-1, completes="secret")


def run(context: Context, options: Options) -> int:
    return each(context, options.args, context.engine.swarm.secrets.remove)
