"""Sockets of engines on this machine, at the places where their own documentation puts them.

A socket that is there may still be dead or forbidden: asking tells.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping

from engine.model.hosts import Host, Origin


def found(environ: Mapping[str, str] = os.environ) -> list[Host]:
    """The sockets that exist, each once, however many names lead to it."""
    hosts: dict[tuple[int, int], Host] = {}
    names: set[str] = set()
    for name, path in _places(environ):
        try:
            status = os.stat(path)
        except OSError:
            continue
        if stat.S_ISSOCK(status.st_mode) and name not in names and (status.st_dev, status.st_ino) not in hosts:
            hosts[status.st_dev, status.st_ino] = Host(name=name, url=f"unix://{path}", origin=Origin.FOUND)
            names.add(name)
    return list(hosts.values())


def _places(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    home = environ.get("HOME") or os.path.expanduser("~")
    runtime = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    yield "docker-rootful", "/var/run/docker.sock"
    yield "docker-rootless", f"{runtime}/docker.sock"
    yield "docker-rootless", f"{home}/.docker/run/docker.sock"
    yield "docker-desktop", f"{home}/.docker/desktop/docker.sock"
    yield "podman-rootful", "/run/podman/podman.sock"
    yield "podman-rootless", f"{runtime}/podman/podman.sock"
    for base in (environ.get("COLIMA_HOME", ""), f"{home}/.colima", f"{config}/colima"):
        if base:
            yield "colima", f"{base}/docker.sock"  # before 0.4
            yield "colima", f"{base}/default/docker.sock"
            yield from ((f"colima-{profile}", f"{base}/{profile}/docker.sock") for profile in _entries(base))
    yield "rancher-desktop", f"{home}/.rd/docker.sock"
    yield from ((f"lima-{machine}", f"{home}/.lima/{machine}/sock/docker.sock") for machine in _entries(f"{home}/.lima"))


def _entries(directory: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(directory) if not name.startswith(("_", ".")))
    except OSError:
        return []
