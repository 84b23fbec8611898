"""The rules of the house: import law at run time, sizes, the error table."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pytest

from engine import errors
from engine.model.version import VERSION

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODULE_LINES, FUNCTION_LINES, CLASS_METHODS = 500, 80, 30


def _sources() -> Iterator[str]:
    for top in ("engine", "tui"):
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            yield from (os.path.join(folder, name) for name in names if name.endswith(".py"))


SOURCES = sorted(os.path.relpath(path, ROOT) for path in _sources())


@pytest.mark.parametrize("path", SOURCES)
def test_sizes_and_docstrings(path: str) -> None:
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        text = file.read()
    tree = ast.parse(text)
    assert len(text.splitlines()) <= MODULE_LINES
    assert ast.get_docstring(tree) or not tree.body, "a module says what it is for"
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES, node.name
        elif isinstance(node, ast.ClassDef):
            methods = [part for part in node.body if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef))]
            assert len(methods) <= CLASS_METHODS, node.name


def test_every_error_is_in_the_table_both_ways() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.LongshoreError)}
    assert kinds - {errors.LongshoreError} == set(errors.ALL)
    for kind in errors.ALL:
        assert errors.by_name(kind.__name__) is kind
        back = errors.from_status(kind.status, "why")
        assert back.status == kind.status and isinstance(back, errors.LongshoreError) and str(back) == "why"
        assert 0 <= kind.exit_code < 256
        assert kind.__doc__
    assert type(errors.from_status(418, "")) is errors.InvalidArgument
    assert type(errors.from_status(599, "")) is errors.EngineFault


def _imported_by(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("verb", ["ps", "images", "start", "stop", "logs", "inspect"])
def test_short_verbs_import_nothing_heavy(verb: str) -> None:
    """What each costs to import is what a person waits for: asyncio 100 ms, dataclasses 40, textual 300."""
    loaded = _imported_by(f"import engine.cli.main, engine.connect, engine.backends.embedded.engine, engine.cli.verbs.{verb}")
    heavy = {
        "asyncio",
        "httpx",
        "textual",
        "rich",
        "dataclasses",
        "inspect",
        "logging",
        "psutil",
        "argparse",
        "pathlib",
        "ssl",
        "subprocess",
        "engine.registry",
        "engine.dockerapi",
    }
    assert not loaded & heavy


def test_the_supervisors_import_nothing_heavy() -> None:
    loaded = _imported_by("import engine.spawner.server, engine.supervisor.entry")
    assert not loaded & {
        "asyncio",
        "httpx",
        "textual",
        "rich",
        "dataclasses",
        "inspect",
        "logging",
        "psutil",
        "argparse",
        "pathlib",
        "ssl",
        "engine.registry",
    }


def test_the_tui_imports_no_backend_by_itself() -> None:
    loaded = _imported_by("import tui.app")
    assert not {name for name in loaded if name.startswith(("engine.backends", "engine.store", "engine.runtime", "httpx"))}


def test_the_readme_has_the_current_keys() -> None:
    from tests.screenshots import with_keys

    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    assert with_keys(readme) == readme, "run python3 -m tests screenshots"


def test_the_version_is_that_of_the_distribution() -> None:
    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        assert tomllib.load(file)["project"]["version"] == VERSION


def test_every_test_runs() -> None:
    """A test that is in no group would never run."""
    from tests.__main__ import GROUPS

    folders = [folder for group in GROUPS.values() for folder in group]
    for folder, _, names in os.walk(os.path.join(ROOT, "tests")):
        if any(name.startswith("test_") for name in names):
            place = os.path.relpath(folder, ROOT)
            assert any(f"{place}/".startswith(f"{known}/") for known in folders), f"{place} is in no group of tests/__main__.py"
