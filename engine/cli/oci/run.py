"""``longshore oci run``"""

from __future__ import annotations

from engine.cli.flags import Flag, Options, Spec
from engine.cli.oci.create import FLAGS, create_options
from engine.cli.oci.main import Globals
from engine.oci import lifecycle
from engine.oci.state import container

SPEC = Spec(
    usage="[OPTIONS] CONTAINER",
    summary="Create a container and run its program",
    flags=(
        *FLAGS,
        Flag(name="detach", short="d", help="Come back when the program runs"),
        Flag(name="keep", help="Do not delete the container when it has ended"),
    ),
    least=1,
    most=1,
    interspersed=False,
)


def run(given: Globals, options: Options) -> int:
    target = container(given.root, options.args[0])
    if options.on("detach"):
        lifecycle.create(target, create_options(options))
        lifecycle.start(target)
        return 0
    return lifecycle.run(target, create_options(options), keep=options.on("keep"))
