"""A sealed copy of the Python interpreter for everything that becomes, or enters, a container.

Between ``setns``/``pivot_root`` and ``execve`` our interpreter is visible inside the container as ``/proc/<pid>/exe``.
Were that the host's binary, a container could open it for writing and own the next start (CVE-2019-5736). So the
spawner is executed from a memfd with every seal set: writing to it fails with EPERM, and the host's file can not be
reached through it. The copy is made once per spawner.

Interpreters that are a small stub over a shared libpython (pyenv, uv, conda) find that library by ``$ORIGIN`` or by an absolute
run path. ``$ORIGIN`` of a memfd leads nowhere, so the directory of the library that *we* run with is handed on in
``LD_LIBRARY_PATH``. The library itself stays the host's file: ``/proc/<pid>/map_files`` can only be opened with
CAP_CHECKPOINT_RESTORE in the initial user namespace.
"""

from __future__ import annotations

import fcntl
import os
import sys

from engine.errors import EngineFault

_SEALS = 0x1 | 0x2 | 0x4 | 0x8
"""F_SEAL_SEAL, SHRINK, GROW and WRITE (fcntl(2))."""

_F_ADD_SEALS = 1033


def interpreter_path() -> str:
    """The interpreter's own file: not the symbolic link that a virtual environment puts before it."""
    return os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)


def sealed_copy(path: str) -> int:
    """A close-on-exec memfd with the content of ``path`` that nobody can change any more.

    Raises:
        EngineFault: no memory, or the file can not be read.
    """
    try:
        source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            target = os.memfd_create("longshore", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            try:
                left = os.fstat(source).st_size
                while left > 0:
                    sent = os.sendfile(target, source, None, left)
                    if not sent:
                        break
                    left -= sent
                os.fchmod(target, 0o500)
                fcntl.fcntl(target, _F_ADD_SEALS, _SEALS)
            except BaseException:
                os.close(target)
                raise
        finally:
            os.close(source)
    except OSError as error:
        raise EngineFault(f"cannot seal a copy of {path}: {error.strerror}") from error
    return target


def library_directory() -> str:
    """The directory of the shared libpython this process runs with, or ``""`` when it is linked in."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            path = line[73:].strip()
            if os.path.basename(path).startswith("libpython"):
                return os.path.dirname(path)
    return ""


def spawn(code: str, arguments: list[str], *, stderr: int) -> int:
    """Run ``code`` in a fresh, isolated interpreter from a sealed copy; its pid comes back.

    It gets no environment of ours, ``/dev/null`` as stdin and stdout, and its own session. ``posix_spawn`` uses vfork, so
    that a front end with threads may call this.

    Raises:
        EngineFault: the kernel refuses.
    """
    path = interpreter_path()
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1"}
    library = library_directory()
    if library:
        environment["LD_LIBRARY_PATH"] = library
    image = sealed_copy(path)
    try:
        return os.posix_spawn(
            f"/proc/self/fd/{image}",
            # argv[0] is the real path: the interpreter finds its standard library by it.
            [path, "-I", "-S", "-c", code, *arguments],
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, stderr, 2),
            ],
            setsid=True,
            setsigmask=[],
        )
    except OSError as error:
        raise EngineFault(f"cannot run the interpreter {path}: {error.strerror}") from error
    finally:
        os.close(image)
