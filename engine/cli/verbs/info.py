"""``longshore info``"""

from __future__ import annotations

import json

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.gotemplate import Template
from engine.model.units import bytes_size

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Display system-wide information",
    flags=(Flag(name="format", short="f", kind="string", help="Format output with a Go template, or 'json'"),),
)


def run(context: Context, options: Options) -> int:
    info = context.run(context.engine.system.info())
    form = options.text("format")
    if form:
        print(Template("{{json .}}" if form == "json" else form).render(json.loads(info.raw)), file=context.out)
        return 0
    lines = [
        ("Engine", f"{info.engine} {info.version}"),
        ("Address", context.engine.url),
        ("Containers", str(info.containers)),
        (" Running", str(info.running)),
        (" Paused", str(info.paused)),
        (" Stopped", str(info.stopped)),
        ("Images", str(info.images)),
        ("Storage Driver", info.storage_driver),
        ("Plugins", ""),
        (" Volume", " ".join(info.volume_drivers)),
        (" Network", " ".join(info.network_drivers)),
        (" Log", " ".join(info.log_drivers)),
        ("Cgroup Version", info.cgroup_version),
        ("Kernel Version", info.kernel),
        ("Operating System", info.operating_system),
        ("Architecture", info.architecture),
        ("CPUs", str(info.cpus)),
        ("Total Memory", bytes_size(info.memory)),
        ("Name", info.name),
        ("State Root", info.root),
        ("Security Options", ", ".join(option.removeprefix("name=").partition(",")[0] for option in info.security_options)),
    ]
    for title, value in lines:
        print(f"{title}: {value}".rstrip(), file=context.out)
    context.out.flush()
    for warning in info.warnings:
        print(f"WARNING: {warning}", file=context.err)
    return 0
