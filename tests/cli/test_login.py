"""``login``, ``logout`` and ``push`` at a registry that wants to see credentials."""

from __future__ import annotations

import base64
import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Docker
from tests.support.registry import Registry, running_registry
from tests.support.stateroot import StateRoot

PASSWORDS = "ann:$2b$04$JxuJ3lqTF4oqDLpT6yi7Quxdza27cZTcVxgZ40xN1UpED9mo/oLvq\n"  # secret:word
PASSWORD = "secret:word"


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running_registry(str(tmp_path_factory.mktemp("private")), htpasswd=PASSWORDS) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker configuration of one's own."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    return tmp_path / "docker" / "config.json"


def test_login_push_logout(longshore: StateRoot, private: Registry, config: Path) -> None:
    host = private.host
    name = f"{host}/team/hello:v1"
    longshore.out("tag", "hello-world", name)
    refused = longshore("push", name)
    assert refused.returncode == 1 and "no basic auth credentials" in refused.stderr and "longshore login" in refused.stderr
    done = longshore("login", "-u", "ann", "--password-stdin", f"http://{host}/v2/", input=PASSWORD + "\n")
    assert (done.returncode, done.stdout) == (0, "Login Succeeded\n") and str(config) in done.stderr
    assert json.loads(config.read_text()) == {"auths": {host: {"auth": base64.b64encode(f"ann:{PASSWORD}".encode()).decode()}}}
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    pushed = longshore.out("push", name).splitlines()
    assert pushed[0] == f"The push refers to repository [{host}/team/hello]" and pushed[-1].startswith("v1: digest: sha256:")
    assert sorted(line.partition(": ")[2] for line in pushed[1:-1]) == ["Preparing", "Preparing", "Pushed", "Pushed"]
    assert longshore.out("push", "-q", name) == f"{name}\n"
    longshore.out("rmi", name)
    assert longshore.out("pull", "-q", name) == f"{name}\n"
    assert longshore.out("login", host).endswith("Login Succeeded\n")
    assert longshore.out("logout", host) == f"Removing login credentials for {host}\n"
    assert json.loads(config.read_text()) == {"auths": {}}
    longshore.out("rmi", name)


def test_wrong_credentials_are_not_kept(longshore: StateRoot, private: Registry, config: Path) -> None:
    done = longshore("login", "-u", "ann", "-p", "wrong", private.host)
    assert done.returncode == 1 and "401 Unauthorized" in done.stderr and not config.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--password-stdin"], "the --password-stdin option requires --username to be set"),
        (["-u", "a", "-p", "b", "--password-stdin"], "cannot specify both --password and --password-stdin"),
        (["-u", "a"], "Cannot perform an interactive login from a non TTY device"),
        ([], "Cannot perform an interactive login from a non TTY device"),
    ],
)
def test_what_login_needs(longshore: StateRoot, config: Path, words: list[str], said: str) -> None:
    done = longshore("login", *words, "registry.example:5000")
    assert done.returncode == 1 and said in done.stderr and not config.exists()


def test_a_helper_keeps_credentials(longshore: StateRoot, private: Registry, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = config.parent
    folder.mkdir()
    helper = folder / "docker-credential-fake"
    script = f"""#!{sys.executable}
import json, os, sys
path = {str(folder / "kept")!r}
text = sys.stdin.read()
if sys.argv[1] == "store":
    open(path, "w").write(text)
elif not os.path.exists(path):
    print("credentials not found in native keychain")
    sys.exit(1)
elif sys.argv[1] == "get":
    print(open(path).read())
else:
    os.unlink(path)
"""
    helper.write_text(script)
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    real = folder / "real.json"
    real.write_text(json.dumps({"credsStore": "fake", "detachKeys": "ctrl-x", "auths": {private.host: {"auth": "old"}}}))
    config.symlink_to(real)
    done = longshore("login", "-u", "ann", "--password-stdin", private.host, input=PASSWORD)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Login Succeeded\n", "")
    assert json.loads((folder / "kept").read_text()) == {"ServerURL": private.host, "Username": "ann", "Secret": PASSWORD}
    assert config.is_symlink()
    assert json.loads(real.read_text()) == {"credsStore": "fake", "detachKeys": "ctrl-x", "auths": {private.host: {}}}
    longshore.out("tag", "hello-world", f"{private.host}/helped")
    longshore.out("push", f"{private.host}/helped")
    longshore.out("rmi", f"{private.host}/helped")
    for _ in range(2):
        assert longshore.out("logout", private.host) == f"Removing login credentials for {private.host}\n"
    assert not (folder / "kept").exists()


def test_a_configuration_that_is_not_understood_is_left_alone(longshore: StateRoot, private: Registry, config: Path) -> None:
    config.parent.mkdir()
    config.write_text("{nonsense")
    done = longshore("login", "-u", "ann", "--password-stdin", private.host, input=PASSWORD)
    assert done.returncode == 1 and "no valid JSON" in done.stderr and config.read_text() == "{nonsense"


def test_push_prints_what_docker_prints(longshore: StateRoot, docker: Docker, registry: Registry) -> None:
    printed = []
    engines: tuple[Docker, Docker] = (docker, longshore)
    for number, engine in enumerate(engines):
        name = f"{registry.host}/pushed{number}"
        assert engine("tag", "hello-world", name).returncode == 0
        done = engine("push", name)
        assert done.returncode == 0, done.stderr
        # Where a layer may be taken over from depends on where the image came from.
        text = done.stdout.replace(name, "NAME").replace("Mounted from library/hello-world", "Pushed")
        lines = [line.partition(" sha256:")[0] for line in text.splitlines()]
        printed.append((lines[:2], sorted(lines[2:-1]), lines[-1]))
        engine("rmi", name)
    assert printed[0] == printed[1]
