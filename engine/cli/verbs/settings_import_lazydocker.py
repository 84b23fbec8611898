"""``longshore settings import-lazydocker``"""

from __future__ import annotations

import os

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.errors import NotFound

SPEC = Spec(
    usage="[OPTIONS] [FILE]",
    summary="Translate lazydocker's config.yml into settings, and say what became of each line",
    flags=(Flag(name="write", short="w", help="Write the settings file, where there is none yet, instead of printing it"),),
    most=1,
)


def run(context: Context, options: Options) -> int:
    """0 also when some keys have no counterpart: the report says which."""
    from tui.config import default_path
    from tui.lazydocker.settings import default_paths, existing_path, import_file
    from tui.lazydocker.writing import write_new

    path = options.args[0] if options.args else existing_path()
    if not path:
        raise NotFound("there is no config.yml of lazydocker", hint=f"looked for: {', '.join(default_paths())}")
    found = import_file(path)
    for line in found.told:
        print(f"{path}:{line}", file=context.err)
    text = found.toml(os.path.abspath(path))
    if options.on("write"):
        written = write_new(context.options.config or default_path(), text)
        print(f"{written} is written", file=context.err)
    else:
        print(text, end="", file=context.out)
    return 0
