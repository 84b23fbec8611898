"""``longshore swarm ca``"""

from __future__ import annotations

import time

from engine.cli.authorities import EXTERNAL, external, pem
from engine.cli.context import Context
from engine.cli.converge import POLL
from engine.cli.flags import Flag, Options, Spec
from engine.cli.service_options import seconds
from engine.errors import InvalidArgument
from engine.model.swarm import ClusterChange

_WITH_ROTATE = ("ca-cert", "ca-key", "cert-expiry", "external-ca")
SPEC = Spec(
    usage="[OPTIONS]",
    summary="Display and rotate the root CA",
    flags=(
        Flag(name="ca-cert", kind="string", help="Path to the PEM-formatted root CA certificate to use for the new cluster"),
        Flag(name="ca-key", kind="string", help="Path to the PEM-formatted root CA key to use for the new cluster"),
        Flag(name="cert-expiry", kind="duration", help="Validity period for node certificates (ns|us|ms|s|m|h)"),
        Flag(name="detach", short="d", help="Exit immediately instead of waiting for the root rotation to converge"),
        EXTERNAL,
        Flag(name="quiet", short="q", help="Suppress progress output"),
        Flag(name="rotate", help="Rotate the swarm CA - if no certificate or key are provided, new ones will be generated"),
    ),
)


def run(context: Context, options: Options) -> int:
    swarm = context.engine.swarm
    change = _change(options)
    cluster = context.run(swarm.inspect())
    if options.on("rotate"):
        _check(options, change)
        context.run(swarm.update(change))
        if options.on("detach"):
            return 0
        if not options.on("quiet"):
            print("desired root digest is on its way to every node", file=context.err, flush=True)
        while (cluster := context.run(swarm.inspect())).rotating:
            time.sleep(POLL)
        if options.on("quiet"):
            return 0
    else:
        for name in _WITH_ROTATE:
            if options.has(name):
                raise InvalidArgument(f"`--{name}` flag requires the `--rotate` flag to update the CA")
    print(cluster.trust_root.strip(), file=context.out)
    return 0


def _change(options: Options) -> ClusterChange:
    return ClusterChange(
        rotate_root=True,
        certificate_expiry=seconds(options, "cert-expiry"),
        root_certificate=pem(options, "ca-cert"),
        root_key=pem(options, "ca-key"),
        external=external(options),
    )


def _check(options: Options, change: ClusterChange) -> None:
    """Who is to sign must have a certificate, and one's own certificate somebody who signs."""
    if change.external and not options.has("ca-cert"):
        raise InvalidArgument(
            "rotating to an external CA requires the `--ca-cert` flag to specify the external CA's cert - "
            "to add an external CA with the current root CA certificate, use the `update` command instead"
        )
    if options.has("ca-cert") and not change.external and not options.has("ca-key"):
        raise InvalidArgument("the --ca-cert flag requires that a --ca-key flag and/or --external-ca flag be provided as well")
