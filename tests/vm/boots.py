"""Inside the virtual machine, under systemd: what a power cut and a boot leave of containers with a restart policy.

``python -m tests.vm.boots FILE`` is a unit of its own, after the README's. It runs once in each of two boots, the second of which comes
after a cut without warning, and writes lines for :mod:`tests.vm.machine` to read.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, TextIO

from engine.connect import connect
from engine.model.containers import RestartPolicy
from tests.contract.lab import Lab
from tests.support.wait import until
from tests.vm.checks import MIB, OURS, value
from tests.vm.inside import IMAGE, pieces
from tests.vm.ordinary import USER

MARK = "/var/lib/boots"

Step = Callable[[Lab], Awaitable[None]]


def _systemctl(*words: str) -> str:
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


async def the_unit_of_the_readme_starts(lab: Lab) -> None:
    """With nothing to start, on a machine whose init is systemd."""
    assert _systemctl("is-active", "longshore") == "active"
    assert _systemctl("show", "--value", "--property", "Delegate", "longshore") == "yes"


async def limits_hold_beside_systemd(lab: Lab) -> None:
    """Systemd looks after the groups that it knows, switches their controllers, and leaves ours as they are."""
    await lab.engine.images.import_(pieces("/busybox.tar"), reference=f"{IMAGE}:latest")
    for name, policy in (("always", "always"), ("plain", "no"), ("stopped", "unless-stopped")):
        await lab.start("sleep", "100000", name=name, memory=48 * MIB, restart_policy=RestartPolicy(name=policy))
    await lab.engine.containers.stop("stopped", timeout=0)
    for words in (("daemon-reload",), ("start", "limited"), ("stop", "limited")):
        _systemctl(*words)
    always = (await lab.inspect("always")).container.id
    assert value(always, "memory.max") == str(48 * MIB) and value(always, "cgroup.procs")


async def containers_outlive_their_unit(lab: Lab) -> None:
    """``KillMode=process``: a unit that is stopped takes no container along."""
    always = (await lab.inspect("always")).container.id
    before = value(always, "cgroup.procs")
    _systemctl("stop", "longshore")
    assert value(always, "cgroup.procs") == before
    assert (await lab.exec(always, "echo", "alive")).out == b"alive\n"


async def a_boot_brings_back_what_it_should(lab: Lab) -> None:
    """The unit has done it, before a command of ours could: we look for the groups first."""
    assert _systemctl("is-active", "longshore") == "active"
    running = [name for name in os.listdir(OURS) if os.path.isdir(f"{OURS}/{name}")]
    found = {each.name: (str(each.state.status), each.id in running) for each in await lab.engine.containers.list(all=True)}
    assert found == {"always": ("running", True), "plain": ("exited", False), "stopped": ("exited", False)}
    (always,) = running
    assert value(always, "memory.max") == str(48 * MIB)
    assert (await lab.exec(always, "echo", "alive")).out == b"alive\n"


async def the_last_container_takes_its_group_along(lab: Lab) -> None:
    await lab.clean()
    until(lambda: not os.path.exists(OURS), what=f"{OURS} goes with the last container")


async def an_ordinary_user_has_what_systemd_delegates(lab: Lab) -> None:
    """In services of their own manager: the controllers that the distribution's unit gives at first, all after what ``info`` advises."""
    manager, home = f"user@{USER}.service", f"/home/{USER}"
    os.makedirs(home)
    os.chown(home, USER, USER)
    _systemctl("start", manager)
    _own("import", "/busybox.tar", "own")
    look = ("own", "cat", *(f"/sys/fs/cgroup/{name}.max" for name in ("memory", "pids", "cpu")))
    limits = ("-m", "32m", "--pids-limit", "9", "--cpus", "0.5")
    assert _own("run", "--rm", "--network", "none", *limits, *look).split() == [str(32 * MIB), "9", "50000", "100000"]
    (advice,) = [line for line in json.loads(_own("info", "--format", "{{json .Warnings}}")) if "delegated" in line]
    assert "cgroup controllers cpuset, io are not delegated" in advice
    lines, _, path = advice.partition("write ")[2].partition(",")[0].partition(" to ")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write("\n".join(lines.split(" and ")))
    for words in (("daemon-reload",), ("restart", manager)):
        _systemctl(*words)
    assert "delegated" not in _own("info", "--format", "{{json .Warnings}}")
    look = ("own", "cat", "/sys/fs/cgroup/cpuset.cpus")
    assert _own("run", "--rm", "--network", "none", "--cpuset-cpus", "1", *look) == "1\n"
    _own("run", "-d", "--name", "box", "--network", "none", "own", "sleep", "1000")
    _own("pause", "box")
    assert _own("inspect", "--format", "{{.State.Status}}", "box") == "paused\n"
    _own("rm", "-f", "box")
    groups = f"/sys/fs/cgroup/user.slice/user-{USER}.slice/{manager}/longshore"
    until(lambda: not os.path.exists(groups), what=f"{groups} goes with the last container")
    with open(f"{home}/run/engine.log") as file:
        assert not (text := file.read()), text
    _systemctl("stop", manager)


def _own(*verb: str) -> str:
    """What the ``longshore`` of an ordinary user says, in a service of the manager of their session.

    A scope would take the system's message bus: who is outside of a user's groups is brought into one by the manager of the machine.
    """
    home, said = f"/home/{USER}", f"/home/{USER}/said"
    environment = {"HOME": home, "XDG_RUNTIME_DIR": f"/run/user/{USER}", "LONGSHORE_ROOT": f"{home}/state", "LONGSHORE_RUN": f"{home}/run"}
    environment |= {name: os.environ[name] for name in ("PATH", "PYTHONPATH")}
    properties = ("Delegate=yes", "Type=oneshot", "KillMode=process", f"StandardOutput=truncate:{said}", f"StandardError=truncate:{said}.2")
    settings = (*(f"--property={each}" for each in properties), *(f"--setenv={name}={each}" for name, each in environment.items()))
    command = ["systemd-run", "--user", "--quiet", *settings, sys.executable, "-m", "engine.cli", *verb]
    who: dict[str, Any] = {"user": USER, "group": USER, "extra_groups": ()}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, env=environment, cwd=home, **who)
    with open(said) as out, open(f"{said}.2") as err:
        text, trouble = out.read(), err.read()
    assert done.returncode == 0, f"{verb}: {done.returncode}: {done.stdout!r} {text}{trouble}"
    return text


FIRST: tuple[Step, ...] = (
    the_unit_of_the_readme_starts,
    limits_hold_beside_systemd,
    an_ordinary_user_has_what_systemd_delegates,
    containers_outlive_their_unit,
)
SECOND: tuple[Step, ...] = (a_boot_brings_back_what_it_should, the_last_container_takes_its_group_along)
STEPS = [step.__name__ for step in (*FIRST, *SECOND)]


async def _do(steps: tuple[Step, ...], results: TextIO) -> None:
    engine = connect("embedded:")
    lab = Lab(engine, "vm", ())
    for step in steps:
        print(json.dumps({"name": step.__name__}), file=results, flush=True)
        started, error = time.monotonic(), ""
        try:
            await step(lab)
        except Exception:
            error = traceback.format_exc()
        seconds = round(time.monotonic() - started, 2)
        print(json.dumps({"name": step.__name__, "error": error, "seconds": seconds}), file=results, flush=True)


def main() -> None:
    with open(sys.argv[1], "w") as results:
        again = os.path.exists(MARK)
        asyncio.run(_do(SECOND if again else FIRST, results))
    with open(MARK, "w"):
        os.sync()
    with open("/proc/sysrq-trigger", "w") as file:  # at once, with nobody told: off, or a boot (Documentation/admin-guide/sysrq.rst)
        file.write("o" if again else "b")


if __name__ == "__main__":
    main()
