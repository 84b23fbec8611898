"""``longshore hosts use``"""

from __future__ import annotations

import os

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.hosts.choice import overruled

SPEC = Spec(usage="NAME", summary="Talk to this host when none is named; embedded is this machine", least=1, most=1, completes="host")


def run(context: Context, options: Options) -> int:
    (name,) = options.args
    context.hosts.use(name)
    print(name, file=context.out)
    if variable := overruled():
        print(f"Warning: {variable} environment variable overrides the current host ({os.environ[variable]}).", file=context.err)
    return 0
