"""A real distribution: what debootstrap makes goes through a registry and comes out of a container as it went in."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support import images
from tests.support.registry import Registry
from tests.support.stateroot import state_root

LIST = ["find", ".", "-xdev", "-printf", "%M %U %G %y %p %l\\n"]
CHANGED = ("./dev", "./proc", "./sys", "./etc/hosts", "./etc/hostname", "./etc/resolv.conf", "./etc/mtab", "./.dockerenv")
"""What every container has in its own way."""


@pytest.fixture(scope="module")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = str(tmp_path_factory.mktemp("debian") / "root")
    done = subprocess.run(["debootstrap", "--variant=minbase", "stable", place], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return place


def _entries(listing: str) -> list[str]:
    lines = listing.splitlines()
    return sorted(line for line in lines if not any(f" {path} " in f"{line} " or f" {path}/" in line for path in CHANGED))


def test_a_distribution_comes_out_as_it_went_in(registry: Registry, rootfs: str, tmp_path: Path) -> None:
    before = subprocess.run(LIST, cwd=rootfs, capture_output=True, text=True, check=True).stdout
    images.push(registry.url, "library/debian:latest", images.from_directory(rootfs))
    with state_root(str(tmp_path / "m"), registry.host, ["debian"]) as machine:
        inside = machine.out("run", "--rm", "--network", "none", "-w", "/", "debian", *LIST)
        assert _entries(inside) == _entries(before)
        assert "ii  dpkg" in machine.out("run", "--rm", "debian", "dpkg", "-l")
        # A program with threads, locales, users and a package data base of its own.
        script = "useradd -m someone && su someone -c 'id -un; touch ~/made; ls ~' && perl -e 'print 6*7, qq(\\n)'"
        assert machine.out("run", "--rm", "debian", "bash", "-c", script) == "someone\nmade\n42\n"
        done = machine("run", "--rm", "-i", "debian", "bash", "-c", "read line; echo got $line; exit 3", input="text\n")
        assert (done.returncode, done.stdout) == (3, "got text\n")
