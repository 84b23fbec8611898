"""``longshore oci features``"""

from __future__ import annotations

import json

from engine.cli.flags import Options, Spec
from engine.cli.oci.main import Globals
from engine.oci.features import features

SPEC = Spec(usage="", summary="Print what this runtime can do")


def run(given: Globals, options: Options) -> int:
    print(json.dumps(features(), indent=2))
    return 0
