"""``longshore oci spec``"""

from __future__ import annotations

import json
import os

from engine.cli.flags import Flag, Options, Spec
from engine.cli.oci.main import Globals
from engine.errors import Conflict
from engine.oci.template import template

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Write a config.json to start from",
    flags=(Flag(name="bundle", short="b", kind="string", help="Directory of the bundle, the current one by default"),),
)


def run(given: Globals, options: Options) -> int:
    path = os.path.join(options.text("bundle") or ".", "config.json")
    try:
        with open(path, "x", encoding="utf-8") as file:
            json.dump(template(), file, indent=2)
            file.write("\n")
    except FileExistsError:
        raise Conflict(f"{path} exists", hint="remove it first") from None
    return 0
