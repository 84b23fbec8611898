"""Verbs that do one thing to each of several objects."""

from __future__ import annotations

from collections.abc import Callable, Container, Coroutine, Iterable
from typing import Any

from engine.cli.context import Context
from engine.cli.main import print_error
from engine.errors import LongshoreError, NotModified


def each(context: Context, names: Iterable[str], action: Callable[[str], Coroutine[Any, Any, Any]], *, silent: Container[str] = ()) -> int:
    """Do ``action`` to each name and print the name; errors are printed and the rest goes on. 1 if any failed.

    What is in ``silent`` after the action is not printed.
    """
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
        if name not in silent:
            print(name, file=context.out, flush=True)
    return code
