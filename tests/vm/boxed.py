"""Inside the virtual machine: be the ``longshore`` of a container, whose own control group is the root that it sees."""

from __future__ import annotations

import os

from engine.cli.main import entry
from engine.linux import namespaces, syscalls

ROOT = "/sys/fs/cgroup"

if __name__ == "__main__":
    syscalls.unshare(namespaces.FLAGS["mount"] | namespaces.FLAGS["cgroup"])
    os.system(f"busybox mount --make-rprivate / && busybox umount {ROOT} && busybox mount -t cgroup2 cgroup {ROOT}")
    entry()
