"""What must not end a container, or the supervisor that looks after it."""

from __future__ import annotations

import os
import resource
import threading
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import EngineFault
from engine.model.containers import ExecConfig
from engine.model.health import Healthcheck
from engine.spawner import client as spawner
from engine.spawner import wire
from engine.supervisor import places
from tests.privileged.lab import RUNNING, Lab
from tests.support.wait import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def test_timers_that_are_a_year_away_end_nothing(lab: Lab) -> None:
    check = Healthcheck(test=("CMD", "true"), interval=365 * 86400.0, timeout=1e12)
    container = lab.run("sh", "-c", "trap 'echo heard' TERM; echo ready; while :; do sleep 0.1; done", healthcheck=check)
    lab.says(container, b"ready")
    stopping = threading.Thread(target=lambda: lab.life.stop(container, timeout=365 * 86400))
    stopping.start()
    lab.says(container, b"heard")
    assert lab.execute(container, "echo", "still here") == (0, b"still here\n")
    lab.life.kill(container)
    stopping.join()
    assert lab.state(container).error == ""


def test_who_looks_after_it_is_known_by_name(lab: Lab) -> None:
    """Executed from a descriptor, a process has its number for a name, and top(1) shows nothing else of it."""
    container = lab.run("sleep", "1000")
    names = [Path(f"/proc/{pid}/comm").read_text() for pid in (lab.supervisor(container), lab.state(container).pid)]
    assert names == ["longshore\n", "sleep\n"]


@pytest.mark.parametrize(
    "request_",
    [
        {"op": "stop", "timeout": "x"},
        {"op": "stop", "timeout": 10**400},
        {"op": "exec", "config": "{}{"},
        {"op": "exec", "config": "[1]"},
        {"op": "policy", "max_retries": "x"},
        {"op": []},
    ],
)
def test_a_request_that_makes_no_sense_is_refused_and_the_container_goes_on(lab: Lab, request_: dict[str, object]) -> None:
    container = lab.run("sleep", "1000")
    supervisor = lab.supervisor(container)
    client = wire.connect(places.socket_path(lab.roots, container))
    assert client is not None
    with closing(client):
        client.sendall(wire.message(wire.REQUEST, request_))
        answer = wire.receive(client)
    assert answer is not None and answer[0] == wire.ERROR
    assert lab.supervisor(container) == supervisor and lab.state(container).status is RUNNING


@pytest.mark.parametrize("payload", [b"{", b"[]", b'{"width": "x"}', b'{"width": []}'])
def test_a_size_that_makes_no_sense_ends_its_session_alone(lab: Lab, payload: bytes) -> None:
    container = lab.run("sleep", "1000", tty=True)
    supervisor = lab.supervisor(container)
    client = wire.connect(places.socket_path(lab.roots, container))
    assert client is not None
    with closing(client):
        client.sendall(wire.message(wire.REQUEST, {"op": "attach"}))
        assert wire.receive(client) is not None
        client.sendall(wire.frame(wire.RESIZE, payload))
        assert wire.receive(client) is None
    assert lab.supervisor(container) == supervisor and lab.state(container).status is RUNNING


def test_a_supervisor_without_room_for_another_file_refuses_sessions_and_keeps_its_container(lab: Lab) -> None:
    container = lab.run("sh", "-c", "ulimit -n; while :; do sleep 0.1; done")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    supervisor = lab.supervisor(container)
    assert resource.prlimit(supervisor, resource.RLIMIT_NOFILE) == (hard, hard)
    lab.says(container, b"%d\n" % soft)
    held = max(int(name) for name in os.listdir(f"/proc/{supervisor}/fd"))
    resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (held + 3, hard))
    with pytest.raises(EngineFault):  # room for its client and the clerk, none for the process
        lab.life.exec(container, ExecConfig(cmd=("sleep", "2000"), detach=True))
    resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (3, hard))
    late = threading.Thread(target=lambda: lab.life.kill(container, signal="WINCH"))
    late.start()
    engine_log = Path(lab.roots.run, spawner.LOG)
    until(lambda: "cannot take a client" in engine_log.read_text(), what="a client that there is no room for")
    resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (hard, hard))
    late.join()
    code, processes = lab.execute(container, "ps", "-o", "args")
    assert code == 0 and b"sleep 2000" not in processes
    assert lab.supervisor(container) == supervisor and lab.state(container).status is RUNNING


@pytest.mark.parametrize(("op", "times"), [("wait", 1000), ("attach", 400), ("exec", 150)])
def test_clients_that_come_and_go_cost_nothing(lab: Lab, op: str, times: int) -> None:
    """A container runs for months, and something may look into it every second."""
    container = lab.run("sleep", "1000")
    supervisor = lab.supervisor(container)

    def visit(count: int) -> int:
        """Kilobytes of the supervisor's own afterwards."""
        for _ in range(count):
            if op == "exec":
                assert lab.execute(container, "true") == (0, b"")
                continue
            client = wire.connect(places.socket_path(lab.roots, container))
            assert client is not None
            with closing(client):
                client.sendall(wire.message(wire.REQUEST, {"op": op}))
        assert lab.execute(container, "true") == (0, b"")
        rollup = Path(f"/proc/{supervisor}/smaps_rollup").read_text()
        return int(rollup.partition("Private_Dirty:")[2].split()[0])

    before = visit(50)
    assert visit(times) - before < times, "less than a kilobyte each"
    assert lab.state(container).status is RUNNING
