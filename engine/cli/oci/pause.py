"""``longshore oci pause``"""

from __future__ import annotations

from engine.cli.flags import Options, Spec
from engine.cli.oci.main import Globals
from engine.oci import lifecycle
from engine.oci.state import container

SPEC = Spec(usage="CONTAINER", summary="Stop every process of a container from running", least=1, most=1)


def run(given: Globals, options: Options) -> int:
    lifecycle.freeze(container(given.root, options.args[0]), on=True)
    return 0
