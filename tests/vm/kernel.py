"""The kernel of the virtual machine, and what compiles policies for its security modules: Debian's packages, unpacked and not installed.

``python3 -m tests.vm.kernel`` fetches them; it needs the standard library, ``apt-get`` and ``dpkg-deb`` only. Installing them would
build an initramfs, run boot loader hooks, and load AppArmor profiles on the machine that tests.
"""

from __future__ import annotations

import glob
import os
import re
from typing import NamedTuple

from tests.support.debian import run, unpack

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(ROOT, ".venv-vm")
PACKAGE = "linux-image-cloud-amd64"
TOOLS = {"apparmor": "sbin/apparmor_parser", "secilc": "usr/bin/secilc"}
"""Packages, and the program that we want of each."""


class Kernel(NamedTuple):
    """An unpacked kernel package: its image and the directory of its modules; and the tools, which are unpacked beside it."""

    image: str
    modules: str

    def tool(self, package: str) -> str:
        """Path of a program of :data:`TOOLS`."""
        return f"{CACHE}/{TOOLS[package]}"


def find() -> Kernel | None:
    """The one in the cache."""
    images = sorted(glob.glob(f"{CACHE}/boot/vmlinuz-*"))
    if not images or not all(os.path.exists(f"{CACHE}/{path}") for path in TOOLS.values()):
        return None
    version = os.path.basename(images[-1]).removeprefix("vmlinuz-")
    modules = next(path for path in (f"{CACHE}/lib/modules/{version}", f"{CACHE}/usr/lib/modules/{version}") if os.path.isdir(path))
    return Kernel(images[-1], modules)


def fetch() -> Kernel:
    """The one in the cache, which is downloaded first where there is none.

    Raises:
        RuntimeError: apt has no such package, or could not download it.
    """
    found = find()
    if found is not None:
        return found
    unpack(CACHE, _newest(), *TOOLS)
    found = find()
    assert found is not None
    return found


def _newest() -> str:
    """The package with the kernel in it, which :data:`PACKAGE` only names."""
    said = run("apt-cache", "depends", PACKAGE, cwd="/")
    named = re.search(r"Depends: (linux-image-\S+)", said)
    if named is None:
        raise RuntimeError(f"apt does not say which kernel {PACKAGE} is: run apt-get update")
    return named[1]


if __name__ == "__main__":
    print(fetch().image)
