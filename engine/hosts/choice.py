"""Which engine a command line means when several things could say so.

::

    --host, --context  >  LONGSHORE_HOST  >  DOCKER_HOST  >  DOCKER_CONTEXT  >  longshore hosts use NAME  >  the embedded engine

As in docker's command line, what stands nearer wins, and ``--host`` with ``--context`` is an error (docker/cli, cli/command,
resolveContextName). Docker's own current context, ``docker context use``, does not come into it by itself: that somebody told
docker to talk to another machine must not move Longshore's containers there. ``--host docker`` follows it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from engine.errors import InvalidArgument
from engine.hosts.book import Book
from engine.model.hosts import EMBEDDED


def chosen(host: str = "", context: str = "", root: str = "", environ: Mapping[str, str] = os.environ) -> str:
    """The host to talk to, ``""`` for the embedded engine: what :func:`engine.connect.connect` takes.

    Args:
        host, context: of the command line.
        root: a state root that was named, which only the embedded engine has.

    Raises:
        InvalidArgument: host and context are both given.
        CorruptData: the file of added hosts can not be read.
    """
    if host and context:
        raise InvalidArgument("conflicting options: cannot specify both --host and --context")
    if host or context:
        return host or context
    if own := environ.get("LONGSHORE_HOST", ""):
        return own
    if root:
        return ""
    found = environ.get("DOCKER_HOST", "") or environ.get("DOCKER_CONTEXT", "") or Book().current
    return "" if found == EMBEDDED else found


def overruled(environ: Mapping[str, str] = os.environ) -> str:
    """The environment variable that wins over ``longshore hosts use``, ``""`` when none is set."""
    return next((name for name in ("LONGSHORE_HOST", "DOCKER_HOST", "DOCKER_CONTEXT") if environ.get(name)), "")
