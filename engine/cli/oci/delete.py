"""``longshore oci delete``"""

from __future__ import annotations

from engine.cli.flags import Flag, Options, Spec
from engine.cli.oci.main import Globals
from engine.oci import lifecycle
from engine.oci.state import container

SPEC = Spec(
    usage="[OPTIONS] CONTAINER",
    summary="Delete what a container held",
    flags=(Flag(name="force", short="f", help="Kill it first when it runs; a container that is not there is no error"),),
    least=1,
    most=1,
    interspersed=False,
)


def run(given: Globals, options: Options) -> int:
    lifecycle.delete(container(given.root, options.args[0]), force=options.on("force"))
    return 0
