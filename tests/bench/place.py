"""Where everything is measured: a loop-mounted ext4 with a journal.

On a root file system without a journal recently deleted inodes make every create slow and falsify all numbers.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

from tests.support.wait import until

SIZE = 24 << 30


def sh(*words: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    """Run a command; its output is kept, a failure raises."""
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=True, **options)  # type: ignore[call-overload,no-any-return]


@contextlib.contextmanager
def disk() -> Iterator[str]:
    """A fresh ext4, mounted; gone afterwards."""
    folder = tempfile.mkdtemp(prefix="longshore-bench-", dir="/var/tmp")
    image, mount = f"{folder}/disk", f"{folder}/mnt"
    os.mkdir(mount)
    with open(image, "wb") as file:
        file.truncate(SIZE)
    try:
        sh("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)
        sh("mount", "-o", "loop", image, mount)
        try:
            yield mount
        finally:
            # What engines mount inside (podman its storage) would keep the loop device.
            with open("/proc/self/mountinfo", encoding="utf-8") as file:
                inside = [line.split(" ")[4] for line in file if line.split(" ")[4].startswith(f"{mount}/")]
            for point in sorted(inside, key=len, reverse=True):
                sh("umount", "-l", point)
            until(lambda: subprocess.run(["umount", mount], capture_output=True, check=False).returncode == 0, what=f"the end of {mount}")
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def namespace(name: str) -> Iterator[str]:
    """A network namespace with ``lo`` up, for a dockerd that must not touch the host's rules."""
    sh("ip", "netns", "add", name)
    try:
        sh("ip", "-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        sh("ip", "netns", "del", name)
