"""Files of Debian packages, unpacked beside the tests and not installed. Standard library, ``apt-get`` and ``dpkg-deb`` only."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import tempfile


def unpack(directory: str, *packages: str) -> None:
    """Download packages and unpack them together as ``directory``, which is replaced whole.

    Raises:
        RuntimeError: apt has no such package, or could not download it.
    """
    with tempfile.TemporaryDirectory(prefix="longshore-package-") as temporary:
        run("apt-get", "-qq", "download", *packages, cwd=temporary)
        for half in (directory, f"{directory}.new"):
            shutil.rmtree(half, ignore_errors=True)
        for archive in glob.glob(f"{temporary}/*.deb"):
            run("dpkg-deb", "-x", archive, f"{directory}.new", cwd=temporary)
        os.rename(f"{directory}.new", directory)


def run(*command: str, cwd: str) -> str:
    """What a command that must succeed prints. Raises RuntimeError."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()}; .ci/run fetches the package after apt-get update")
    return done.stdout
