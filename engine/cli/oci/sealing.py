"""Start over from a sealed copy of the interpreter, for what becomes part of a container (CVE-2019-5736).

See :mod:`engine.spawner.interpreter`. Costs one more start of an interpreter without ``site``, some 15 ms.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from engine.spawner import interpreter

_CODE = "import sys; sys.path.insert(0, sys.argv.pop(1)); from engine.cli.oci import entry; entry()"


def sealed() -> bool:
    """This process runs from a sealed copy."""
    return os.readlink("/proc/self/exe").startswith("/memfd:longshore")


def seal(words: Sequence[str]) -> None:
    """Run the command line ``words`` from a sealed copy, unless we do already. Does not return then.

    Raises:
        EngineFault: there is no memory for it.
    """
    if sealed():
        return
    path = interpreter.interpreter_path()
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    library = interpreter.library_directory()
    env = {**os.environ, "LD_LIBRARY_PATH": library} if library else dict(os.environ)
    image = interpreter.sealed_copy(path)
    # Not inherited: the interpreter is a binary, so the kernel has it open before the descriptor closes.
    os.execve(image, [path, "-I", "-S", "-X", "utf8", "-c", _CODE, here, *words], env)  # noqa: S606  (our own interpreter)
