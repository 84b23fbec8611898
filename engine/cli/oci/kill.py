"""``longshore oci kill``"""

from __future__ import annotations

from engine.cli.flags import Flag, Options, Spec
from engine.cli.oci.main import Globals
from engine.oci import lifecycle
from engine.oci.state import container
from engine.supervisor.signals import parse

SPEC = Spec(
    usage="[OPTIONS] CONTAINER [SIGNAL]",
    summary="Send a signal to a container's first process",
    flags=(Flag(name="all", short="a", help="Send it to every process of the container"),),
    least=1,
    most=2,
    interspersed=False,
)


def run(given: Globals, options: Options) -> int:
    name, signal = (*options.args, "SIGTERM")[:2]
    lifecycle.kill(container(given.root, name), parse(signal), everyone=options.on("all"))
    return 0
