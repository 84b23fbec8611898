"""``longshore swarm unlock-key``"""

from __future__ import annotations

from engine.cli.cluster import unlock_words
from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.errors import InvalidArgument, NotFound
from engine.model.swarm import ClusterChange

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Manage the unlock key",
    flags=(Flag(name="quiet", short="q", help="Only display token"), Flag(name="rotate", help="Rotate unlock key")),
)


def run(context: Context, options: Options) -> int:
    quiet, swarm = options.on("quiet"), context.engine.swarm
    if options.on("rotate"):
        if not context.run(swarm.inspect()).autolock:
            raise InvalidArgument("cannot rotate because autolock is not turned on")
        context.run(swarm.update(ClusterChange(rotate_unlock_key=True)))
        if not quiet:
            print("Successfully rotated manager unlock key.", file=context.out)
    key = context.run(swarm.unlock_key())
    if not key:
        raise NotFound("no unlock key is set")
    print(key if quiet else unlock_words(key), file=context.out)
    return 0
