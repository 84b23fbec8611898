"""``longshore oci start``"""

from __future__ import annotations

from engine.cli.flags import Options, Spec
from engine.cli.oci.main import Globals
from engine.oci import lifecycle
from engine.oci.state import container

SPEC = Spec(usage="CONTAINER", summary="Run the program of a created container", least=1, most=1)


def run(given: Globals, options: Options) -> int:
    lifecycle.start(container(given.root, options.args[0]))
    return 0
