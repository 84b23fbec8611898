"""``kill -9`` of every process at every instant: the next look tells the truth, and nothing is left behind."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.backends.embedded.recovery import suspects, sweep
from engine.backends.embedded.sessions import Wait
from engine.errors import LongshoreError, NotFound
from engine.linux.cgroups import open_cgroup
from engine.model.containers import ContainerStatus, HostConfig, RestartPolicy
from engine.spawner import wire
from engine.store.database import Database
from engine.supervisor import client, exits, places
from tests.privileged.lab import CREATED, EXITED, RUNNING, Lab, alive, laboratory
from tests.support.wait import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def lab(tmp_path: Path, layer: str) -> Iterator[Lab]:
    with laboratory(tmp_path, layer) as made:
        yield made


def children(pid: int) -> set[int]:
    try:
        return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    except (FileNotFoundError, ProcessLookupError):
        return set()


def nothing_is_left(lab: Lab, container: str) -> None:
    """Neither cgroup nor lease nor stale socket nor lock holder."""
    for controller in ("memory", "pids", "freezer", "cpu"):
        assert not os.path.exists(f"/sys/fs/cgroup/{controller}/longshore/{container}")
    assert not lab.database.query("SELECT * FROM leases WHERE container_id = ?", container)
    assert not os.path.exists(places.socket_path(lab.roots, container))
    assert not lab.supervisor(container)


def test_killed_supervisor_takes_its_container_along_and_the_sweep_says_so(lab: Lab) -> None:
    container = lab.run("sleep", "1000", host=HostConfig())
    pid = lab.state(container).pid
    os.kill(lab.supervisor(container), signal.SIGKILL)
    until(lambda: not alive(pid), what="the container dies with its supervisor")
    assert suspects(lab.roots, lab.database) == {container}
    assert sweep(lab.roots, lab.database) == []
    state = lab.state(container)
    assert (state.status, state.exit_code, state.pid) == (EXITED, 137, 0)
    assert state.error
    assert lab.told(container) == ["start", "die"]
    nothing_is_left(lab, container)
    assert suspects(lab.roots, lab.database) == set()
    lab.life.start(container)
    assert lab.state(container).status is RUNNING


@pytest.mark.parametrize("verb", ["start", "stop", "kill", "remove", "restart", "exec", "attach"])
def test_every_verb_finds_the_truth_by_itself(lab: Lab, verb: str) -> None:
    container = lab.run("sleep", "1000")
    os.kill(lab.supervisor(container), signal.SIGKILL)
    until(lambda: not places.alive(lab.roots, container))
    try:
        if verb == "exec":
            lab.execute(container, "true")
        elif verb == "restart":
            lab.life.restart(container, timeout=0)
        elif verb == "attach":
            lab.life.attach(container).close()
        else:
            getattr(lab.life, verb)(container)
    except LongshoreError as error:
        assert verb in ("kill", "exec"), error
        assert "is not running" in error.message
    if verb == "remove":
        with pytest.raises(NotFound):
            lab.containers.get(container)
    elif verb in ("start", "restart"):
        assert lab.state(container).status is RUNNING
        assert lab.supervisor(container)
    else:
        assert lab.state(container).status is EXITED


def test_paused_container_of_a_killed_supervisor_does_not_stay_frozen(lab: Lab) -> None:
    container = lab.run("sleep", "1000")
    pid = lab.state(container).pid
    lab.life.pause(container)
    os.kill(lab.supervisor(container), signal.SIGKILL)
    until(lambda: not places.alive(lab.roots, container))
    sweep(lab.roots, lab.database)
    until(lambda: not alive(pid))
    assert lab.state(container).status is EXITED
    nothing_is_left(lab, container)


def test_waiters_and_attached_hear_of_a_killed_supervisor(lab: Lab) -> None:
    container = lab.run("sleep", "1000")
    session = lab.life.attach(container)
    sources = [lab.life.wait(container, condition) for condition in ("not-running", "next-exit")]
    found: list[int] = []

    def wait(source: Wait) -> None:
        ended = source.next()
        found.append(ended.exit_code if ended else -1)

    threads = [threading.Thread(target=wait, args=(source,)) for source in sources]
    for thread in threads:
        thread.start()
    os.kill(lab.supervisor(container), signal.SIGKILL)
    assert session.read() is None
    code = session.exit_code()
    session.close()
    for thread in threads:
        thread.join()
    for source in sources:
        source.close()
    assert [code, *found] == [137, 137, 137]


def test_exit_that_only_the_file_knows_is_taken_from_it(lab: Lab) -> None:
    container = lab.run("sleep", "1000")
    record = lab.containers.get(container)
    os.kill(lab.supervisor(container), signal.SIGKILL)
    until(lambda: not places.alive(lab.roots, container))
    known = exits.ExitRecord(pid=record.state.pid, pid_start=record.pid_start, exit_code=42, finished_at=1234.5)
    exits.write(lab.roots, container, known)
    sweep(lab.roots, lab.database)
    state = lab.state(container)
    assert (state.exit_code, state.finished_at, state.error) == (42, 1234.5, "")


def test_auto_remove_is_made_up_for(lab: Lab) -> None:
    container = lab.run("sleep", "1000", host=HostConfig(network_mode="none", auto_remove=True))
    os.kill(lab.supervisor(container), signal.SIGKILL)
    until(lambda: not places.alive(lab.roots, container))
    sweep(lab.roots, lab.database)
    with pytest.raises(NotFound):
        lab.containers.get(container)
    assert not os.path.exists(lab.roots.container_dir(container))


def test_reboot_is_told_from_a_kill(lab: Lab) -> None:
    container = lab.run("sleep", "1000", host=HostConfig(network_mode="none", restart_policy=RestartPolicy(name="always")))
    os.kill(lab.supervisor(container), signal.SIGKILL)
    until(lambda: not places.alive(lab.roots, container))
    from engine.supervisor.trees import remove_tree

    remove_tree(lab.roots.container_run_dir(container))  # as a reboot empties /run
    sweep(lab.roots, lab.database)
    assert (lab.state(container).status, lab.state(container).exit_code) == (EXITED, 255)


def test_killed_clerk_is_replaced(lab: Lab) -> None:
    container = lab.run("sh", "-c", "while :; do sleep 0.05; done")
    supervisor, main = lab.supervisor(container), lab.state(container).pid
    lab.life.pause(container)
    for clerk in children(supervisor) - {main}:
        os.kill(clerk, signal.SIGKILL)
    lab.life.unpause(container)
    assert lab.state(container).status is RUNNING
    lab.life.kill(container)
    assert lab.state(container).exit_code == 137


@pytest.mark.parametrize("victim", ["clerk", "reserve"])
def test_killed_spares_are_replaced(lab: Lab, victim: str) -> None:
    """The clerk that waits for a client, and the process that it keeps in reserve."""
    busy = lab.supervisor(lab.run("sleep", "1000"))
    spawner = _parent(busy)

    def waiting() -> int:
        return next((pid for pid in children(spawner) - {busy} if len(children(pid)) == 2), 0)

    spare = until(waiting, what="a spare with its clerk and its reserve")
    own = os.readlink("/proc/self/ns/pid")
    reserve, clerk = sorted(children(spare), key=lambda pid: os.readlink(f"/proc/{pid}/ns/pid") == own)
    os.kill(clerk if victim == "clerk" else reserve, signal.SIGKILL)
    if victim == "clerk":
        until(lambda: not alive(spare) and not alive(reserve), what="a spare without a clerk leaves")
    assert lab.wait(lab.run("true")) == 0
    until(lambda: not alive(spare))


def test_supervisor_killed_while_it_waits_to_restart(lab: Lab) -> None:
    container = lab.run("false", host=HostConfig(network_mode="none", restart_policy=RestartPolicy(name="always")))
    until(lambda: lab.state(container).restart_count >= 3)
    until(lambda: lab.state(container).status is ContainerStatus.RESTARTING)
    os.kill(lab.supervisor(container), signal.SIGKILL)
    until(lambda: not places.alive(lab.roots, container))
    sweep(lab.roots, lab.database)
    assert (lab.state(container).status, lab.state(container).exit_code) == (EXITED, 1)


def _front_end(lab: Lab, container: str) -> int:
    """A process that starts, runs into and removes a container over and over, until it is killed."""
    pid = os.fork()
    if pid:
        return pid
    try:
        own = type(lab.life)(lab.roots, Database.of(lab.roots))
        while True:
            for call in (own.start, own.pause, own.unpause, own.kill):
                try:
                    call(container)
                except LongshoreError:
                    continue
    finally:
        os._exit(0)


@pytest.mark.parametrize("victim", ["front end", "supervisor", "spawner", "clerk"])
def test_any_instant(lab: Lab, victim: str) -> None:
    """Kill at random moments of a busy life, then look."""
    chance = random.Random(victim)
    container = lab.make("sleep", "1000", host=HostConfig())
    for _ in range(6):
        front = _front_end(lab, container)
        try:
            until(lambda: lab.supervisor(container))
            deadline = time.monotonic() + chance.random() * 0.12
            while time.monotonic() < deadline:
                os.sched_yield()
            _strike(lab, container, victim, front)
        finally:
            os.kill(front, signal.SIGKILL)
            os.waitpid(front, 0)
        _settled(lab, container)
    lab.life.remove(container, force=True)
    nothing_is_left(lab, container)


def _strike(lab: Lab, container: str, victim: str, front: int) -> None:
    supervisor = lab.supervisor(container)
    main = lab.state(container).pid
    pids = {
        "front end": {front},
        "supervisor": {supervisor},
        "spawner": {_parent(supervisor)} if supervisor else set(),
        "clerk": children(supervisor) - {main} if supervisor else set(),
    }[victim]
    for pid in pids - {0, 1}:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _settled(lab: Lab, container: str) -> None:
    """What the database says after a sweep is so."""

    def true() -> bool:
        sweep(lab.roots, lab.database)
        state = lab.state(container)
        held = bool(lab.supervisor(container))
        if state.status in (EXITED, CREATED):
            return not held and state.pid == 0
        return held and alive(state.pid)

    until(true, what="recorded state and processes agree")


def test_requests_of_a_vanished_front_end_do_not_stay(lab: Lab) -> None:
    container = lab.run("sleep", "1000")
    supervisor = lab.supervisor(container)
    sessions = [lab.life.attach(container) for _ in range(20)]
    assert _sockets(supervisor) > 20, "they are all served"
    for session in sessions:
        session.close()
    half = wire.connect(places.socket_path(lab.roots, container))
    assert half is not None
    half.sendall(wire.HEADER.pack(wire.REQUEST, 100) + b"{")
    half.close()
    until(lambda: _sockets(supervisor) <= 2)
    assert lab.state(container).status is RUNNING


def _sockets(pid: int) -> int:
    return sum(_is_socket(pid, name) for name in os.listdir(f"/proc/{pid}/fd"))


def _is_socket(pid: int, fd: str) -> bool:
    try:
        return os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
    except FileNotFoundError:
        return False


def test_what_a_dying_clerk_made_goes_with_the_container(lab: Lab) -> None:
    """It outlives its supervisor's locks by a moment, and may make a control group when the sweep has been there."""
    container = lab.make("true")
    group = open_cgroup(f"/longshore/{container}")
    group.create()
    try:
        sweep(lab.roots, lab.database)
        lab.life.remove(container)
        assert not group.exists()
    finally:
        group.remove()


def test_a_newer_version_stops_what_this_one_started(lab: Lab) -> None:
    """The upgrade has changed the database: its supervisor can not write there any more, and tells the end in a file."""
    container = lab.run("sleep", "1000")
    main = lab.state(container).pid
    supervisor = lab.supervisor(container)
    until(lambda: children(supervisor) == {main}, what="the clerk, who has the database open, leaves")
    connection = lab.database.connection()
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.execute("PRAGMA user_version = 99")
    try:
        client.ask(lab.roots, container, "stop", timeout=0)
        until(lambda: not alive(main))
        until(lambda: not lab.supervisor(container), what="the supervisor leaves")
    finally:
        connection.execute(f"PRAGMA user_version = {version}")
    sweep(lab.roots, lab.database)
    assert (lab.state(container).status, lab.state(container).exit_code, lab.state(container).error) == (EXITED, 137, "")
    nothing_is_left(lab, container)
    log = Path(lab.roots.run, "engine.log")
    assert "was written by a newer Longshore" in log.read_text()
    log.write_text("")  # the laboratory wants an empty one
