"""Kernel parameters of the container's namespaces.

They are written one by one through the container's own, still private procfs, by a path that may cross no link and no mount, so
that nothing in the image can turn a write to another file (CVE-2025-52881); and only parameters that a namespace keeps to
itself are allowed (CVE-2022-0811).
"""

from __future__ import annotations

import os
from collections.abc import Container, Mapping

from engine.errors import InvalidArgument, StartFailed
from engine.linux import paths
from engine.linux.syscalls import reason

_IPC = frozenset({"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax"})
_IPC_MORE = frozenset({"kernel.shmmni", "kernel.shm_rmid_forced"})


def normalise(key: str) -> str:
    """``net/ipv4/ip_forward`` as ``net.ipv4.ip_forward``: with the separator that comes first, as sysctl(8) reads it.

    Raises:
        InvalidArgument: empty parts, or characters that no parameter has.
    """
    slash, dot = key.find("/"), key.find(".")
    if slash >= 0 and (dot < 0 or slash < dot):
        key = "".join({"/": ".", ".": "/"}.get(letter, letter) for letter in key)
    parts = key.replace("/", ".").split(".")
    if not all(parts) or not all(letter.isalnum() or letter in "._-/:" for letter in key):
        raise InvalidArgument(f"invalid sysctl {key!r}")
    return key


def validate(sysctls: Mapping[str, str], private: Container[str]) -> dict[str, str]:
    """The parameters with normalised keys, all of which belong to one of the ``private`` namespaces (OCI types).

    Raises:
        InvalidArgument: a parameter that is the host's, or a value with a line break.
    """
    out = {}
    for given, value in sysctls.items():
        key = normalise(given)
        if "\n" in value or "\0" in value:
            raise InvalidArgument(f"sysctl {given!r}: the value has a line break")
        if key in _IPC or key in _IPC_MORE or key.startswith("fs.mqueue."):
            needed = "ipc"
        elif key.startswith("net."):
            needed = "network"
        elif key == "kernel.domainname":
            needed = "uts"
        else:
            raise InvalidArgument(f'sysctl "{given}" is not in a separate kernel namespace')
        if needed not in private:
            raise InvalidArgument(f'sysctl "{given}" is not allowed as the container shares the {needed} namespace')
        out[key] = value
    return out


def write(proc: int, sysctls: Mapping[str, str]) -> None:
    """Write them through the procfs whose root ``proc`` is.

    Raises:
        StartFailed: the kernel has no such parameter or refuses the value.
    """
    for key, value in sysctls.items():
        path = "sys/" + "".join({"/": ".", ".": "/"}.get(letter, letter) for letter in key)
        try:
            fd = paths.open_beneath(proc, path, os.O_WRONLY)
            try:
                os.write(fd, value.encode())
            finally:
                os.close(fd)
        except OSError as error:
            raise StartFailed(f"write sysctl key {key}: open /proc/{path}: {reason(error)}") from None
