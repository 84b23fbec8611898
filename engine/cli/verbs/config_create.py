"""``longshore config create``"""

from __future__ import annotations

from engine.cli.container_options import labels
from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.swarm import content
from engine.model.swarm import SwarmFileSpec

SPEC = Spec(
    usage="[OPTIONS] CONFIG file|-",
    summary="Create a config from a file or STDIN",
    flags=(
        Flag(name="label", short="l", kind="list", help="Config labels"),
        Flag(name="template-driver", kind="string", help="Template driver"),
    ),
    least=2,
    most=2,
)
LIMIT = 1000 * 1024
"""Bytes that a config can have (swarmkit, ``manager/controlapi/config.go``)."""


def run(context: Context, options: Options) -> int:
    name, path = options.args
    spec = SwarmFileSpec(
        name=name,
        data=content(path, noun="config", limit=LIMIT),
        labels=labels(options.values("label")),
        template_driver=options.text("template-driver"),
    )
    print(context.run(context.engine.swarm.configs.create(spec)), file=context.out)
    return 0
