"""``longshore settings schema``"""

from __future__ import annotations

import json

from engine.cli.context import Context
from engine.cli.flags import Options, Spec

SPEC = Spec(usage="", summary="Print the JSON Schema of the settings file, for editors that complete and check TOML")

_REGISTRY = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "mirrors": {"type": "array", "items": {"type": "string"}, "description": "registries that are asked first"},
        "insecure": {"type": "boolean", "description": "plain HTTP or an unknown certificate"},
    },
}


def run(context: Context, options: Options) -> int:
    from tui.settings_table import TABLE

    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Longshore's config.toml",
        "type": "object",
        "properties": {
            "registries": {"type": "object", "additionalProperties": _REGISTRY, "description": "registries, by host and port"},
            "tui": TABLE.schema(),
        },
    }
    print(json.dumps(schema, indent=2, ensure_ascii=False), file=context.out)
    return 0
