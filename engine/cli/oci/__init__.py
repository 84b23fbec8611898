"""``longshore oci VERB``, also installed as ``longshore-oci``: the command line of runc for any OCI bundle.

podman, CRI-O and containerd want one executable (``podman --runtime /path/to/longshore-oci``), so there is a console script of its
own. Looking at ``argv[0]`` instead would need a symbolic link that pip can not install, and would cost every other verb the look.

A verb is a module here with ``SPEC`` and ``run(globals, options)``; :mod:`engine.cli.oci.main` knows their names.
"""

from __future__ import annotations

import sys

ENTERING = frozenset({"create", "run", "exec"})
"""Verbs with a process that becomes part of a container: run from a sealed copy of the interpreter."""


def entry() -> None:
    """What the ``longshore-oci`` script calls. Does not return.

    A command line that has the word of such a verb anywhere starts over at once: what reads it properly would be loaded twice.
    """
    words = sys.argv[1:]
    if not ENTERING.isdisjoint(words):
        from engine.cli.oci.sealing import seal

        seal(words)
    from engine.cli.oci.main import finish

    finish(words)
