"""``longshore oci resume``"""

from __future__ import annotations

from engine.cli.flags import Options, Spec
from engine.cli.oci.main import Globals
from engine.oci import lifecycle
from engine.oci.state import container

SPEC = Spec(usage="CONTAINER", summary="Let the processes of a paused container run", least=1, most=1)


def run(given: Globals, options: Options) -> int:
    lifecycle.freeze(container(given.root, options.args[0]), on=False)
    return 0
