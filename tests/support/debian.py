"""Files of Debian packages, unpacked beside the tests and not installed. Standard library, ``apt-get`` and ``dpkg-deb`` only.

They are those of the release that runs, or of another one: apt reads such a one's list from a directory of its own, so that nothing
that is installed ever comes from there.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import tempfile

_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"


class Release:
    """Another release of Debian, from the same archive. ``directory`` is made, and filled with what apt keeps of it.

    Raises:
        RuntimeError: no archive of Debian's is set up, or it has no such release.
    """

    def __init__(self, name: str, directory: str) -> None:
        for part in ("lists/partial", "cache/archives/partial"):
            os.makedirs(f"{directory}/{part}")
        found = run("apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages", cwd="/").splitlines()
        archives = [line.partition(" ")[2] for line in found if line.startswith("Debian ")]
        if not archives:
            raise RuntimeError("apt has no list of Debian's own archive")
        with open(f"{directory}/sources.list", "w", encoding="utf-8") as file:
            file.write(f"deb [signed-by={_KEYS}] {archives[0]} {name} main\n")
        places = {"Etc::SourceList": "sources.list", "State::Lists": "lists", "Cache": "cache"}
        self.options = ["-o", "Dir::Etc::SourceParts=/dev/null", "-o", "Acquire::Languages=none"]
        for place, path in places.items():
            self.options += ["-o", f"Dir::{place}={directory}/{path}"]
        run("apt-get", *self.options, "-qq", "update", cwd="/")


def unpack(directory: str, *packages: str, release: Release | None = None) -> None:
    """Download packages and unpack them together as ``directory``, which is replaced whole.

    Raises:
        RuntimeError: apt has no such package, or could not download it.
    """
    with tempfile.TemporaryDirectory(prefix="longshore-package-") as temporary:
        run("apt-get", *(release.options if release else ()), "-qq", "download", *packages, cwd=temporary)
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
