"""Clients written for Node.js, installed beside the tests by npm: ``python3 -m tests.support.npm`` brings those that the tests drive.

No package's own scripts run. Standard library and ``npm`` only.
"""

from __future__ import annotations

import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODULES = os.path.join(ROOT, ".venv-npm", "node_modules")
PACKAGES = ("dockerode@5.0.1",)
"""Each in the version that the tests were written for."""


def fetch() -> str:
    """The directory that ``NODE_PATH`` names, filled where it is not yet. Raises RuntimeError."""
    directory = os.path.dirname(MODULES)
    wanted = "\n".join(PACKAGES)
    stamp = os.path.join(directory, "packages")
    if os.path.isfile(stamp):
        with open(stamp, encoding="ascii") as file:
            if file.read() == wanted:
                return MODULES
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    npm = ["npm", "install", "--prefix", directory, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    npm += ["--fetch-retries=2", "--fetch-timeout=60000", *PACKAGES]  # a registry that does not answer is an error soon
    done = subprocess.run(npm, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"npm install failed: {done.stderr.strip()}")
    with open(stamp, "w", encoding="ascii") as file:
        file.write(wanted)
    return MODULES


if __name__ == "__main__":
    print(fetch())
