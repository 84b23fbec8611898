"""A container's life under its supervisor, on the real kernel."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import Conflict, ExecutableNotFound, InvalidArgument, NotExecutable, NotFound, NotModified, StartFailed
from engine.model.containers import ContainerExit, ContainerStatus, ExecConfig, HostConfig, RestartPolicy
from engine.model.streams import StreamName
from engine.spawner import client as spawner
from engine.spawner import interpreter, wire
from engine.supervisor import places
from tests.privileged.lab import EXITED, PAUSED, RESTARTING, RUNNING, Lab, alive
from tests.support.wait import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

NONE = "none"


def host(**settings: object) -> HostConfig:
    return HostConfig(network_mode=NONE).replace(**settings)


# -- start and end ---------------------------------------------------------------------------------------------------------


def test_run_to_the_end_with_output_exit_code_and_events(lab: Lab) -> None:
    container = lab.run("sh", "-c", "echo out; echo err >&2; exit 3")
    assert lab.wait(container) == 3
    state = lab.state(container)
    assert (state.status, state.exit_code, state.pid, state.oom_killed) == (EXITED, 3, 0, False)
    assert 0 < state.started_at <= state.finished_at
    assert sorted(lab.output(container).splitlines()) == [b"err", b"out"]
    assert lab.told(container) == ["start", "die"]
    until(lambda: not lab.supervisor(container), what="the supervisor leaves")


def test_running_container_has_a_supervisor_a_pid_and_its_start_time(lab: Lab) -> None:
    container = lab.run("sleep", "1000")
    record = lab.containers.get(container)
    assert record.state.status is RUNNING
    with open(f"/proc/{record.state.pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    assert int(fields[19]) == record.pid_start
    assert int(fields[1]) == lab.supervisor(container), "the container is its supervisor's child"
    assert "memfd:longshore" in os.readlink(f"/proc/{lab.supervisor(container)}/exe")


@pytest.mark.parametrize(
    ("argv", "error", "code", "words"),
    [
        (("no-such-program",), ExecutableNotFound, 127, "executable file not found in $PATH"),
        (("/no/such/file",), ExecutableNotFound, 127, "no such file or directory"),
        (("/etc/passwd",), NotExecutable, 126, "permission denied"),
        (("/etc",), NotExecutable, 126, "/etc"),
    ],
)
def test_programs_that_can_not_be_executed(lab: Lab, argv: tuple[str, ...], error: type, code: int, words: str) -> None:
    container = lab.make(*argv)
    with pytest.raises(error, match=words.replace("$", r"\$")):
        lab.life.start(container)
    state = lab.state(container)
    assert (state.status, state.exit_code, state.pid) == (ContainerStatus.CREATED, code, 0)
    assert state.error
    until(lambda: not lab.supervisor(container))


def test_other_failures_are_128(lab: Lab) -> None:
    container = lab.make("true", user="nobody-knows-me")
    with pytest.raises(StartFailed) as caught:
        lab.life.start(container)
    assert caught.value.exit_code == 128
    assert lab.state(container).exit_code == 128


@pytest.mark.parametrize(("script", "code"), [("kill -KILL $$; sleep 9", 0), ("exit 255", 255), ("(exit 7)", 7)])
def test_exit_codes(lab: Lab, script: str, code: int) -> None:
    if "KILL" in script:  # PID 1 can not be killed from inside; a child of it can
        container = lab.run("sh", "-c", "sh -c 'kill -KILL $$'; exit $?")
        assert lab.wait(container) == 137
        return
    assert lab.wait(lab.run("sh", "-c", script)) == code


def test_starting_twice_is_not_modified_and_again_after_the_end_works(lab: Lab) -> None:
    container = lab.run("cat", open_stdin=True)
    with pytest.raises(NotModified):
        lab.life.start(container)
    lab.life.kill(container)
    assert lab.state(container).exit_code == 137
    lab.life.start(container)
    assert lab.state(container).status is RUNNING
    lab.life.kill(container)
    assert lab.told(container) == ["start", "kill", "die", "start", "kill", "die"]


def test_many_starts_at_once_make_one_run(lab: Lab) -> None:
    container = lab.make("sleep", "1000")
    answers: list[str] = []

    def start() -> None:
        try:
            lab.life.start(container)
            answers.append("started")
        except NotModified:
            answers.append("ran already")

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["ran already"] * 3 + ["started"]
    assert lab.told(container) == ["start"]


def test_unknown_container(lab: Lab) -> None:
    for call in (lab.life.start, lab.life.stop, lab.life.kill, lab.life.pause, lab.life.remove, lab.life.attach, lab.life.wait):
        with pytest.raises(NotFound, match="No such container: nobody"):
            call("nobody")


# -- stop and kill ---------------------------------------------------------------------------------------------------------


def test_stop_sends_the_stop_signal(lab: Lab) -> None:
    container = lab.run("sh", "-c", "trap 'exit 42' USR1; echo ready; while :; do sleep 0.05; done", stop_signal="SIGUSR1")
    lab.says(container, b"ready")
    lab.life.stop(container)
    assert lab.state(container).exit_code == 42
    assert lab.told(container) == ["start", "kill", "die", "stop"]
    assert lab.containers.get(container).manually_stopped
    with pytest.raises(NotModified):
        lab.life.stop(container)


def test_stop_kills_after_the_timeout(lab: Lab) -> None:
    container = lab.run("sleep", "1000")  # PID 1 without a handler ignores SIGTERM
    lab.life.stop(container, timeout=0)
    assert lab.state(container).exit_code == 137
    signals = [event.attributes["signal"] for event in lab.events() if event.id == container and event.action == "kill"]
    assert signals == ["15", "9"]


def test_own_stop_timeout_counts(lab: Lab) -> None:
    container = lab.run("sleep", "1000", stop_timeout=0)
    lab.life.stop(container)
    assert lab.state(container).exit_code == 137


def test_stop_goes_on_when_its_caller_is_gone(lab: Lab) -> None:
    container = lab.run("sleep", "1000", stop_timeout=0)
    sock = wire.connect(places.socket_path(lab.roots, container))
    assert sock is not None
    sock.sendall(wire.message(wire.REQUEST, {"op": "stop", "id": container}))
    sock.close()
    until(lambda: lab.state(container).status is EXITED)


def test_kill_with_any_signal(lab: Lab) -> None:
    container = lab.run("sh", "-c", "trap 'echo caught' HUP; echo ready; while :; do sleep 0.05; done")
    lab.says(container, b"ready")
    lab.life.kill(container, signal="SIGHUP")
    lab.says(container, b"caught")
    assert lab.state(container).status is RUNNING
    with pytest.raises(InvalidArgument, match="invalid signal: NOPE"):
        lab.life.kill(container, signal="NOPE")
    lab.life.kill(container)
    assert lab.state(container).status is EXITED
    with pytest.raises(Conflict, match="is not running"):
        lab.life.kill(container)


def test_restart_is_a_stop_and_a_start(lab: Lab) -> None:
    container = lab.run("sleep", "1000", host=host(auto_remove=True))
    first = lab.state(container).pid
    lab.life.restart(container, timeout=0)
    assert lab.state(container).status is RUNNING
    assert lab.state(container).pid != first
    assert lab.told(container)[-3:] == ["stop", "start", "restart"]
    lab.life.restart(container, timeout=0)
    assert lab.state(container).status is RUNNING


# -- pause -----------------------------------------------------------------------------------------------------------------


def test_pause_and_unpause(lab: Lab) -> None:
    container = lab.run("sh", "-c", "while :; do echo tick; sleep 0.02; done")
    lab.says(container, b"tick")
    lab.life.pause(container)
    assert lab.state(container).status is PAUSED
    assert frozen(container)
    with pytest.raises(Conflict, match="already paused"):
        lab.life.pause(container)
    with pytest.raises(Conflict, match="paused"):
        lab.execute(container, "true")
    with pytest.raises(Conflict, match="paused"):
        lab.life.start(container)
    with pytest.raises(Conflict, match="paused"):
        lab.life.remove(container)
    lab.life.unpause(container)
    assert not frozen(container)
    size = len(lab.output(container))
    until(lambda: len(lab.output(container)) > size)
    with pytest.raises(Conflict, match="is not paused"):
        lab.life.unpause(container)
    assert lab.told(container) == ["start", "pause", "unpause"]


def frozen(container: str) -> bool:
    """Its control group is frozen, by version 1's word or version 2's."""
    for path, word in (("freezer/longshore/{}/freezer.state", "FROZEN"), ("longshore/{}/cgroup.events", "frozen 1")):
        file = Path("/sys/fs/cgroup", path.format(container))
        if file.exists():
            return word in file.read_text()
    raise AssertionError("no freezer")


@pytest.mark.parametrize("end", ["kill", "stop", "remove"])
def test_paused_containers_can_be_ended(lab: Lab, end: str) -> None:
    container = lab.run("sleep", "1000")
    lab.life.pause(container)
    if end == "kill":
        lab.life.kill(container)
    elif end == "stop":
        lab.life.stop(container, timeout=0)
    else:
        lab.life.remove(container, force=True)
        return
    assert (lab.state(container).status, lab.state(container).exit_code) == (EXITED, 137)


# -- restart policy, removal, wait --------------------------------------------------------------------------------------------


def test_on_failure_restarts_so_often_and_counts(lab: Lab) -> None:
    container = lab.run("sh", "-c", "echo run; exit 5", host=host(restart_policy=RestartPolicy(name="on-failure", max_retries=2)))
    until(lambda: lab.state(container).status is EXITED and not lab.supervisor(container))
    assert lab.output(container) == b"run\n" * 3
    assert (lab.state(container).restart_count, lab.state(container).exit_code) == (2, 5)
    assert lab.told(container) == ["start", "die"] * 3


def test_always_restarts_until_it_is_stopped(lab: Lab) -> None:
    container = lab.run("sh", "-c", "exit 0", host=host(restart_policy=RestartPolicy(name="always")))
    until(lambda: lab.state(container).restart_count >= 2)
    lab.life.stop(container, timeout=0)
    assert lab.state(container).status is EXITED
    assert lab.containers.get(container).manually_stopped
    until(lambda: not lab.supervisor(container))


def test_unless_stopped_survives_a_death_but_not_a_stop(lab: Lab) -> None:
    container = lab.run("sleep", "1000", host=host(restart_policy=RestartPolicy(name="unless-stopped")))
    os.kill(lab.state(container).pid, signal.SIGKILL)
    until(lambda: lab.state(container).status is RUNNING and lab.state(container).restart_count == 1)
    lab.life.kill(container)
    assert lab.state(container).status is EXITED


def test_between_two_runs_it_is_restarting(lab: Lab) -> None:
    container = lab.run("false", host=host(restart_policy=RestartPolicy(name="always")))
    until(lambda: lab.state(container).restart_count >= 3)  # the delay has grown
    until(lambda: lab.state(container).status is RESTARTING)

    def refused(call: Callable[[], object]) -> bool:
        try:
            call()
        except Conflict as error:
            return "restarting" in error.message
        return False

    until(lambda: refused(lambda: lab.execute(container, "true")))
    until(lambda: refused(lambda: lab.life.remove(container)))
    lab.life.remove(container, force=True)
    assert lab.told(container)[-1] == "destroy"


def test_auto_remove(lab: Lab) -> None:
    container = lab.make("sh", "-c", "exit 4", host=host(auto_remove=True))
    source = lab.life.wait(container, "removed")
    lab.life.start(container)
    found = source.next()
    source.close()
    assert found is not None
    assert found.exit_code == 4
    with pytest.raises(NotFound):
        lab.containers.get(container)
    # Clients are told as soon as it can not be found any more; its files go right after.
    until(lambda: not os.path.exists(lab.roots.container_dir(container)))
    assert lab.told(container) == ["start", "die", "destroy"]


def test_remove_refuses_a_running_container_and_force_kills_it(lab: Lab) -> None:
    container = lab.run("sleep", "1000", name="busy")
    pid = lab.state(container).pid
    with pytest.raises(Conflict, match='cannot remove container "/busy": container is running'):
        lab.life.remove("busy")
    lab.life.remove("busy", force=True)
    assert not alive(pid)
    assert lab.told(container) == ["start", "kill", "die", "destroy"]
    for path in (
        lab.roots.container_dir(container),
        lab.roots.container_run_dir(container),
        f"/sys/fs/cgroup/memory/longshore/{container}",
    ):
        assert not os.path.exists(path)


def test_wait_conditions(lab: Lab) -> None:
    container = lab.make("sh", "-c", "read line; exit $line", open_stdin=True, stdin_once=True)
    assert lab.wait(container) == 0, "what was never started does not run"
    with pytest.raises(InvalidArgument):
        lab.life.wait(container, "sometime")
    sources = [lab.life.wait(container, "next-exit") for _ in range(2)]
    found: list[object] = []
    threads = [threading.Thread(target=lambda source=source: found.append(source.next())) for source in sources]
    for thread in threads:
        thread.start()
    session = lab.life.attach(container, stdin=True)
    lab.life.start(container)
    session.write(b"9\n")
    assert session.exit_code() == 9
    session.close()
    for thread in threads:
        thread.join()
    for source in sources:
        source.close()
    assert found == [ContainerExit(exit_code=9)] * 2
    assert lab.wait(container) == 9


def test_wait_can_be_cancelled(lab: Lab) -> None:
    container = lab.run("sleep", "1000")
    for condition in ("not-running", "removed"):
        source = lab.life.wait(container, condition)
        found: list[object] = []
        thread = threading.Thread(target=lambda source=source, found=found: found.append(source.next()))
        thread.start()
        source.close()
        thread.join()
        assert found == [None]
        source.close()


def test_oom_kill_is_told_from_a_plain_137(lab: Lab) -> None:
    container = lab.run("sh", "-c", "tail -c 200m /dev/zero | cat >/dev/null; exit 137", host=host(memory=16 << 20, memory_swap=16 << 20))
    lab.wait(container)
    assert lab.state(container).oom_killed
    assert lab.told(container) == ["start", "oom", "die"]
    other = lab.run("sh", "-c", "exit 137")
    lab.wait(other)
    assert not lab.state(other).oom_killed


# -- attach ----------------------------------------------------------------------------------------------------------------


def test_attach_before_start_hears_every_byte(lab: Lab) -> None:
    container = lab.make("sh", "-c", "seq 1 20000; echo done >&2; exit 6")
    session = lab.life.attach(container)
    lab.life.start(container)
    heard: dict[StreamName, bytes] = {StreamName.STDOUT: b"", StreamName.STDERR: b""}
    while (piece := session.read()) is not None:
        heard[piece.stream] += piece.data
    assert heard[StreamName.STDOUT] == b"".join(b"%d\n" % number for number in range(1, 20001))
    assert heard[StreamName.STDERR] == b"done\n"
    assert session.exit_code() == 6
    session.close()


def test_a_listener_that_pauses_loses_nothing_and_holds_the_container_back(lab: Lab) -> None:
    container = lab.make("sh", "-c", "seq 1 2000000; echo end")
    session = lab.life.attach(container)
    lab.life.start(container)
    first = session.read()
    assert first is not None
    until(lambda: len(lab.output(container)) > 1 << 20)
    assert lab.state(container).status is RUNNING
    data = first.data
    while (piece := session.read()) is not None:
        data += piece.data
    assert data == b"".join(b"%d\n" % number for number in range(1, 2000001)) + b"end\n"
    assert session.exit_code() == 0
    session.close()


def test_armed_supervisor_leaves_with_its_last_client(lab: Lab) -> None:
    container = lab.make("true")
    session = lab.life.attach(container)
    assert lab.supervisor(container)
    assert lab.state(container).status is ContainerStatus.CREATED
    session.close()
    until(lambda: not lab.supervisor(container))
    until(lambda: not os.path.exists(f"{lab.roots.container_run_dir(container)}/supervisor.sock"), what="its socket goes")


def test_removing_what_is_only_attached_to(lab: Lab) -> None:
    container = lab.make("true")
    session = lab.life.attach(container)
    lab.life.remove(container)
    assert session.read() is None
    session.close()


def test_failed_start_ends_the_attached_session_with_its_code(lab: Lab) -> None:
    container = lab.make("no-such-program")
    session = lab.life.attach(container)
    with pytest.raises(ExecutableNotFound):
        lab.life.start(container)
    assert session.read() is None
    assert session.exit_code() == 127
    session.close()


def test_input_before_and_after_the_start_and_its_end(lab: Lab) -> None:
    container = lab.make("sh", "-c", "cat; echo over", open_stdin=True, stdin_once=True)
    session = lab.life.attach(container, stdin=True)
    session.write(b"early\n")
    lab.life.start(container)
    data = os.urandom(3 << 20).hex().encode()

    def feed() -> None:
        session.write(data)
        session.close_input()

    writer = threading.Thread(target=feed)
    writer.start()
    heard = b""
    while (piece := session.read()) is not None:
        heard += piece.data
    writer.join()
    assert heard == b"early\n" + data + b"over\n"
    session.close()


def test_without_stdin_once_the_input_outlives_its_client(lab: Lab) -> None:
    container = lab.run("cat", open_stdin=True)
    for word in (b"one\n", b"two\n"):
        session = lab.life.attach(container, stdin=True)
        session.write(word)
        piece = session.read()
        assert piece is not None
        assert piece.data == word
        session.close_input()
        session.close()
    assert lab.state(container).status is RUNNING


def test_attach_replays_the_log_without_gap_or_doublet(lab: Lab) -> None:
    container = lab.run("sh", "-c", "i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); done; read x; echo last", open_stdin=True)
    lab.says(container, b"50\n")
    session = lab.life.attach(container, stdin=True, logs=True)
    lab.says(container, b"299\n")
    session.write(b"\n")
    heard = b""
    while (piece := session.read()) is not None:
        heard += piece.data
    assert heard == b"".join(b"%d\n" % number for number in range(300)) + b"last\n"
    session.close()


def test_terminal_size_input_and_hang_up(lab: Lab) -> None:
    container = lab.make("sh", tty=True, open_stdin=True)
    session = lab.life.attach(container, stdin=True)
    session.resize(width=97, height=31)
    lab.life.start(container)
    session.write(b"stty size; tty; exit 5\n")
    heard = b""
    while (piece := session.read()) is not None:
        assert piece.stream is StreamName.STDOUT
        heard += piece.data
    assert b"31 97" in heard
    assert b"/dev/pts/0" in heard
    assert session.exit_code() == 5
    session.close()


def test_resize_reaches_the_process(lab: Lab) -> None:
    container = lab.run("sh", "-c", "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done", tty=True)
    lab.says(container, b"ready")
    session = lab.life.attach(container)
    session.resize(width=70, height=20)
    lab.says(container, b"20 70")
    session.close()


def test_close_wakes_a_blocked_reader(lab: Lab) -> None:
    container = lab.run("sleep", "1000")
    session = lab.life.attach(container)
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(session.read()))
    thread.start()
    session.close()
    thread.join()
    assert found == [None]
    session.write(b"nobody listens")
    session.close()


def test_many_attach_and_leave_cost_nothing(lab: Lab) -> None:
    container = lab.run("sleep", "1000")
    supervisor = lab.supervisor(container)
    lab.life.attach(container).close()
    until(lambda: not children(supervisor) - {lab.state(container).pid})
    before = len(os.listdir(f"/proc/{supervisor}/fd"))
    for _ in range(100):
        lab.life.attach(container).close()
    until(lambda: not children(supervisor) - {lab.state(container).pid})
    until(lambda: len(os.listdir(f"/proc/{supervisor}/fd")) <= before)


def children(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


# -- exec ------------------------------------------------------------------------------------------------------------------


def test_exec_runs_in_the_container_and_tells(lab: Lab) -> None:
    container = lab.run("sleep", "1000", env=("A=1",), hostname="inside")
    code, output = lab.execute(container, "sh", "-c", "echo $A $B; hostname; ps | grep -c sleep; exit 7", env=("B=2",))
    assert code == 7
    assert output.startswith(b"1 2\ninside\n")
    until(lambda: any(action == "exec_die" for action in lab.told(container)))
    told = lab.told(container)
    assert [action.partition(":")[0] for action in told[-3:]] == ["exec_create", "exec_start", "exec_die"]
    assert lab.state(container).status is RUNNING


@pytest.mark.parametrize(
    ("argv", "error"),
    [(("no-such-program",), ExecutableNotFound), (("/etc/passwd",), NotExecutable), (("/nowhere/x",), ExecutableNotFound)],
)
def test_exec_of_what_can_not_be_executed(lab: Lab, argv: tuple[str, ...], error: type) -> None:
    container = lab.run("sleep", "1000")
    with pytest.raises(error):
        lab.execute(container, *argv)
    assert lab.execute(container, "echo", "fine") == (0, b"fine\n")
    supervisor = lab.supervisor(container)
    until(lambda: not children(supervisor) - {lab.state(container).pid}, what="no zombies of failed execs")


def test_exec_in_what_does_not_run(lab: Lab) -> None:
    container = lab.make("true")
    with pytest.raises(Conflict, match="is not running"):
        lab.execute(container, "true")
    with pytest.raises(InvalidArgument):
        lab.execute(container)


def test_exec_input_and_its_end(lab: Lab) -> None:
    container = lab.run("sleep", "1000")
    session = lab.life.exec(container, ExecConfig(cmd=("wc", "-c"), stdin=True))
    session.write(b"x" * 100_000)
    session.close_input()
    piece = session.read()
    assert piece is not None
    assert piece.data.strip() == b"100000"
    assert session.exit_code() == 0
    session.close()


def test_exec_with_a_terminal(lab: Lab) -> None:
    container = lab.run("sleep", "1000")
    session = lab.life.exec(container, ExecConfig(cmd=("sh",), tty=True, stdin=True, width=81, height=25))
    session.write(b"stty size; exit 3\n")
    heard = b""
    while (piece := session.read()) is not None:
        heard += piece.data
    assert b"25 81" in heard
    assert session.exit_code() == 3
    session.close()


def test_detached_exec_goes_on_without_a_client(lab: Lab) -> None:
    container = lab.run("sleep", "1000")
    lab.life.exec(container, ExecConfig(cmd=("sh", "-c", "sleep 0.2; echo made >/file"), detach=True)).close()
    until(lambda: lab.execute(container, "cat", "/file") == (0, b"made\n"))


def test_detached_exec_has_an_exit_code_and_no_output(lab: Lab) -> None:
    container = lab.run("sleep", "1000")
    assert lab.execute(container, "sh", "-c", "echo unheard; exit 6", detach=True) == (6, b"")


def test_execs_end_with_the_container(lab: Lab) -> None:
    container = lab.run("sleep", "1000")
    session = lab.life.exec(container, ExecConfig(cmd=("sleep", "1000")))
    lab.life.kill(container)
    assert session.read() is None
    assert session.exit_code() == 137
    session.close()


def test_concurrent_execs(lab: Lab) -> None:
    container = lab.run("sleep", "1000")
    found: list[tuple[int, bytes]] = []
    threads = [
        threading.Thread(target=lambda number=number: found.append(lab.execute(container, "sh", "-c", f"echo {number}; exit {number}")))
        for number in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [(number, b"%d\n" % number) for number in range(6)]


# -- the supervisor itself ----------------------------------------------------------------------------------------------------


def test_clerk_goes_away_and_comes_back(lab: Lab) -> None:
    container = lab.run("sleep", "1000")
    supervisor, main = lab.supervisor(container), lab.state(container).pid
    until(lambda: children(supervisor) == {main}, what="the clerk leaves")
    lab.life.pause(container)
    lab.life.unpause(container)
    until(lambda: children(supervisor) == {main})


@pytest.mark.parametrize("why", ["another PID namespace", "a long specification"])
def test_containers_that_the_process_in_reserve_can_not_be(lab: Lab, why: str) -> None:
    """A start makes its own, and nothing is left over."""
    host = HostConfig(network_mode="none", pid_mode="host" if why == "another PID namespace" else "")
    words = tuple(f"NUMBER{number}={'x' * 1000}" for number in range(100))
    container = lab.run("sh", "-c", "echo $NUMBER99; sleep 1000", host=host, env=words if why == "a long specification" else ())
    lab.says(container, b"\n")
    supervisor, main = lab.supervisor(container), lab.state(container).pid
    until(lambda: children(supervisor) == {main}, what="clerk and reserve have left")


def test_containers_outlive_the_spawner(lab: Lab) -> None:
    container = lab.run("cat", open_stdin=True, stdin_once=True)
    spawner.dismiss(lab.roots.run)
    session = lab.life.attach(container, stdin=True)
    session.write(b"still here\n")
    piece = session.read()
    assert piece is not None
    assert piece.data == b"still here\n"
    session.close_input()
    assert session.exit_code() == 0
    session.close()


def test_nothing_of_the_engine_is_open_in_the_container(lab: Lab) -> None:
    container = lab.run("sh", "-c", "ls -l /proc/self/fd | sed 's/.* //'; env")
    lab.wait(container)
    lines = lab.output(container).decode().splitlines()
    descriptors = [line for line in lines if line.startswith(("pipe:", "/dev/", "socket:", "anon", "/proc", "/memfd"))]
    assert not [line for line in descriptors if line.startswith(("socket:", "anon", "/memfd"))]
    assert not [line for line in lines if "MALLOC_ARENA" in line or "LD_LIBRARY" in line]


def test_signals_are_at_their_defaults(lab: Lab) -> None:
    container = lab.run("grep", "-E", "Sig(Ign|Blk|Cgt)", "/proc/self/status")
    lab.wait(container)
    assert [line.split()[1] for line in lab.output(container).splitlines()] == [b"0" * 16] * 3


def test_many_small_writes_are_all_logged(lab: Lab) -> None:
    container = lab.run("sh", "-c", "yes | head -n 200000")
    assert lab.wait(container) == 0
    assert lab.output(container) == b"y\n" * 200_000


def test_a_container_can_not_reach_the_interpreter_that_made_it(lab: Lab) -> None:
    """CVE-2019-5736: what ``/proc/self/exe`` is before the program runs is a sealed copy, never the host's file."""
    path = interpreter.interpreter_path()
    before = os.stat(path)
    container = lab.make("/proc/self/exe", "-c", "import sys; open('/proc/self/exe', 'r+b').write(b'#!')")
    try:
        lab.life.start(container)
        assert lab.wait(container) != 0
    except StartFailed:
        pass
    after = os.stat(path)
    assert (before.st_mtime_ns, before.st_ctime_ns, before.st_size) == (after.st_mtime_ns, after.st_ctime_ns, after.st_size)
    running = lab.run(
        "sh", "-c", "while :; do for p in /proc/[0-9]*; do echo x 2>/dev/null >$p/exe && echo $p $(readlink $p/exe); done; done"
    )
    for _ in range(5):
        lab.execute(running, "true")
    written = [line for line in lab.output(running).splitlines() if b"memfd" in line]
    assert written == []


def test_exec_that_meets_the_end_says_that_the_container_is_not_running(lab: Lab) -> None:
    """Not what the kernel then misses, such as a namespace of the process that has gone; beside sessions that end with it."""
    met = 0
    for attempt in range(40):
        container = lab.run("sleep", "1000")
        if attempt % 4 == 3:
            for _ in range(3):
                lab.life.exec(container, ExecConfig(cmd=("sleep", "1000"), detach=True)).close()
        threading.Timer(attempt * 0.0004, os.kill, (lab.state(container).pid, signal.SIGKILL)).start()
        try:
            lab.execute(container, "true")
        except Conflict as error:
            assert str(error) == f"container {container} is not running"
            met += 1
        lab.wait(container)
    assert met, "no exec met the end"


def test_no_socket_can_be_reached_from_the_hosts_network(lab: Lab) -> None:
    """CVE-2020-15257: names of the abstract name space belong to the network, not to the file system, and have no permissions."""
    container = lab.run("cat", open_stdin=True, host=HostConfig(network_mode="host"))
    session = lab.life.attach(container, stdin=True)
    lab.execute(container, "true")
    code, seen = lab.execute(container, "cat", "/proc/net/unix")
    session.close()
    assert code == 0
    names = [line.split()[7] for line in seen.decode().splitlines()[1:] if len(line.split()) > 7]
    assert not [name for name in names if name.startswith("@") and "longshore" in name]
    for directory in (lab.roots.run, lab.roots.container_run_dir(container)):
        assert os.stat(directory).st_mode & 0o077 == 0


# -- joining another container ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pid", "ipc", "network"])
def test_a_pid_that_somebody_else_has_by_now_is_not_joined(lab: Lab, kind: str) -> None:
    target = lab.run("sleep", "1000")
    joiner = lab.make("true", host=host(**{f"{kind}_mode": f"container:{target}"}))
    lab.life.start(joiner)
    assert lab.wait(joiner) == 0
    record = lab.containers.get(target)
    stranger = subprocess.Popen(["sleep", "1000"])
    try:
        lab.containers.update_state(target, record.state.replace(pid=stranger.pid))
        with pytest.raises(StartFailed, match=f"cannot join namespaces of a non running container: {target}"):
            lab.life.start(joiner)
    finally:
        stranger.kill()
        stranger.wait()
        lab.containers.update_state(target, record.state)
