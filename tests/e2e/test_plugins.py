"""What a Docker host offers beside its own: managed plugins, drivers of plugins, as Longshore shows and uses them."""

from __future__ import annotations

import http.server
import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.connect import connect
from engine.errors import LongshoreError, NotFound
from engine.model.networks import NetworkSpec
from engine.model.volumes import VolumeSpec
from tests.support.dockerd import Daemon, running_dockerd

_MANIFEST = {
    "Description": "A volume driver that keeps nothing",
    "Documentation": "",
    "Entrypoint": ["/bin/sleep", "1000"],
    "Interface": {"Types": ["docker.volumedriver/1.0"], "Socket": "keep.sock"},
    "Network": {"Type": "none"},
}


class _VolumePlugin(http.server.BaseHTTPRequestHandler):
    """Docker's volume plugin protocol, over a unix socket."""

    made: dict[str, dict[str, str]] = {}  # noqa: RUF012  one plugin at a time
    directory = ""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        body = json.dumps(self._answer(self.path, asked)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked.get("Name", "")
        match path:
            case "/Plugin.Activate":
                return {"Implements": ["VolumeDriver"]}
            case "/VolumeDriver.Create":
                self.made[name] = asked.get("Opts") or {}
            case "/VolumeDriver.Remove":
                self.made.pop(name, None)
            case "/VolumeDriver.Get":
                return {"Volume": self._volume(name)} if name in self.made else {"Err": "no such volume"}
            case "/VolumeDriver.List":
                return {"Volumes": [self._volume(each) for each in self.made]}
            case "/VolumeDriver.Capabilities":
                return {"Capabilities": {"Scope": "global"}}
            case "/VolumeDriver.Mount" | "/VolumeDriver.Path":
                return {"Mountpoint": self.directory}
        return {}

    def _volume(self, name: str) -> dict[str, str]:
        return {"Name": name, "Mountpoint": self.directory}

    def address_string(self) -> str:
        return "docker"

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running_dockerd(str(tmp_path_factory.mktemp("plugins") / "d")) as running:
        yield running


@pytest.fixture
def volume_plugin(tmp_path: Path) -> Iterator[str]:
    """A volume driver of the old kind, which dockerd finds by its specification; the driver's name."""
    name = f"keeper{os.urandom(4).hex()}"  # a dockerd remembers where one of a name was
    path = str(tmp_path / "keeper.sock")
    _VolumePlugin.made.clear()
    _VolumePlugin.directory = str(tmp_path)
    specification = f"/etc/docker/plugins/{name}.spec"
    missing = [directory for directory in ("/etc/docker/plugins", "/etc/docker") if not os.path.isdir(directory)]
    os.makedirs(os.path.dirname(specification), exist_ok=True)
    with socketserver.UnixStreamServer(path, _VolumePlugin) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        with open(specification, "w", encoding="utf-8") as file:
            file.write(f"unix://{path}")
        try:
            yield name
        finally:
            os.unlink(specification)
            for directory in missing:
                os.rmdir(directory)
            server.shutdown()
            serving.join()


def _longshore(daemon: Daemon, *words: str) -> str:
    argv = [sys.executable, "-m", "engine.cli", "--host", daemon.url, *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout


async def test_managed_plugins_are_listed(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "rootfs" / "bin").mkdir(parents=True)
    (tmp_path / "rootfs" / "bin" / "sleep").write_bytes(b"")
    (tmp_path / "config.json").write_text(json.dumps(_MANIFEST))
    subprocess.run(["docker", "--host", daemon.url, "plugin", "create", "shop/keep:1", str(tmp_path)], check=True, capture_output=True)
    engine = connect(daemon.url)
    try:
        (found,) = await engine.system.plugins()
        assert (found.name, found.description, found.enabled) == ("shop/keep:1", "A volume driver that keeps nothing", False)
        assert found.provides == ("docker.volumedriver/1.0",) and json.loads(found.raw)["Id"] == found.id
        assert await engine.system.plugins({"enabled": ("true",)}) == []
        assert len(await engine.system.plugins({"capability": ("volumedriver",)})) == 1
        with pytest.raises(LongshoreError, match="nope"):
            await engine.system.plugins({"nope": ("x",)})
    finally:
        await engine.close()
    title, line = _longshore(daemon, "plugin", "ls").splitlines()
    assert title.split() == ["ID", "NAME", "DESCRIPTION", "ENABLED"]
    assert line.split() == [found.id[:12], "shop/keep:1", *"A volume driver that keeps nothing".split(), "false"]
    assert _longshore(daemon, "plugin", "ls", "-q", "--no-trunc") == f"{found.id}\n"


async def test_drivers_are_listed_and_used(daemon: Daemon, volume_plugin: str) -> None:
    engine = connect(daemon.url)
    try:
        info = await engine.system.info()
        assert {"bridge", "macvlan", "overlay"} <= set(info.network_drivers) and {"json-file", "journald"} <= set(info.log_drivers)
        assert "local" in info.volume_drivers
        made = await engine.volumes.create(VolumeSpec(name="far", driver=volume_plugin, options={"place": "moon"}))
        assert made.driver == volume_plugin and made.scope == "global" and _VolumePlugin.made == {"far": {"place": "moon"}}
        assert volume_plugin in (await engine.system.info()).volume_drivers
        shown = _longshore(daemon, "info")
        drivers = {title: words.split() for title, _, words in (line.partition(": ") for line in shown.splitlines())}
        assert {"local", volume_plugin} <= set(drivers[" Volume"]) and "macvlan" in drivers[" Network"] and "journald" in drivers[" Log"]
        await engine.volumes.remove("far")
        # Not every kernel has macvlan; that a driver is asked, the name of none shows.
        with pytest.raises(NotFound, match='"nobody" not found'):
            await engine.networks.create(NetworkSpec(name="wide", driver="nobody"))
    finally:
        await engine.close()


def test_drivers_are_completed(daemon: Daemon, volume_plugin: str) -> None:
    """Those of plugins too, behind a flag or behind its equals sign."""
    docker = subprocess.run(
        ["docker", "--host", daemon.url, "volume", "create", "-d", volume_plugin, "kept"], capture_output=True, check=False
    )
    assert docker.returncode == 0, "a plugin is known from its first use on"

    def offered(*words: str) -> list[str]:
        return _longshore(daemon, "__complete", "--", *words).split()

    try:
        assert {"local", volume_plugin} <= set(offered("volume", "create", "--driver", ""))
        assert offered("volume", "create", "-d", volume_plugin[:8]) == [volume_plugin]
        assert offered("volume", "create", "--driver=lo") == ["--driver=local"]
        assert {"bridge", "overlay"} <= set(offered("network", "create", "-d", "")) and offered(
            "network", "create", "--driver", "macv"
        ) == ["macvlan"]
        assert offered("run", "--log-driver", "json") == offered("service", "create", "--log-driver", "json") == ["json-file"]
        assert offered("network", "create", "--subnet", "") == [] and "--label" in offered("volume", "create", "--driver", "local", "--l")
    finally:
        subprocess.run(["docker", "--host", daemon.url, "volume", "rm", "kept"], capture_output=True, check=False)
