"""``longshore version``"""

from __future__ import annotations

import json
import platform

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.gotemplate import Template
from engine.model.version import API_VERSION, VERSION

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Show the version information",
    flags=(Flag(name="format", short="f", kind="string", help="Format output with a Go template, or 'json'"),),
)


def run(context: Context, options: Options) -> int:
    version = context.run(context.engine.system.version())
    client = {"Version": VERSION, "ApiVersion": API_VERSION, "Os": "linux", "Arch": platform.machine(), "Python": platform.python_version()}
    form = options.text("format")
    if form:
        data = {"Client": client, "Server": json.loads(version.raw)}
        print(Template("{{json .}}" if form == "json" else form).render(data), file=context.out)
        return 0
    print(f"Client: Longshore\n Version:           {VERSION}\n Python:            {client['Python']}", file=context.out)
    print(f" OS/Arch:           linux/{client['Arch']}\n\nServer: {version.engine}", file=context.out)
    print(f" Version:           {version.version}\n API version:       {version.api_version}", file=context.out)
    print(f" OS/Arch:           {version.os}/{version.architecture}\n Kernel:            {version.kernel}", file=context.out)
    return 0
