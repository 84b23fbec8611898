"""``longshore swarm update``"""

from __future__ import annotations

from engine.cli.cluster import SETTINGS, changed, unlock_words
from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.main import verb_help

SPEC = Spec(usage="[OPTIONS]", summary="Update the swarm", flags=SETTINGS)


def run(context: Context, options: Options) -> int:
    if not any(options.has(flag.name) for flag in SETTINGS):
        print(verb_help("swarm update", SPEC), end="", file=context.out)
        return 0
    swarm = context.engine.swarm
    locked = context.run(swarm.inspect()).autolock
    context.run(swarm.update(changed(options)))
    print("Swarm updated.", file=context.out)
    if options.on("autolock") and not locked:
        print(unlock_words(context.run(swarm.unlock_key())), file=context.out)
    return 0
