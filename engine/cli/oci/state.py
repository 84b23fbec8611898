"""``longshore oci state``"""

from __future__ import annotations

from engine.cli.flags import Options, Spec
from engine.cli.oci.main import Globals
from engine.oci import lifecycle
from engine.oci.state import container
from engine.store import codec

SPEC = Spec(usage="CONTAINER", summary="Print the state of a container", least=1, most=1)


def run(given: Globals, options: Options) -> int:
    # A line a member, as runc prints it; without json, whose import would take longer than the rest.
    members = lifecycle.state_of(container(given.root, options.args[0])).items()
    print("{\n" + ",\n".join(f'  "{name}": {codec.dumps(value)}' for name, value in members) + "\n}")
    return 0
