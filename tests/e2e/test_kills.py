"""kill -9 of any process of the engine at any instant of a verb: what is told afterwards is true, and the verb can be said again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.support.registry import Registry
from tests.support.stateroot import StateRoot, state_root
from tests.support.wait import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

INSTANTS = 10
"""A verb; there are five of them."""

VERBS: dict[str, tuple[tuple[tuple[str, ...], ...], tuple[str, ...], str]] = {
    "pull": ((), ("pull", "many"), ""),
    "start": ((("create", "--name", "one", "busybox", "sleep", "1000"),), ("start", "one"), ""),
    "stop": ((("run", "-d", "--name", "one", "busybox", "sleep", "1000"),), ("stop", "-t", "0", "one"), ""),
    "commit": ((("run", "-d", "--name", "one", "busybox", "sh", "-c", "echo grown >/grown; sleep 1000"),), ("commit", "one", "grown"), ""),
    "rm": ((("run", "-d", "--name", "one", "busybox", "sleep", "1000"),), ("rm", "-f", "one"), "No such container: one"),
}
"""What comes before, the verb, and what it may answer when the killed one has done it all."""


@pytest.fixture(scope="module")
def root(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateRoot]:
    with state_root(str(tmp_path_factory.mktemp("kills") / "m"), registry.host, ["busybox"]) as made:
        yield made


@pytest.mark.parametrize("verb", VERBS)
def test_any_process_at_any_instant(root: StateRoot, verb: str) -> None:
    before, words, done_already = VERBS[verb]
    chance = random.Random(verb)
    _undo(root)
    _prepare(root, before)
    lasted = time.monotonic()
    root.out(*words)
    lasted = time.monotonic() - lasted
    for instant in range(INSTANTS):
        _undo(root)
        _prepare(root, before)
        _kill_one(root, words, chance, chance.random() * lasted, engine=instant % 2 == 1)
        root.told_truly()
        again = root(*words)
        assert again.returncode == 0 or (done_already and done_already in again.stderr), again.stderr
        root.told_truly()
        _holds(root, verb)
        root.checked()
    _undo(root)


def _prepare(root: StateRoot, before: tuple[tuple[str, ...], ...]) -> None:
    for words in before:
        root.out(*words)


def _undo(root: StateRoot) -> None:
    root.clean()
    for image in ("many", "grown"):
        root("rmi", "-f", image)
    root.out("image", "prune", "-f")
    assert root.out("images", "--format", "{{.Repository}}") == "busybox\n"


def _kill_one(root: StateRoot, words: tuple[str, ...], chance: random.Random, after: float, *, engine: bool) -> None:
    """Strike one process while the verb goes on: the front end, or with ``engine`` one of the engine's, if there is any."""
    front = subprocess.Popen([*root.command, *words], env=root.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + after
    until(lambda: time.monotonic() >= deadline or front.poll() is not None)
    victim = chance.choice((_processes(root) if engine else []) or [front.pid])
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        pass
    said, _ = front.communicate(timeout=120)
    assert "Traceback" not in said


def _processes(root: StateRoot) -> list[int]:
    """Spawner, supervisors, clerks and helpers of this root: everything that runs from a sealed interpreter or for the front end."""
    found = []
    for process in psutil.process_iter():
        try:
            told = " ".join(process.cmdline())
            sealed = os.readlink(f"/proc/{process.pid}/exe").startswith("/memfd:longshore")
        except (psutil.Error, OSError):
            continue
        if sealed and (root.roots.run in told or root.roots.state in told):
            found.append(process.pid)
    return sorted(found)


def _holds(root: StateRoot, verb: str) -> None:
    """The verb has had its effect."""
    if verb == "pull":
        assert root.out("run", "--rm", "--network", "none", "many", "true") == ""
    elif verb == "commit":
        assert root.out("run", "--rm", "--network", "none", "grown", "cat", "/grown") == "grown\n"
    else:
        expected = {"start": "running", "stop": "exited", "rm": ""}[verb]
        assert root.out("ps", "-a", "--format", "{{.State}}").strip() == expected
    unnamed = 1 if verb == "commit" else 0  # the killed one's image, if it came so far, has lost its name to the second
    assert root.out("images", "-a").count("<none>") <= 2 * unnamed
