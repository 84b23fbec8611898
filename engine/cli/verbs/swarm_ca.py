"""``longshore swarm ca``. A certificate of one's own and external authorities are not among what it can give."""

from __future__ import annotations

import time

from engine.cli.context import Context
from engine.cli.converge import POLL
from engine.cli.flags import Flag, Options, Spec
from engine.cli.service_options import seconds
from engine.errors import InvalidArgument
from engine.model.swarm import ClusterChange

_WITH_ROTATE = ("cert-expiry", "detach", "quiet")
SPEC = Spec(
    usage="[OPTIONS]",
    summary="Display and rotate the root CA",
    flags=(
        Flag(name="cert-expiry", kind="duration", help="Validity period for node certificates (ns|us|ms|s|m|h)"),
        Flag(name="detach", short="d", help="Exit immediately instead of waiting for the root rotation to converge"),
        Flag(name="quiet", short="q", help="Suppress progress output"),
        Flag(name="rotate", help="Rotate the swarm CA - if no certificate or key are provided, new ones will be generated"),
    ),
)


def run(context: Context, options: Options) -> int:
    swarm = context.engine.swarm
    if options.on("rotate"):
        context.run(swarm.update(ClusterChange(rotate_root=True, certificate_expiry=seconds(options, "cert-expiry"))))
        if options.on("detach"):
            return 0
        if not options.on("quiet"):
            print("desired root digest is on its way to every node", file=context.err, flush=True)
        while context.run(swarm.inspect()).rotating:
            time.sleep(POLL)
    else:
        for name in _WITH_ROTATE:
            if options.has(name):
                raise InvalidArgument(f"`--{name}` flag requires the `--rotate` flag to update the CA")
    print(context.run(swarm.inspect()).trust_root.strip(), file=context.out)
    return 0
