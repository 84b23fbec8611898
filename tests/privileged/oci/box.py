"""Bundles, and ``longshore-oci`` as a program that runs them: nothing here calls the code under test in this process."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.images import busybox_layer
from tests.support.wait import until

PROGRAM = [sys.executable, "-c", "from engine.cli.oci import entry; entry()"]
"""What the console script ``longshore-oci`` runs."""


def make_rootfs(path: Path) -> None:
    """busybox, unpacked."""
    with tarfile.open(fileobj=io.BytesIO(busybox_layer())) as tar:
        tar.extractall(path)
    for name in ("proc", "sys", "dev", "tmp"):
        (path / name).mkdir(exist_ok=True)


def wrapper(path: Path) -> Path:
    """An executable that is ``longshore-oci`` of this tree, with its state beside it: what ``podman --runtime`` is pointed at."""
    code = f'import sys; sys.path.insert(0, "{os.getcwd()}")\n{PROGRAM[2]}'
    path.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{code}' --root {path.parent}/state \"$@\"\n")
    path.chmod(0o755)
    return path


class Box:
    """A bundle that ``runc spec`` wrote, and a runtime root of its own."""

    def __init__(self, base: Path, rootfs: Path) -> None:
        self.bundle = base / "bundle"
        self.bundle.mkdir(parents=True)
        subprocess.run(["runc", "spec", "--bundle", self.bundle], check=True, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
        self.root = base / "run"
        self.spec: dict[str, Any] = json.loads((self.bundle / "config.json").read_text())
        self.spec["root"] = {"path": str(rootfs), "readonly": True}
        self.spec["process"] |= {"terminal": False, "rlimits": []}

    @property
    def process(self) -> dict[str, Any]:
        """``process`` of the configuration."""
        process: dict[str, Any] = self.spec["process"]
        return process

    @property
    def linux(self) -> dict[str, Any]:
        """``linux`` of the configuration."""
        linux: dict[str, Any] = self.spec["linux"]
        return linux

    def write(self, *args: str) -> None:
        """Save ``config.json``, with that program if one is given."""
        if args:
            self.process["args"] = list(args)
        (self.bundle / "config.json").write_text(json.dumps(self.spec))

    def call(self, *words: str, flags: tuple[str, ...] = (), **more: Any) -> subprocess.CompletedProcess[str]:
        """Run the runtime's command line."""
        argv = [*PROGRAM, "--root", str(self.root), *flags, *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, **more)

    def ok(self, *words: str, **more: Any) -> str:
        """The same where it must succeed: its standard output."""
        done = self.call(*words, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create(self, name: str, *args: str, options: tuple[str, ...] = (), **more: Any) -> Path:
        """Create a container of the configuration as it is now; where its output goes comes back."""
        self.write(*args)
        output = self.bundle.parent / f"{name}.out"
        with open(output, "wb") as file:
            argv = [*PROGRAM, "--root", str(self.root), "create", *options, "--bundle", str(self.bundle), name]
            done = subprocess.run(argv, stdout=file, stderr=file, stdin=subprocess.DEVNULL, timeout=60, check=False, **more)
        assert done.returncode == 0, output.read_text()
        return output

    def run_detached(self, name: str, stdio: Any) -> None:
        """``run --detach``, with somewhere for what it writes."""
        argv = [*PROGRAM, "--root", str(self.root), "run", "--detach", "--bundle", str(self.bundle), name]
        subprocess.run(argv, stdin=stdio, stdout=stdio, stderr=stdio, timeout=60, check=True)

    def state(self, name: str) -> dict[str, Any]:
        """What ``state`` says."""
        state: dict[str, Any] = json.loads(self.ok("state", name))
        return state

    def finish(self, name: str) -> None:
        """Wait for its end, and delete it."""
        until(lambda: self.state(name)["status"] == "stopped", what=f"the end of {name}")
        self.ok("delete", name)

    def run(self, *args: str, name: str = "c") -> str:
        """Create, start and delete: what it wrote."""
        output = self.create(name, *args)
        self.ok("start", name)
        self.finish(name)
        return output.read_text()

    def clean(self) -> None:
        """Delete whatever is left."""
        for name in os.listdir(self.root) if self.root.is_dir() else ():
            self.call("delete", "--force", name)


def hook(*argv: str, env: Mapping[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """A hook that runs a shell script."""
    return {"path": "/bin/sh", "args": ["sh", "-c", *argv], "env": [f"{key}={value}" for key, value in (env or {}).items()], **more}
