"""A state root of its own for a test that drives the real ``longshore``, and its complete removal."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence

from engine.spawner import client as spawner
from engine.store.roots import Roots
from tests.support.wait import until

_LEFT = (
    *("no image needs it", "it was left half-made", "no record names it", "of something that was never finished"),
    *("whoever wrote it is gone", "no running container needs it", "does not run", "is gone"),
)
"""How a check ends its sentence about what is only left over."""


class StateRoot:
    """An empty machine, as far as Longshore can see."""

    def __init__(self, directory: str, registry: str = "") -> None:
        self.directory = directory
        self.roots = Roots(state=os.path.join(directory, "state"), run=os.path.join(directory, "run"))
        self.config = os.path.join(directory, "config.toml")
        self.mirror(registry)

    def mirror(self, registry: str) -> None:
        """Name what is asked in Docker Hub's place, ``host:port``, or nothing."""
        with open(self.config, "w", encoding="utf-8") as file:
            if registry:
                file.write(f'[registries."docker.io"]\nmirrors = ["http://{registry}"]\n')

    @property
    def command(self) -> list[str]:
        """What stands before a verb."""
        return [sys.executable, "-m", "engine.cli", "--root", self.roots.state, "--config", self.config]

    @property
    def environment(self) -> dict[str, str]:
        """Environment of the program: ours, with its own run root."""
        return {
            **os.environ,
            "XDG_STATE_HOME": os.path.join(self.directory, "xdg"),
            "LONGSHORE_RUN": self.roots.run,
            "PYTHONDONTWRITEBYTECODE": "",
        }

    def __call__(self, *words: str, input: str | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a verb to its end."""
        return subprocess.run(
            [*self.command, *words],
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            env=self.environment,
            check=False,
        )

    def out(self, *words: str, input: str | None = None) -> str:
        """What a verb that must succeed prints."""
        done = self(*words, input=input)
        assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}: {done.stderr}"
        return done.stdout

    def checked(self) -> None:
        """Nothing is damaged. What a death has left half-made is found and collected by a check, and then there is nothing left to find."""
        done = self("system", "check", "--repair")
        assert done.returncode == 0, done.stdout + done.stderr
        mended = [line for line in done.stdout.splitlines() if line.startswith("mended: ")]
        assert all(line.endswith(_LEFT) for line in mended), done.stdout
        if mended:
            done = self("system", "check")
            assert done.returncode == 0, done.stdout + done.stderr

    def told_truly(self) -> None:
        """What is said to run does, and the other way round, as soon as what others have begun is done: a kill, a removal."""
        lies: list[str] = []

        def true() -> bool:
            lies[:] = self._lies()
            return not lies

        with contextlib.suppress(AssertionError):
            until(true)
        assert not lies, "\n".join(lies)

    def _lies(self) -> list[str]:
        ids = self.out("ps", "-aq").split()
        if not ids:
            return []
        done = self("inspect", *ids)
        if done.returncode:
            return [done.stderr]
        found = []
        for container in json.loads(done.stdout):
            state = container["State"]
            if state["Running"] != (state["Pid"] > 0) or (state["Running"] and b"sleep\x001000" not in _command_of(state["Pid"])):
                found.append(f"{container['Name']}: {state}")
        return found

    def clean(self) -> None:
        """Remove every container and network of a person's."""
        names = self.out("ps", "-aq", "--no-trunc").split()
        if names:
            self.out("rm", "-f", "-v", *names)
        networks = [name for name in self.out("network", "ls", "--format", "{{.Name}}").split() if name not in ("bridge", "host", "none")]
        if networks:
            self.out("network", "rm", *networks)

    def close(self) -> None:
        """Remove everything: containers, the spawner, files."""
        try:
            self.clean()
        finally:
            spawner.dismiss(self.roots.run)
            shutil.rmtree(self.directory, ignore_errors=True)


def _command_of(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


@contextlib.contextmanager
def state_root(directory: str, registry: str = "", images: Sequence[str] = ()) -> Iterator[StateRoot]:
    """A state root in a new ``directory`` with ``images`` pulled from ``registry`` (``host:port``)."""
    os.makedirs(directory, mode=0o700)
    root = StateRoot(directory, registry)
    try:
        for image in images:
            root.out("pull", "-q", image)
        yield root
    finally:
        root.close()
