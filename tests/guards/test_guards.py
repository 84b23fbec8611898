"""Every guard is needed: without it, its test fails."""

from __future__ import annotations

import os
import queue
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.guards.mutant import Mutant
from tests.guards.table import GUARDS, Guard

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

WORKERS = 2
Verdict = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def verdicts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Verdict]]]:
    """What becomes of each selected guard's test; they run side by side."""
    trees: queue.Queue[Mutant] = queue.Queue()
    for _ in range(WORKERS):
        trees.put(Mutant(tmp_path_factory.mktemp("tree")))

    def judge(guard: Guard) -> Verdict:
        tree = trees.get()
        try:
            return tree.verdict(guard)
        finally:
            trees.put(tree)

    wanted = [
        item.callspec.params["guard"] for item in request.session.items if isinstance(item, pytest.Function) and hasattr(item, "callspec")
    ]
    with ThreadPoolExecutor(WORKERS) as pool:
        yield {guard.name: pool.submit(judge, guard) for guard in wanted if isinstance(guard, Guard)}


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_without_it_its_test_fails(guard: Guard, verdicts: dict[str, Future[Verdict]]) -> None:
    done = verdicts[guard.name].result()
    assert done.returncode == 1, f"{guard.test} did not notice: {done.returncode}\n{done.stdout[-3000:]}"
    assert re.search(r"^1 failed|, 1 failed|^FAILED ", done.stdout, re.MULTILINE), done.stdout[-3000:]
    assert "ImportError" not in done.stdout and "SyntaxError" not in done.stdout and "NameError" not in done.stdout, done.stdout[-3000:]
