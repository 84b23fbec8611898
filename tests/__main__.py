"""The one developer command: ``python3 -m tests [GROUP …]``.

Without a group it runs everything that must hold: static checks, then each test group. It needs only the standard
library to begin with: what the tests import is installed into ``.venv-tests`` beside this folder.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv-tests")

GROUPS: dict[str, tuple[str, ...]] = {
    "unit": ("tests/architecture", "tests/engine"),
    "fuzz": ("tests/fuzz",),
    "privileged": ("tests/privileged",),
    "guards": ("tests/guards",),
    "vm": ("tests/vm",),
    "contract": ("tests/contract", "tests/swarm"),
    "ui": ("tests/tui", "tests/cli", "tests/e2e"),
}
"""Folders of each test group, in the order in which they run."""

CHECKS: dict[str, tuple[str, ...]] = {
    "ruff check": ("ruff", "check", "."),
    "ruff format": ("ruff", "format", "--check", "."),
    "mypy": ("mypy",),
    "import-linter": ("lint-imports", "--no-cache"),
}


def main() -> int:
    """Parse the command line, run the groups, print one closing line; 0 when all passed."""
    parser = argparse.ArgumentParser(prog="python3 -m tests", description="Check, test, measure and picture Longshore.")
    names = ["check", *GROUPS, "bench", "screenshots"]
    parser.add_argument(
        "group", nargs="*", metavar="GROUP", help=f"one or more of: {', '.join(names)} (default: check and all test groups)"
    )
    parser.add_argument("--", dest="rest", nargs="...", help=argparse.SUPPRESS)
    words = sys.argv[1:]
    extra = words[words.index("--") + 1 :] if "--" in words else []
    wanted = parser.parse_args(words[: words.index("--")] if "--" in words else words).group
    unknown = [name for name in wanted if name not in names]
    if unknown:
        parser.error(f"no group {', '.join(unknown)}; there are: {', '.join(names)}")
    _in_venv()
    if wanted in (["bench"], ["screenshots"]):
        return subprocess.call([sys.executable, "-m", f"tests.{wanted[0]}", *extra], cwd=ROOT)
    return _run_all(wanted or ["check", *GROUPS], extra)


def _in_venv() -> None:
    """Continue inside ``.venv-tests``, made or refreshed when ``pyproject.toml`` changed."""
    if os.path.realpath(sys.prefix) == os.path.realpath(VENV):
        return
    python = os.path.join(VENV, "bin", "python")
    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        state = hashlib.sha256(file.read() + sys.version.encode() + ROOT.encode()).hexdigest()
    stamp = os.path.join(VENV, "longshore-installed")
    try:
        with open(stamp, encoding="ascii") as file:
            fresh = file.read() == state
    except FileNotFoundError:
        fresh = False
    if not fresh:
        print("installing the tests' requirements into .venv-tests", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        # compat: a path file. The default's import hook would make every start of the program slower than an installed one.
        editable = ["--config-settings", "editable_mode=compat", "--editable", f"{ROOT}[test]"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *editable], check=True)
        with open(stamp, "w", encoding="ascii") as file:
            file.write(state)
    os.environ["PATH"] = os.path.join(VENV, "bin") + os.pathsep + os.environ["PATH"]
    os.execv(python, [python, "-m", "tests", *sys.argv[1:]])


def _run_all(groups: list[str], extra: list[str]) -> int:
    passed = failed = skipped = 0
    for group in groups:
        started = time.monotonic()
        if group == "check":
            good, bad, left = _checks()
        else:
            good, bad, left = _pytest(group, extra)
        passed, failed, skipped = passed + good, failed + bad, skipped + left
        print(f"== {group}: {good} passed, {bad} failed, {left} skipped in {time.monotonic() - started:.0f} s", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or not passed else 0


def _checks() -> tuple[int, int, int]:
    passed = failed = 0
    for name, command in CHECKS.items():
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            failed += 1
            print(f"-- {name} failed\n{done.stdout}", flush=True)
        else:
            passed += 1
    return passed, failed, 0


def _pytest(group: str, extra: list[str]) -> tuple[int, int, int]:
    folders = [folder for folder in GROUPS[group] if os.path.isdir(os.path.join(ROOT, folder))]
    if not folders:
        return 0, 1, 0
    print(f"== {group}", flush=True)
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", *folders, *extra],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    assert run.stdout
    closing = ""
    for line in run.stdout:
        print(line, end="", flush=True)
        if re.search(r"\d+ (passed|failed|error|skipped)", line):
            closing = line
    code = run.wait()

    def count(word: str) -> int:
        return sum(int(number) for number in re.findall(rf"(\d+) {word}", closing))

    failed = count("failed") + count("error")
    return count("passed"), failed or (1 if code else 0), count("skipped")


if __name__ == "__main__":
    sys.exit(main())
