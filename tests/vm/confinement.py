"""What the engine has to do with AppArmor and SELinux, proved from inside containers on a machine whose kernel has them.

AppArmor's are among the checks of the usual boot, in which every other check's containers run under the default profile too.
:data:`SELINUX` names those of a second boot.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from engine.errors import EngineFault, InvalidArgument, LongshoreError, StartFailed
from engine.linux import apparmor, selinux
from engine.model.containers import Mount
from engine.runtime.confinement import DEFAULT_PROFILE
from tests.contract.lab import Lab, sh
from tests.vm.checks import CHECKS, Check, check, longshore

SELINUX: list[str] = []
_CURRENT = "/proc/self/attr/apparmor/current"
_PROCESS = "system_u:system_r:container_t:"
_FILE = "system_u:object_r:container_file_t:"


def _under_selinux(function: Check) -> Check:
    SELINUX.append(function.__name__)
    return check(function)


async def _profile(lab: Lab, container: str) -> str:
    return (await lab.exec(container, "cat", _CURRENT)).out.decode().strip()


@check
async def the_default_profile_confines(lab: Lab) -> None:
    container = await lab.sleeper(cap_add=("SYS_ADMIN", "SYS_RAWIO"), security_opt=("seccomp=unconfined",))
    assert await _profile(lab, container) == f"{DEFAULT_PROFILE} (enforce)"
    assert (await lab.inspect(container)).app_armor_profile == DEFAULT_PROFILE
    with open(f"/proc/{(await lab.state(container)).pid}/attr/apparmor/current") as file:
        assert file.read().startswith(DEFAULT_PROFILE), "the first process is confined, not only an exec"
    for script in ("mount -t tmpfs t /mnt", "mount --bind /etc /mnt", "echo x >/proc/sys/kernel/core_pattern"):
        refused = await lab.exec(container, *sh(f"mkdir -p /mnt; {script}"))
        assert refused.code != 0, script
    free = await lab.exec(
        container, *sh("echo ok >/f && cat /f && kill -0 1 && cat /proc/1/cmdline >/dev/null && cat /sys/fs/cgroup/cpu.stat")
    )
    assert free.code == 0 and free.out.startswith(b"ok\n"), free
    await lab.engine.containers.stop(container, timeout=0)
    assert (await lab.state(container)).exit_code == 137


@check
async def it_is_the_profile_that_refuses(lab: Lab) -> None:
    """The same with the same capabilities, unconfined: what was refused above is not refused by anything else."""
    container = await lab.sleeper(cap_add=("SYS_ADMIN",), security_opt=("seccomp=unconfined", "apparmor=unconfined"))
    assert await _profile(lab, container) == "unconfined"
    assert (await lab.exec(container, *sh("mkdir -p /mnt; mount -t tmpfs t /mnt && mount --bind /etc /mnt"))).code == 0
    privileged = await lab.sleeper(privileged=True)
    assert await _profile(lab, privileged) == "unconfined"
    assert [(await lab.inspect(each)).app_armor_profile for each in (container, privileged)] == ["unconfined", "unconfined"]


@check
async def a_profile_of_one_s_own(lab: Lab) -> None:
    apparmor.load("profile vm-own flags=(attach_disconnected) {\n file,\n deny /secret rw,\n capability,\n signal,\n}\n")
    container = await lab.sleeper(security_opt=("apparmor=vm-own",))
    assert await _profile(lab, container) == "vm-own (enforce)"
    refused = await lab.exec(container, *sh("echo x >/other; echo x >/secret"))
    assert refused.code != 0 and b"/secret: Permission denied" in refused.err and b"/other" not in refused.err, refused
    tty = await lab.exec(container, *sh("cat /proc/self/attr/apparmor/current"), tty=True, privileged=True)
    assert tty.out.strip() == b"vm-own (enforce)"
    missing = await lab.create("true", security_opt=("apparmor=nobody-loaded-it",))
    try:
        await lab.engine.containers.start(missing)
    except LongshoreError as error:
        assert "unable to apply the AppArmor profile nobody-loaded-it" in str(error), error
    else:
        raise AssertionError("a profile that is not loaded was taken")


@check
async def the_default_profile_comes_back(lab: Lab) -> None:
    """Others unload what they do not know (aa-remove-unknown); and it holds with no-new-privileges, and for a container that restarts."""
    container = await lab.sleeper(security_opt=("no-new-privileges",))
    assert await _profile(lab, container) == f"{DEFAULT_PROFILE} (enforce)"
    await lab.engine.containers.stop(container, timeout=0)
    removed = subprocess.run([apparmor.parser(), "--remove"], input=f"profile {DEFAULT_PROFILE} {{}}", text=True, check=True)
    assert removed.returncode == 0 and not apparmor.loaded(DEFAULT_PROFILE)
    await lab.engine.containers.start(container)
    assert await _profile(lab, container) == f"{DEFAULT_PROFILE} (enforce)"


@check
async def info_names_apparmor(lab: Lab) -> None:
    info = await lab.engine.system.info()
    assert info.security_options == ("name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns")
    ran = longshore("run", "--rm", "--network", "none", "--security-opt", "label=type:x", lab.image, "cat", _CURRENT)
    assert ran.stdout == f"{DEFAULT_PROFILE} (enforce)\n" and "SELinux is not enabled on this machine" in ran.stderr, ran


CHECKS["nothing_went_wrong_unseen"] = CHECKS.pop("nothing_went_wrong_unseen")  # stays the last one


async def _context(lab: Lab, container: str) -> str:
    return (await lab.exec(container, "cat", "/proc/self/attr/current")).out.decode().strip("\0\n")


@_under_selinux
async def a_context_with_categories_of_its_own(lab: Lab) -> None:
    first, second = await lab.sleeper(), await lab.sleeper(security_opt=("no-new-privileges",))
    contexts = [await _context(lab, each) for each in (first, second)]
    assert all(context.startswith(f"{_PROCESS}s0:c") for context in contexts) and len(set(contexts)) == 2, contexts
    for container, context in zip((first, second), contexts, strict=True):
        details = await lab.inspect(container)
        assert (details.process_label, details.mount_label) == (context, context.replace(_PROCESS, _FILE))
        root = f"/proc/{details.container.state.pid}/root"
        made = await lab.exec(container, *sh("echo x >/made && echo x >/dev/shm/made && cat /etc/hosts /etc/hostname"), tty=True)
        assert made.code == 0, made
        for path in ("/made", "/bin", "/etc/hosts", "/dev/shm/made", "/dev/null"):
            assert selinux.of(root + path) == details.mount_label, path
        with open(f"/proc/{details.container.state.pid}/attr/current") as file:
            assert file.read().strip("\0\n") == context
    info = await lab.engine.system.info()
    assert "name=selinux" in info.security_options and "name=apparmor" not in info.security_options


@_under_selinux
async def what_is_mounted_needs_a_mark(lab: Lab) -> None:
    with tempfile.TemporaryDirectory(dir="/var/lib") as host:
        os.makedirs(f"{host}/deep")
        Path(host, "deep/file").write_text("shared\n")
        mount = Mount(kind="bind", source=host, target="/host")
        look = sh("cat /host/deep/file && echo y >/host/deep/new")
        plain = await lab.sleeper(mounts=(mount,))
        refused = await lab.exec(plain, *look)
        assert refused.code != 0 and b"Permission denied" in refused.err, refused
        shared = [await lab.sleeper(mounts=(mount.replace(options=("z",)),)) for _ in range(2)]
        for container in (*shared, plain):
            assert (await lab.exec(container, *look)).out == b"shared\n", container
        assert selinux.of(f"{host}/deep/file") == f"{_FILE}s0"
        own = await lab.sleeper(mounts=(mount.replace(options=("Z",)),))
        assert (await lab.exec(own, *look)).code == 0
        assert selinux.of(f"{host}/deep/file") == (await lab.inspect(own)).mount_label
        assert (await lab.exec(shared[0], *look)).code != 0, "another container's categories"


@_under_selinux
async def volumes_and_tmpfs_are_usable(lab: Lab) -> None:
    volume = Mount(kind="volume", source=lab.own, target="/data")
    first = await lab.sleeper(mounts=(volume,), tmpfs={"/scratch": ""})
    assert (await lab.exec(first, *sh("echo x >/scratch/x && echo one >/data/file"))).code == 0
    second = await lab.sleeper(mounts=(volume,), read_only_rootfs=True)
    found = await lab.exec(second, *sh("cat /data/file && ! echo x >/x 2>/dev/null"))
    assert found.out == b"one\n", found


@_under_selinux
async def label_options(lab: Lab) -> None:
    free = await lab.sleeper(security_opt=("label=disable",))
    assert await _context(lab, free) == "system_u:system_r:kernel_t:s0-s0:c0.c1023"
    assert ((await lab.inspect(free)).process_label, await _context(lab, await lab.sleeper(privileged=True))) == (
        "",
        await _context(lab, free),
    )
    chosen = await lab.sleeper(security_opt=("label=level:s0:c5,c7",))
    assert await _context(lab, chosen) == f"{_PROCESS}s0:c5,c7" and (await lab.inspect(chosen)).mount_label == f"{_FILE}s0:c5,c7"
    joined = await lab.sleeper(pid_mode=f"container:{chosen}")
    assert await _context(lab, joined) == f"{_PROCESS}s0:c5,c7"
    assert (await lab.exec(joined, *sh("cat /proc/1/cmdline"))).out.startswith(b"sleep")
    try:
        await lab.create("true", security_opt=("label=colour:red",))
    except InvalidArgument as error:
        assert "bad label option 'colour:red'" in str(error)
    else:
        raise AssertionError("an option that there is not was taken")


@_under_selinux
async def what_can_not_be_labelled_is_said(lab: Lab) -> None:
    wrong = await lab.create("true", security_opt=("label=type:no_such_t",))
    etc = Mount(kind="bind", source="/etc", target="/host", options=("z",))
    harmful = await lab.create("true", mounts=(etc,))
    for container, words in ((wrong, "SELinux context system_u:system_r:no_such_t"), (harmful, "relabeling of /etc is not allowed")):
        try:
            await lab.engine.containers.start(container)
        except (StartFailed, EngineFault) as error:
            assert words in str(error), error
        else:
            raise AssertionError(words)
    assert selinux.of("/etc") != f"{_FILE}s0"


@_under_selinux
async def the_command_line_marks_too(lab: Lab) -> None:
    with tempfile.TemporaryDirectory(dir="/var/lib") as host:
        Path(host, "file").write_text("x\n")
        ran = longshore("run", "--rm", "--network", "none", "-v", f"{host}:/host:Z", lab.image, "cat", "/host/file")
        assert (ran.stdout, ran.returncode) == ("x\n", 0), ran
        assert selinux.of(f"{host}/file").startswith(f"{_FILE}s0:c")
