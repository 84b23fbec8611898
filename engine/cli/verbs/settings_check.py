"""``longshore settings check``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.screen import one_line
from engine.errors import InvalidArgument

SPEC = Spec(usage="[FILE]", summary="Check the settings file: mistakes with their lines, keys that hide one another, faint colours", most=1)


def run(context: Context, options: Options) -> int:
    """0 when everything is taken, else 1."""
    from engine.registry.settings import load
    from tui.checkup import check

    path = options.args[0] if options.args else context.options.config
    found = check(path)
    errors = list(found.errors)
    if not any("no valid TOML" in error for error in errors):
        try:
            load(path)
        except InvalidArgument as error:
            errors.append(f"{error.message}{f' ({error.hint})' if error.hint else ''}")
    for each in errors:
        print(f"error: {one_line(each)}", file=context.out)
    for note in found.notes:
        print(f"note: {one_line(note)}", file=context.out)
    if not errors:
        print(f"{found.path}: {'no mistakes' if found.exists else 'not there, so everything has its default'}", file=context.out)
    return 1 if errors else 0
