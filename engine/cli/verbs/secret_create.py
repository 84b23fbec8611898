"""``longshore secret create``"""

from __future__ import annotations

from engine.cli.container_options import labels
from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.swarm import content
from engine.errors import InvalidArgument
from engine.model.swarm import SwarmFileSpec

SPEC = Spec(
    usage="[OPTIONS] SECRET [file|-]",
    summary="Create a secret from a file or STDIN as content",
    flags=(
        Flag(name="driver", short="d", kind="string", help="Secret driver"),
        Flag(name="label", short="l", kind="list", help="Secret labels"),
        Flag(name="template-driver", kind="string", help="Template driver"),
    ),
    least=1,
    most=2,
)
LIMIT = 500 * 1024
"""Bytes that a secret can have (swarmkit, ``api/validation/secrets.go``)."""


def run(context: Context, options: Options) -> int:
    name, path, driver = options.args[0], "".join(options.args[1:]), options.text("driver")
    if driver and path:
        raise InvalidArgument("when using secret driver secret data must be empty")
    spec = SwarmFileSpec(
        name=name,
        data=b"" if driver else content(path, noun="secret", limit=LIMIT),
        labels=labels(options.values("label")),
        driver=driver,
        template_driver=options.text("template-driver"),
    )
    print(context.run(context.engine.swarm.secrets.create(spec)), file=context.out)
    return 0
