"""The default filter in force: system calls made by a Python inside a container."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.model.containers import Mount
from tests.privileged.isolation.box import Box

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the probe has the numbers of x86_64")

PROBE = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(*args):
    result = libc.syscall(*[ctypes.c_long(a) for a in args])
    print(args[0], errno.errorcode[ctypes.get_errno()] if result < 0 else "ok")
for args in {calls}:
    call(*args)
"""


def probe(box: Box, calls: list[tuple[int, ...]], **options: Any) -> list[str]:
    """The outcome of each call, made by the interpreter that runs these tests, bound into the container."""
    prefix = sys.base_prefix
    paths = dict.fromkeys(path for path in ("/lib", "/lib64", "/usr/lib", prefix) if Path(path).exists() and prefix != "/usr")
    paths = paths or dict.fromkeys(path for path in ("/lib", "/lib64", "/usr") if Path(path).exists())
    mounts = tuple(Mount(kind="bind", path=str(Path(path).resolve()), target=path, read_only=True) for path in paths)
    program = str(Path(sys.executable).resolve())
    result = box.run(program, "-I", "-S", "-c", PROBE.format(calls=calls), mounts=mounts, **options)
    assert result.status == 0, result.err
    return [line.split()[1] for line in result.lines()]


def test_what_the_default_profile_refuses(box: Box) -> None:
    calls: list[tuple[int, ...]] = [
        (272, 0x10000000),  # unshare(CLONE_NEWUSER)
        (165, 0, 0, 0, 0, 0),  # mount
        (155, 0, 0),  # pivot_root
        (250, 0, 0, 0, 0, 0),  # keyctl
        (425, 1, 0),  # io_uring_setup
        (323, 0),  # userfaultfd
        (321, 0, 0, 0),  # bpf
        (303, 0, 0, 0, 0, 0),  # name_to_handle_at: allowed, fails on its arguments
        (304, 0, 0, 0),  # open_by_handle_at
        (41, 38, 5, 0),  # socket(AF_ALG)
        (41, 0x100000026, 5, 0),  # the same with a high word that the kernel cuts off
        (41, 40, 1, 0),  # socket(AF_VSOCK)
        (41, 1, 1, 0),  # socket(AF_UNIX)
        (435, 0, 0),  # clone3
        (135, 0x40000),  # personality(ADDR_NO_RANDOMIZE)
        (135, 0xFFFFFFFF),  # personality: only asked for
        (101, 0, 0, 0, 0),  # ptrace(PTRACE_TRACEME)
    ]
    assert probe(box, calls) == [
        *["EPERM"] * 7, "EFAULT", *["EPERM"] * 4, "ok", "ENOSYS", "EPERM", "ok", "ok",
    ]  # fmt: skip


def test_no_namespace_from_inside(box: Box) -> None:
    assert (
        probe(box, [(272, flag) for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x80)])
        == ["EPERM"] * 8
    )


def test_threads_work_without_clone3(box: Box) -> None:
    assert probe(box, [(435, 0, 0)], config={"user": "user"}) == ["ENOSYS"]


def test_unconfined_and_own_profiles(box: Box) -> None:
    assert probe(box, [(41, 38, 5, 0), (435, 0, 0)], security_opt=("seccomp=unconfined",)) != ["EPERM", "ENOSYS"]
    profile = (
        '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}]}'
    )
    assert "Input/output error" in box.run("mkdir", "/x", security_opt=(f"seccomp={profile}",)).err
    assert "Input/output error" in box.run("mkdir", "/x", security_opt=(f"seccomp={profile}", "no-new-privileges=true")).err
