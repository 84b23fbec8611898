"""Questions about the engine and this machine."""

from __future__ import annotations

import os

from engine.backends.embedded import confined, details, wires
from engine.backends.embedded.core import Core
from engine.dockerapi import show
from engine.model import platform as platforms
from engine.model.system import EngineInfo, EngineVersion
from engine.model.version import API_VERSION, VERSION


def version(core: Core) -> EngineVersion:
    """Version of this engine."""
    shown = EngineVersion(
        engine="Longshore",
        version=VERSION,
        api_version=API_VERSION,
        architecture=platforms.host().architecture,
        kernel=os.uname().release,
    )
    return shown.replace(raw=show.version(shown))


def info(core: Core) -> EngineInfo:
    """Engine, host and counts."""
    counts = core.containers.counts()
    system = os.uname()
    running = counts.get("running", 0)
    paused = counts.get("paused", 0)
    total = sum(counts.values())
    rootless = os.path.exists(core.roots.netns)
    version = _cgroup_version()
    shown = EngineInfo(
        name=system.nodename,
        engine="Longshore",
        version=VERSION,
        root=core.roots.state,
        operating_system=_operating_system(),
        kernel=system.release,
        architecture=system.machine,
        cpus=len(os.sched_getaffinity(0)),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        storage_driver=details.DRIVER,
        cgroup_version=version,
        containers=total,
        running=running,
        paused=paused,
        stopped=total - running - paused,
        images=len(core.images.all()),
        rootless=rootless,
        security_options=(
            *confined.modules(),
            "name=seccomp,profile=builtin",
            *(["name=rootless"] if rootless else []),
            *(["name=cgroupns"] if version == "2" else []),
        ),
        warnings=_warnings(core),
        volume_drivers=("local",),
        network_drivers=("bridge", "host", "null"),
        log_drivers=("json-file", "local", "none"),
    )
    return shown.replace(raw=show.info(shown))


def _operating_system() -> str:
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            pairs = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    except (OSError, UnicodeDecodeError):
        return "Linux"
    return pairs.get("PRETTY_NAME", "Linux").strip("\"'")


def _cgroup_version() -> str:
    from engine.linux import cgroups

    try:
        return str(cgroups.detect().version)
    except OSError:
        return ""


def _warnings(core: Core) -> tuple[str, ...]:
    from engine.network import doctor

    if os.path.exists(core.roots.netns):
        from engine.rootless import aside
        from engine.rootless import doctor as missing

        found = [*missing.warnings(core.roots), *aside.run(core.roots.netns, doctor.warnings)]
    else:
        found = [*doctor.warnings(), *confined.troubles()]
        if _cgroup_version() in ("", "0"):
            found.insert(0, "no cgroups: limits, pause and exact statistics are not to be had")
    return (*found, *filter(None, (wires.follow_config(core),)), *map(str, core.troubles))
