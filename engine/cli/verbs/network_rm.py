"""``longshore network rm``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.many import each

SPEC = Spec(usage="NETWORK [NETWORK...]", summary="Remove one or more networks", least=1, most=-1, completes="network")


def run(context: Context, options: Options) -> int:
    return each(context, options.args, context.engine.networks.remove)
