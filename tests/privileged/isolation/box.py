"""Containers for the tests of the runtime: a busybox root file system, and a client of the runner process."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine import errors
from engine.model.containers import ContainerConfig, ExecConfig, HostConfig, Mount
from engine.runtime import spec as specs
from engine.runtime.host import DeviceNode, HostFacts, host_facts

BUSYBOX = shutil.which("busybox") or "/bin/busybox"


def make_rootfs(path: Path) -> Path:
    """A root file system: busybox with its applets, passwd and group."""
    for name in ("bin", "etc", "tmp", "root", "proc", "sys", "dev", "home/user", "usr/bin"):
        (path / name).mkdir(parents=True, exist_ok=True)
    (path / "tmp").chmod(0o1777)
    shutil.copy(BUSYBOX, path / "bin/busybox")
    for applet in subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split():
        if applet != "busybox":
            (path / "bin" / applet).symlink_to("busybox")
    (path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n1234:x:0:0::/:/bin/sh\n")
    (path / "etc/group").write_text("root:x:0:\nuser:x:1000:\nextra:x:2000:user\nmore:x:2001:user,other\n")
    os.chown(path / "home/user", 1000, 1000)
    return path


class Result:
    """What a process did."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.status: int = answer["status"]
        self.out = base64.b64decode(answer["stdout"]).decode("utf-8", "replace")
        self.err = base64.b64decode(answer["stderr"]).decode("utf-8", "replace")
        self.oom_kills: int = answer.get("oom_kills", 0)
        self.removed: bool = answer.get("removed", True)
        self.warnings: list[str] = answer["warnings"]

    def lines(self) -> list[str]:
        return self.out.splitlines()


class Runner:
    """The runner process; started on first use."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.privileged.isolation.runner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[3],
        )
        self.pid = self._process.pid

    def ask(self, verb: str, **request: Any) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"verb": verb, **request}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise errors.by_name(answer["error"])(f"{answer['message']}", hint=answer.get("hint", ""))
        return answer

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


class Box:
    """Makes containers over one root file system in one temporary directory."""

    def __init__(self, runner: Runner, base: Path, work: Path) -> None:
        self.runner = runner
        self.base = base
        self.work = work
        self.facts: HostFacts = host_facts()
        self.last_id = ""

    def spec(
        self,
        *argv: str,
        config: Mapping[str, Any] | None = None,
        lowers: tuple[Path, ...] = (),
        mounts: tuple[Mount, ...] = (),
        devices: tuple[DeviceNode, ...] = (),
        facts: HostFacts | None = None,
        **host: Any,
    ) -> tuple[dict[str, Any], Path]:
        """A configuration, and its bundle directory."""
        self.last_id = uuid.uuid4().hex * 2
        bundle = self.work / self.last_id[:12]
        for name in ("upper", "work"):
            (bundle / name).mkdir(parents=True)
        made = specs.build_spec(
            specs.SpecInputs(
                id=self.last_id,
                config=ContainerConfig(image="test", **(config or {})),
                host=HostConfig(**host),
                argv=argv,
                rootfs=str(bundle / "rootfs"),
                lowers=tuple(map(str, lowers)) or (str(self.base),),
                upper=str(bundle / "upper"),
                work=str(bundle / "work"),
                mounts=mounts,
                devices=devices,
                facts=facts or self.facts,
            )
        )
        return made, bundle

    def run(self, *argv: str, stdin: bytes = b"", **options: Any) -> Result:
        """Run to the end."""
        made, bundle = self.spec(*argv, **options)
        return self.run_spec(made, bundle, stdin=stdin)

    def run_spec(self, made: dict[str, Any], bundle: Path, stdin: bytes = b"") -> Result:
        console = made["process"]["terminal"]
        return Result(self.runner.ask("run", spec=made, bundle=str(bundle), console=console, stdin=base64.b64encode(stdin).decode()))

    def sh(self, script: str, **options: Any) -> Result:
        """Run a shell script to the end."""
        return self.run("sh", "-c", script, **options)

    def up(self, *argv: str, **options: Any) -> Running:
        """Start and leave running."""
        made, bundle = self.spec(*argv, **options)
        return Running(self, made, self.runner.ask("up", spec=made, bundle=str(bundle))["pid"])


class Running:
    """A running container."""

    def __init__(self, box: Box, made: dict[str, Any], pid: int) -> None:
        self.box = box
        self.spec = made
        self.pid = pid

    def exec(self, *argv: str, **config: Any) -> Result:
        process = specs.exec_process(self.spec, ExecConfig(cmd=argv, **config), self.box.facts)
        return Result(self.box.runner.ask("exec", pid=self.pid, process=process, console=process["terminal"]))

    def sh(self, script: str, **config: Any) -> Result:
        return self.exec("sh", "-c", script, **config)

    def down(self) -> None:
        answer = self.box.runner.ask("down", pid=self.pid)
        assert answer["removed"]
