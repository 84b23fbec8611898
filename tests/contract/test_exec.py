"""Further processes in a running container."""

from __future__ import annotations

import asyncio

import pytest

from engine.errors import Conflict, ExecutableNotFound, NotExecutable, NotFound, StartFailed
from engine.model.containers import ExecConfig
from tests.contract.lab import Lab, read_until, sh, talk, within


async def test_exec_output_and_exit_code(lab: Lab) -> None:
    container = await lab.sleeper()
    assert await lab.exec(container, *sh("echo out; echo err >&2; exit 5")) == (5, b"out\n", b"err\n")
    assert await lab.exec(container, "true") == (0, b"", b"")
    killed = await lab.exec(container, *sh("kill -9 $$"))
    assert killed.code == 137


async def test_exec_takes_the_containers_settings_and_its_own(lab: Lab) -> None:
    container = await lab.sleeper(env=("COLOR=red", "KEPT=yes"), working_dir="/tmp", user="65534:65534")
    script = sh("echo $COLOR $KEPT $MORE; pwd; id -u; id -g")
    assert (await lab.exec(container, *script)).out == b"red yes\n/tmp\n65534\n65534\n"
    own = await lab.exec(container, *script, env=("COLOR=blue", "MORE=1"), working_dir="/etc", user="1:100")
    assert own.out == b"blue yes 1\n/etc\n1\n100\n"


async def test_exec_input(lab: Lab) -> None:
    container = await lab.sleeper()
    data = bytes(range(256)) * 1000
    assert await lab.exec(container, "cat", stdin=data) == (0, data, b"")


async def test_exec_output_is_complete(lab: Lab) -> None:
    container = await lab.sleeper()
    result = await lab.exec(container, *sh("head -c 2000000 /dev/zero"))
    assert result.code == 0 and len(result.out) == 2000000 and not result.out.strip(b"\0")


async def test_exec_with_a_terminal(lab: Lab) -> None:
    container = await lab.sleeper()
    session = await lab.engine.containers.exec(
        container, ExecConfig(cmd=sh("echo ready; read x; tty; stty size; exit 4"), tty=True, stdin=True, width=90, height=20)
    )
    await read_until(session, b"ready")
    await session.resize(width=99, height=33)
    await session.write(b"\n")
    result = await talk(session)
    assert b"/dev/pts/" in result.out and b"33 99" in result.out and result.code == 4
    await session.close()


async def test_exec_detached(lab: Lab) -> None:
    container = await lab.sleeper()
    session = await lab.engine.containers.exec(container, ExecConfig(cmd=sh("echo done >/file; exit 6"), detach=True))
    assert await session.read() is None
    assert await within(session.exit_code()) == 6
    await session.close()
    assert (await lab.exec(container, "cat", "/file")).out == b"done\n"


async def test_exec_needs_a_command_that_can_run(lab: Lab) -> None:
    container = await lab.start(image=lab.app, entrypoint=("sleep", "1000"))
    with pytest.raises(ExecutableNotFound, match=r"executable file not found in \$PATH"):
        await lab.exec(container, "no-such-command")
    with pytest.raises(NotExecutable, match="permission denied"):
        await lab.exec(container, "/bin/noexec")


async def test_exec_needs_an_absolute_working_directory(lab: Lab) -> None:
    container = await lab.sleeper()
    with pytest.raises(StartFailed, match="Cwd must be an absolute path") as caught:
        await lab.engine.containers.exec(container, ExecConfig(cmd=("pwd",), working_dir="rel"))
    assert caught.value.exit_code == 126


async def test_exec_needs_a_running_container(lab: Lab) -> None:
    with pytest.raises(Conflict, match="is not running"):
        await lab.exec(await lab.create("true"), "true")
    with pytest.raises(NotFound, match="No such container: nobody"):
        await lab.exec("nobody", "true")


async def test_several_execs_at_once(lab: Lab) -> None:
    container = await lab.sleeper()
    results = await asyncio.gather(*(lab.exec(container, *sh(f"echo {number}; exit {number}")) for number in range(4)))
    assert [(result.code, result.out) for result in results] == [(number, b"%d\n" % number) for number in range(4)]


async def test_execs_end_with_the_container(lab: Lab) -> None:
    container = await lab.sleeper()
    session = await lab.engine.containers.exec(container, ExecConfig(cmd=sh("echo up; sleep 1000")))
    await read_until(session, b"up\n")
    await lab.engine.containers.kill(container)
    assert (await talk(session)).code == 137
    await session.close()
