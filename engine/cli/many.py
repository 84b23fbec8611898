"""Verbs that do one thing to each of several objects."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from engine.cli.context import Context
from engine.cli.main import print_error
from engine.errors import LongshoreError, NotModified


def each(context: Context, names: Iterable[str], action: Callable[[str], Coroutine[Any, Any, Any]]) -> int:
    """Do ``action`` to each name and print the name; errors are printed and the rest goes on. 1 if any failed."""
    code = 0
    for name in names:
        try:
            context.run(action(name))
        except NotModified:
            pass
        except LongshoreError as error:
            context.out.flush()
            print_error(error)
            code = 1
            continue
        print(name, file=context.out, flush=True)
    return code
