"""What holds for the whole suite: no unlisted skips in CI, and nothing left behind on the machine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator

import hypothesis
import pytest

from tests.support import leaks, skips

# What a run looks at does not depend on chance, nor its outcome on the machine's speed; `--hypothesis-profile=default` looks further.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("same")

CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
STRICT = CI or os.environ.get("LONGSHORE_TEST_LEAKS") == "1"
"""On a machine of our own every new thing is a leak; elsewhere others work beside us."""

_run = pytest.StashKey[str]()
_before = pytest.StashKey[leaks.Snapshot]()


def pytest_sessionstart(session: pytest.Session) -> None:
    os.environ[leaks.MARK] = f"{os.getpid()}-{os.urandom(4).hex()}"
    os.environ["LANGUAGE"] = "en"  # whatever a developer speaks
    # Sockets and locks of every state root that a test makes.
    session.stash[_run] = os.environ["LONGSHORE_RUN"] = tempfile.mkdtemp(prefix="longshore-run-")
    if STRICT and os.geteuid() == 0:
        session.stash[_before] = leaks.snapshot()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    shutil.rmtree(session.stash[_run], ignore_errors=True)
    before = session.stash.get(_before, None)
    if before is None or session.config.option.collectonly:
        return
    found = leaks.left_over(before)
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        for kind, names in found.items():
            print(f"\nleft behind: {kind}: " + "; ".join(names))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and CI:
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(allowed in reason for allowed in skips.ALLOWED):
            report.outcome = "failed"
            report.longrepr = f"skipped without a listed reason: {reason}"
    return report
