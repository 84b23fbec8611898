"""``longshore volume create``"""

from __future__ import annotations

from engine.cli.container_options import labels, pairs
from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.model.volumes import VolumeSpec

SPEC = Spec(
    usage="[OPTIONS] [VOLUME]",
    summary="Create a volume",
    flags=(
        Flag(name="driver", short="d", kind="string", help="Specify volume driver name", default="local", completes="volume-driver"),
        Flag(name="label", kind="list", help="Set metadata for a volume"),
        Flag(name="opt", short="o", kind="list", help="Set driver specific options"),
    ),
    most=1,
)


def run(context: Context, options: Options) -> int:
    spec = VolumeSpec(
        name=options.args[0] if options.args else "",
        driver=options.text("driver"),
        options=pairs(options.values("opt")),
        labels=labels(options.values("label")),
    )
    print(context.run(context.engine.volumes.create(spec)).name, file=context.out)
    return 0
