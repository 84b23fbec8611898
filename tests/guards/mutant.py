"""A copy of the source tree from which guards are taken out, one after the other."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.guards.table import Edit, Guard

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300
"""Seconds for a test without its guard."""

_PARTS = ("engine", "tests", "tui", "pyproject.toml", "README.md")


class Mutant:
    """A tree of its own in ``directory``. For one thread at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._clock = 0
        for part in _PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, directory / part, ignore=shutil.ignore_patterns("__pycache__", ".*", "__snapshots__"))
            else:
                shutil.copy(ROOT / part, directory / part)

    def verdict(self, guard: Guard) -> subprocess.CompletedProcess[str]:
        """The guard's test, run without the guard."""
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", guard.test]
        with (
            self._without(guard.edits),
            subprocess.Popen(
                command,
                cwd=self._directory,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "LONGSHORE_TEST_LEAKS": "", "CI": ""},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            ) as run,
        ):
            try:
                said, _ = run.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL)  # with what the test has started
                said = f"{run.communicate()[0]}\nnot ended after {PATIENCE} s"
            return subprocess.CompletedProcess(command, run.returncode, said)

    @contextmanager
    def _without(self, edits: tuple[Edit, ...]) -> Iterator[None]:
        before: dict[Path, str] = {}
        try:
            for edit in edits:
                path = self._directory / edit.file
                text = path.read_text()
                before.setdefault(path, text)
                self._write(path, text.replace(edit.old, edit.new))
            yield
        finally:
            for path, text in before.items():
                self._write(path, text)

    def _write(self, path: Path, text: str) -> None:
        """Replace a file; its time never comes back, so that no compiled module of before is taken for it."""
        path.write_text(text)
        self._clock += 1
        os.utime(path, (path.stat().st_mtime + self._clock * 2,) * 2)
