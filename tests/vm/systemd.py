"""What the machine's disk has of systemd: the installed one, as few of its units as a boot needs, and the README's unit for Longshore."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.vm.kernel import ROOT

INIT = "/lib/systemd/systemd"
_PROGRAMS = (INIT, "/bin/systemctl", "/usr/bin/systemd-run", "/lib/systemd/systemd-shutdown", "/bin/mount", "/bin/umount")
_UNITS = "/lib/systemd/system"
_TARGETS = (
    "basic final local-fs multi-user network network-online paths poweroff reboot shutdown slices sockets swap sysinit timers umount"
).split()
_SESSION = (
    *(f"{_UNITS}/{name}" for name in ("user.slice", "user@.service")),
    *(f"/usr/lib/systemd/user/{name}.target" for name in ("basic", "default", "exit", "paths", "shutdown", "sockets", "timers")),
    *(f"/usr/lib/systemd/user/{name}" for name in ("app.slice", "systemd-exit.service")),
)
"""What a user's manager is made of."""
_OWN = "/etc/systemd/system"


def install(tree: Path, python: str, copy: Callable[[str], None], libraries: Callable[[Sequence[str]], Sequence[str]]) -> None:
    """Put it into ``tree``.

    Raises:
        RuntimeError: there is no systemd here to copy.
    """
    if not os.path.exists(INIT):
        raise RuntimeError(f"{INIT} is missing; .ci/run installs it with the package systemd")
    for program in _PROGRAMS:
        if os.path.exists(program):
            copy(program)
    for library in libraries([program for program in _PROGRAMS if os.path.exists(program)]):
        copy(library)
    for name in _TARGETS:
        copy(f"{_UNITS}/{name}.target")
    for path in _SESSION:
        copy(path)
    own = Path(f"{tree}{_OWN}")
    (own / "multi-user.target.wants").mkdir(parents=True)
    os.symlink(f"{_UNITS}/multi-user.target", own / "default.target")
    for name, text in _units(python).items():
        (own / name).parent.mkdir(exist_ok=True)
        (own / name).write_text(text)
    for name in ("longshore.service", "boots.service"):
        os.symlink(f"{_OWN}/{name}", own / f"multi-user.target.wants/{name}")
    (tree / "usr/local/bin").mkdir(parents=True)
    verb = tree / "usr/local/bin/longshore"
    verb.write_text(f'#!/bin/sh\nexport PYTHONPATH=/longshore:/packages HOME=/root\nexec {python} -m engine.cli "$@"\n')
    verb.chmod(0o755)
    (tree / "etc/machine-id").write_text(f"{'5' * 32}\n")


def readme_unit() -> str:
    """The unit that the README shows."""
    with open(f"{ROOT}/README.md", encoding="utf-8") as file:
        found = re.search(r"```ini\n(\[Unit\]\n.*?)```", file.read(), re.DOTALL)
    assert found is not None, "the README shows a unit"
    return found[1]


def _units(python: str) -> dict[str, str]:
    loads = "while read module; do busybox insmod /modules/$module; done </modules/order"
    return {
        "modules.service": _service(f"/bin/busybox sh -c '{loads}'", "DefaultDependencies=no", "RemainAfterExit=yes"),
        "longshore.service": readme_unit(),
        "limited.service": _service(
            "/bin/busybox true", "MemoryMax=64M", "CPUWeight=50", "TasksMax=20", "IOWeight=50", "RemainAfterExit=yes"
        ),
        # Of logging in there is neither PAM nor logind, which make the directory and say where it is.
        "user-runtime-dir@.service": _service(
            "/bin/busybox sh -c 'mkdir -p /run/user && mkdir -m 700 /run/user/%i && chown %i:%i /run/user/%i'",
            "ExecStop=/bin/busybox rm -rf /run/user/%i",
            "RemainAfterExit=yes",
        ),
        "user@.service.d/session.conf": "[Service]\nPAMName=\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n",
        "boots.service": _service(
            f"{python} -m tests.vm.boots /dev/ttyS1",
            "StandardOutput=tty",
            "StandardError=tty",
            "TTYPath=/dev/ttyS0",
            "TimeoutStartSec=infinity",
            "Environment=PYTHONPATH=/longshore:/packages HOME=/root PATH=/bin:/sbin LONGSHORE_TEST_PATIENCE=4",
            after="longshore.service",
        ),
    }


def _service(command: str, *lines: str, after: str = "") -> str:
    unit = [line for line in lines if line.startswith("DefaultDependencies")]
    order = ["Requires=modules.service", "After=modules.service", f"After={after}"] if after else []
    rest = "\n".join(line for line in lines if line not in unit)
    return "\n".join(("[Unit]", *unit, *order, "[Service]", "Type=oneshot", f"ExecStart={command}", rest, ""))


def copier(tree: Path) -> Callable[[str], None]:
    """Copies a file of this machine to its place in ``tree``; links are followed."""

    def copy(path: str) -> None:
        target = Path(f"{tree}{path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy2(path, target)

    return copy
