"""``save`` and ``load`` beside docker's, with archives going both ways."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import subprocess
from pathlib import Path

from tests.cli.conftest import Docker
from tests.support import images
from tests.support.registry import Registry
from tests.support.stateroot import StateRoot


def test_archives_go_both_ways(longshore: StateRoot, docker: Docker, tmp_path: Path) -> None:
    ours, theirs = str(tmp_path / "ours.tar"), str(tmp_path / "theirs.tar")
    assert longshore.out("tag", "busybox", "travelling:v1") == ""
    assert longshore.out("save", "-o", ours, "travelling:v1", "hello-world") == ""
    assert os.stat(ours).st_mode & 0o777 == 0o600
    assert docker("load", "-i", ours).stdout.splitlines() == ["Loaded image: travelling:v1", "Loaded image: hello-world:latest"]
    assert docker("run", "--rm", "travelling:v1", "echo", "here").stdout == "here\n"
    assert docker("tag", "travelling:v1", "travelling:v2").returncode == 0
    assert docker("save", "-o", theirs, "travelling").returncode == 0
    longshore.out("rmi", "travelling:v1")
    assert sorted(longshore.out("load", "--input", theirs).splitlines()) == ["Loaded image: travelling:v1", "Loaded image: travelling:v2"]
    assert longshore.out("run", "--rm", "travelling:v2", "echo", "there") == "there\n"
    longshore.out("rmi", "travelling:v1", "travelling:v2")
    docker("rmi", "travelling:v1", "travelling:v2")


def test_through_pipes(longshore: StateRoot) -> None:
    ours = longshore
    with subprocess.Popen([*ours.command, "save", "busybox"], stdout=subprocess.PIPE, env=ours.environment) as saving:
        loading = subprocess.run([*ours.command, "load", "-q"], stdin=saving.stdout, capture_output=True, env=ours.environment, check=False)
        assert saving.stdout is not None
        saving.stdout.close()
    assert (saving.returncode, loading.returncode, loading.stdout, loading.stderr) == (0, 0, b"Loaded image: busybox:latest\n", b"")


def test_nothing_is_left_of_a_save_that_fails(longshore: StateRoot, tmp_path: Path) -> None:
    assert longshore("save", "-o", str(tmp_path / "x"), "nope").returncode == 1
    assert os.listdir(tmp_path) == []


def test_import_is_what_docker_imports(longshore: StateRoot, docker: Docker, registry: Registry, tmp_path: Path) -> None:
    """The same config from the same archive, from a file; and from an address."""
    archive = tmp_path / "root.tar"
    archive.write_bytes(images.busybox_layer())
    options = ["-c", 'CMD ["/bin/pwd"]', "--change", "WORKDIR /home", "-m", "by hand"]
    printed = []
    for engine in (longshore, docker):
        done = engine("import", *options, str(archive), "imported:v1")
        assert done.returncode == 0 and re.fullmatch(r"sha256:[0-9a-f]{64}\n", done.stdout), done.stderr
        form = "{{.Config.Cmd}} {{.Config.WorkingDir}} {{.RootFS.Layers}} {{.Os}} {{.Architecture}} {{.Comment}} {{.RepoTags}} {{.Size}}"
        printed.append(engine("inspect", "-f", form, "imported:v1").stdout)
        assert engine("run", "--rm", "imported:v1").stdout == "/home\n"
        engine("rmi", "imported:v1")
    assert printed[0] == printed[1]
    layer = "sha256:" + hashlib.sha256(gzip.compress(images.busybox_layer(), 6, mtime=0)).hexdigest()
    fetched = longshore.out("import", f"{registry.url}/v2/library/busybox/blobs/{layer}", "imported:web")
    assert longshore.out("history", "--format", "{{.Comment}}", "imported:web").startswith(f"Imported from {registry.url}/v2/")
    longshore.out("rmi", fetched.strip())
    missing = longshore("import", f"{registry.url}/v2/library/busybox/blobs/sha256:{'0' * 64}", "imported:none")
    assert missing.returncode == 1 and "with status 404" in missing.stderr
