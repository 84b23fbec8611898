"""Containers: create, start, stop, kill, pause, remove, rename, wait."""

from __future__ import annotations

import asyncio
import re

import pytest

from engine.errors import (
    Conflict,
    ExecutableNotFound,
    InvalidArgument,
    NotExecutable,
    NotFound,
    NotModified,
    StartFailed,
)
from engine.model.containers import ContainerStatus, RestartPolicy
from tests.contract.lab import Lab, sh, within

TRAP = "trap 'echo got TERM; exit 7' TERM; trap 'echo got USR1; exit 8' USR1; echo ready; while :; do sleep 0.05; done"


async def test_create_makes_a_container_that_does_not_run(lab: Lab) -> None:
    container = await lab.create("true", name="new")
    assert re.fullmatch("[0-9a-f]{64}", container)
    details = await lab.inspect(container)
    assert details.container.name == "new"
    assert details.container.state.status is ContainerStatus.CREATED
    assert not details.container.state.running
    assert details.container.state.started_at == 0.0


async def test_create_makes_up_a_name(lab: Lab) -> None:
    assert re.fullmatch("[a-z]+_[a-z]+[0-9]?", (await lab.inspect(await lab.create("true"))).container.name)


async def test_a_name_belongs_to_one_container(lab: Lab) -> None:
    first = await lab.create("true", name="taken")
    with pytest.raises(Conflict, match=f'The container name "/taken" is already in use by container "{first}"'):
        await lab.create("true", name="taken")


@pytest.mark.parametrize("name", ["-x", "a b", "x", "a/b", "ü1"])
async def test_names_follow_dockers_grammar(lab: Lab, name: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid container name"):
        await lab.create("true", name=name)


async def test_create_needs_an_image_that_is_here(lab: Lab) -> None:
    with pytest.raises(NotFound, match=r"No such image: nowhere\.example/missing:latest"):
        await lab.create("true", image="nowhere.example/missing")


async def test_create_needs_a_command(images_lab: Lab) -> None:
    reference = f"{images_lab.host}/tiny:one"
    async for _ in images_lab.engine.images.pull(reference):
        pass
    with pytest.raises(InvalidArgument, match=r"(?i)no command specified"):
        await images_lab.create(image=reference)


async def test_automatic_removal_excludes_restarts(lab: Lab) -> None:
    with pytest.raises(InvalidArgument, match=r"(?i)can't .*'?AutoRemove'?.* (and|with) .*restart ?policy|restart policy"):
        await lab.create("true", auto_remove=True, restart_policy=RestartPolicy(name="always"))


async def test_a_container_runs_and_ends(lab: Lab) -> None:
    container = await lab.start(*sh("echo up; read line"), open_stdin=True)
    running = await lab.becomes(container, ContainerStatus.RUNNING)
    assert running.running and running.pid > 0 and running.started_at > 0
    await lab.engine.containers.kill(container)
    ended = await lab.becomes(container, ContainerStatus.EXITED)
    assert (ended.running, ended.pid, ended.exit_code, ended.oom_killed) == (False, 0, 137, False)
    assert ended.finished_at >= ended.started_at


@pytest.mark.parametrize("code", [0, 3, 255])
async def test_exit_codes_are_kept(lab: Lab, code: int) -> None:
    container = await lab.start(*sh(f"exit {code}"))
    assert (await within(lab.engine.containers.wait(container))).exit_code == code
    assert (await lab.state(container)).exit_code == code


async def test_a_second_start_changes_nothing(lab: Lab) -> None:
    container = await lab.sleeper()
    with pytest.raises(NotModified):
        await lab.engine.containers.start(container)


async def test_an_ended_container_starts_again_with_its_files(lab: Lab) -> None:
    container = await lab.finished(*sh("echo x >>/file; exit $(wc -l </file)"))
    assert (await lab.state(container)).exit_code == 1
    await lab.engine.containers.start(container)
    assert (await within(lab.engine.containers.wait(container))).exit_code == 2


async def test_a_missing_command_fails_with_127(lab: Lab) -> None:
    container = await lab.create("no-such-command")
    with pytest.raises(ExecutableNotFound, match=r'"no-such-command": executable file not found in \$PATH') as failure:
        await lab.engine.containers.start(container)
    assert failure.value.exit_code == 127
    state = await lab.state(container)
    assert (state.running, state.exit_code) == (False, 127)
    assert "executable file not found" in state.error


@pytest.mark.parametrize("command", ["/bin/noexec", "/etc"])
async def test_a_command_that_is_no_program_fails_with_126(lab: Lab, command: str) -> None:
    container = await lab.create(image=lab.app, entrypoint=(command,))
    with pytest.raises(NotExecutable, match=r"permission denied|is a directory") as failure:
        await lab.engine.containers.start(container)
    assert failure.value.exit_code == 126
    assert (await lab.state(container)).exit_code == 126


async def test_an_unknown_user_fails(lab: Lab) -> None:
    container = await lab.create("true", user="nobody-here")
    with pytest.raises(StartFailed, match="unable to find user nobody-here: no matching entries in passwd file"):
        await lab.engine.containers.start(container)


async def test_stop_sends_the_signal_and_keeps_the_exit_code(lab: Lab) -> None:
    container = await lab.start(*sh(TRAP))
    await lab.said(container, "ready")
    await within(lab.engine.containers.stop(container))
    state = await lab.state(container)
    assert (state.status, state.exit_code) == (ContainerStatus.EXITED, 7)


async def test_stop_kills_what_does_not_listen(lab: Lab) -> None:
    container = await lab.sleeper()
    await within(lab.engine.containers.stop(container, timeout=0))
    state = await lab.state(container)
    assert (state.status, state.exit_code) == (ContainerStatus.EXITED, 137)


async def test_stop_uses_the_containers_signal_and_the_callers(lab: Lab) -> None:
    own = await lab.start(*sh(TRAP), stop_signal="SIGUSR1")
    other = await lab.start(*sh(TRAP))
    await lab.said(own, "ready")
    await lab.said(other, "ready")
    await within(lab.engine.containers.stop(own))
    await within(lab.engine.containers.stop(other, signal="USR1"))
    assert [(await lab.state(container)).exit_code for container in (own, other)] == [8, 8]


async def test_stop_uses_the_containers_timeout(lab: Lab) -> None:
    container = await lab.sleeper(stop_timeout=0)
    await within(lab.engine.containers.stop(container))
    assert (await lab.state(container)).exit_code == 137


async def test_a_stopped_container_needs_no_stop(lab: Lab) -> None:
    with pytest.raises(NotModified):
        await lab.engine.containers.stop(await lab.create("true"))


async def test_kill_sends_signals_by_name_and_number(lab: Lab) -> None:
    for signal, code in (("SIGTERM", 7), ("USR1", 8), ("15", 7)):
        container = await lab.start(*sh(TRAP))
        await lab.said(container, "ready")
        await lab.engine.containers.kill(container, signal=signal)
        assert (await within(lab.engine.containers.wait(container))).exit_code == code


async def test_kill_refuses_nonsense(lab: Lab) -> None:
    container = await lab.sleeper()
    with pytest.raises(InvalidArgument, match=r"(?i)invalid signal: NOPE"):
        await lab.engine.containers.kill(container, signal="NOPE")
    assert (await lab.state(container)).running
    await lab.engine.containers.kill(container)
    await within(lab.engine.containers.wait(container))
    with pytest.raises(Conflict, match="is not running"):
        await lab.engine.containers.kill(container)


async def test_pause_freezes_and_unpause_thaws(lab: Lab) -> None:
    container = await lab.sleeper()
    with pytest.raises(Conflict):
        await lab.engine.containers.unpause(container)
    await lab.engine.containers.pause(container)
    paused = await lab.state(container)
    assert paused.status is ContainerStatus.PAUSED and paused.running
    with pytest.raises(Conflict):
        await lab.engine.containers.pause(container)
    with pytest.raises(Conflict, match="paused"):
        await lab.exec(container, "true")
    await lab.engine.containers.unpause(container)
    assert (await lab.state(container)).status is ContainerStatus.RUNNING
    assert (await lab.exec(container, "echo", "awake")).out == b"awake\n"


async def test_pause_needs_a_running_container(lab: Lab) -> None:
    with pytest.raises(Conflict, match="is not running"):
        await lab.engine.containers.pause(await lab.create("true"))


async def test_a_paused_container_can_be_killed(lab: Lab) -> None:
    container = await lab.sleeper()
    await lab.engine.containers.pause(container)
    await within(lab.engine.containers.kill(container))
    assert (await lab.becomes(container, ContainerStatus.EXITED)).exit_code == 137


async def test_remove_needs_force_while_it_runs(lab: Lab) -> None:
    container = await lab.sleeper()
    with pytest.raises(Conflict, match=r"(?i)stop the container before"):
        await lab.engine.containers.remove(container)
    await within(lab.engine.containers.remove(container, force=True))
    with pytest.raises(NotFound, match=f"No such container: {container}"):
        await lab.inspect(container)
    with pytest.raises(NotFound):
        await lab.engine.containers.remove(container, force=True)


async def test_containers_have_names_ids_and_prefixes(lab: Lab) -> None:
    container = await lab.create("true", name="whole-name")
    for name in ("whole-name", container, container[:12], container[:5]):
        assert (await lab.inspect(name)).container.id == container
    for name in ("whole", "whole-name2", "g" + container[1:]):
        with pytest.raises(NotFound, match=f"No such container: {name}"):
            await lab.inspect(name)


async def test_a_name_goes_before_a_prefix(lab: Lab) -> None:
    first = await lab.create("true")
    second = await lab.create("true", name=first[:6])
    assert (await lab.inspect(first[:6])).container.id == second


async def test_rename(lab: Lab) -> None:
    container, other = await lab.create("true", name="before"), await lab.create("true", name="other")
    await lab.engine.containers.rename("before", "after")
    assert (await lab.inspect("after")).container.id == container
    with pytest.raises(NotFound):
        await lab.inspect("before")
    with pytest.raises(Conflict, match=f'"/other" is already in use by container "{other}"'):
        await lab.engine.containers.rename("after", "other")
    with pytest.raises(InvalidArgument):
        await lab.engine.containers.rename("after", "no good")


async def test_restart_starts_anew(lab: Lab) -> None:
    container = await lab.sleeper()
    before = await lab.state(container)
    await within(lab.engine.containers.restart(container, timeout=0))
    after = await lab.state(container)
    assert after.running and after.pid != before.pid and after.started_at > before.started_at
    stopped = await lab.create("sleep", "1000")
    await within(lab.engine.containers.restart(stopped, timeout=0))
    assert (await lab.state(stopped)).running


async def test_wait_for_the_end(lab: Lab) -> None:
    assert (await within(lab.engine.containers.wait(await lab.finished(*sh("exit 4"))))).exit_code == 4
    container = await lab.start(*sh("read line; exit 5"), open_stdin=True)
    waiting = asyncio.create_task(lab.engine.containers.wait(container))
    session = await lab.engine.containers.attach(container, stdin=True)
    await session.write(b"\n")
    assert (await within(waiting)).exit_code == 5
    await session.close()


async def test_wait_for_the_next_end(lab: Lab) -> None:
    container = await lab.start(*sh("usleep 200000; exit 6"), restart_policy=RestartPolicy(name="always"))
    assert (await within(lab.engine.containers.wait(container, condition="next-exit"))).exit_code == 6


async def test_wait_for_the_removal(lab: Lab) -> None:
    for _ in range(5):
        container = await lab.start(*sh("sleep 1; exit 7"), auto_remove=True)
        try:
            assert (await within(lab.engine.containers.wait(container, condition="removed"))).exit_code == 7
        except NotFound:
            continue  # a machine that is too busy to ask within a second
        with pytest.raises(NotFound):
            await lab.inspect(container)
        return
    raise AssertionError("the engine never waited")


async def test_wait_says_what_is_wrong(lab: Lab) -> None:
    with pytest.raises(NotFound, match="No such container: nobody"):
        await lab.engine.containers.wait("nobody")
    with pytest.raises(InvalidArgument):
        await lab.engine.containers.wait(await lab.create("true"), condition="whenever")


async def test_automatic_removal(lab: Lab) -> None:
    container = await lab.create(*sh("exit 5"), auto_remove=True)
    session = await lab.engine.containers.attach(container)
    await lab.engine.containers.start(container)
    assert await within(session.exit_code()) == 5
    await session.close()
    with pytest.raises(NotFound):
        await lab.inspect(container)


async def test_what_is_to_remove_itself_does_so_too_when_it_can_not_be_started(lab: Lab) -> None:
    container = await lab.create("/nowhere", auto_remove=True)
    ended = asyncio.create_task(lab.engine.containers.wait(container, condition="removed"))
    with pytest.raises(ExecutableNotFound):
        await lab.engine.containers.start(container)
    await within(ended)
    with pytest.raises(NotFound):
        await lab.inspect(container)


async def test_a_wait_tells_when_it_listens(lab: Lab) -> None:
    container = await lab.create(*sh("exit 6"))
    listening = asyncio.Event()
    ended = asyncio.create_task(lab.engine.containers.wait(container, condition="next-exit", listening=listening.set))
    await within(listening.wait())
    assert not ended.done()
    await lab.engine.containers.start(container)
    assert (await within(ended)).exit_code == 6


async def test_restart_on_failure_gives_up_in_the_end(lab: Lab) -> None:
    container = await lab.start(*sh("echo once; exit 9"), restart_policy=RestartPolicy(name="on-failure", max_retries=2))
    for _ in range(300):
        state = await lab.state(container)
        if state.status is ContainerStatus.EXITED and state.restart_count == 2:
            break
        await asyncio.sleep(0.1)
    assert (state.status, state.exit_code, state.restart_count) == (ContainerStatus.EXITED, 9, 2)
    assert [line.data for line in await lab.logs(container)] == [b"once\n"] * 3


async def test_a_manual_stop_ends_restarts(lab: Lab) -> None:
    container = await lab.sleeper(restart_policy=RestartPolicy(name="always"))
    await within(lab.engine.containers.stop(container, timeout=0))
    state = await lab.state(container)
    assert (state.status, state.restart_count) == (ContainerStatus.EXITED, 0)


async def test_prune_takes_what_does_not_run(lab: Lab) -> None:
    running = await lab.sleeper()
    ended, created = await lab.finished("true"), await lab.create("true")
    kept = await lab.create("true", labels={"keep": "1"})
    report = await lab.engine.containers.prune({"label!": ("keep",)})
    assert sorted(report.removed) == sorted((ended, created))
    assert {container.id for container in await lab.engine.containers.list(all=True)} == {running, kept}
