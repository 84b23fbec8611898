from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine import errors
from engine.linux import capabilities
from engine.runtime import seccomp
from engine.runtime.seccomp import bpf
from tests.engine.runtime.bpf_machine import run

DATA = Path(seccomp.__file__).parent
TABLES: dict[str, dict[str, int]] = json.loads((DATA / "syscalls.json").read_text())
PROFILE: dict[str, Any] = json.loads((DATA / "default.json").read_text())
NUMBERS = TABLES["x86_64"]
EPERM, ENOSYS = bpf.ERRNO | 1, bpf.ERRNO | 38
ARM64 = bpf.AUDIT_ARCH["aarch64"]


def compiled(
    caps: int = capabilities.DEFAULT, profile: dict[str, Any] | None = None, machine: str = "x86_64", release: str = "6.1.0"
) -> bytes:
    return seccomp.compile_profile(profile or PROFILE, caps, machine=machine, release=release)


@pytest.fixture(scope="module")
def default() -> bytes:
    return compiled()


def test_the_unconditional_rule(default: bytes) -> None:
    names = PROFILE["syscalls"][0]["names"]
    assert len(names) == len(set(names)) == 361
    for arch, table, base in (("x86_64", NUMBERS, 0), ("x86", TABLES["x86"], 0), ("x86_64", TABLES["x32"], bpf.X32_BIT)):
        token = bpf.AUDIT_ARCH[arch]
        assert {name for name in names if name in table and run(default, table[name] + base, arch=token) != bpf.ALLOW} == set()


@pytest.mark.parametrize(
    "name",
    """keyctl add_key request_key io_uring_setup io_uring_enter io_uring_register userfaultfd kexec_load kexec_file_load swapon swapoff
    nfsservctl move_pages migrate_pages pivot_root mount umount2 setns unshare bpf fsopen open_tree move_mount perf_event_open
    init_module finit_module delete_module reboot settimeofday clock_settime acct quotactl kcmp iopl ioperm mbind syslog vhangup
    open_by_handle_at lookup_dcookie sethostname uselib ustat sysfs _sysctl""".split(),
)  # fmt: skip
def test_denied_by_default(default: bytes, name: str) -> None:
    assert run(default, NUMBERS[name]) == EPERM


def test_numbers_that_are_no_calls(default: bytes) -> None:
    assert max(NUMBERS[name] for name in PROFILE["syscalls"][0]["names"] if name in NUMBERS) == 466
    for number in (467, 600, 0x3FFFFFFF, 0x40000000 + 900, 0xFFFFFFFF):
        assert run(default, number) == ENOSYS
    assert run(default, 336) == EPERM


def test_every_call_of_the_table_is_decided_as_the_rules_say(default: bytes) -> None:
    plain = set(PROFILE["syscalls"][0]["names"]) | {"ptrace", "process_vm_readv", "process_vm_writev", "arch_prctl", "modify_ldt", "chroot"}
    special = {"socket", "personality", "clone", "clone3"}
    for name, number in NUMBERS.items():
        if name not in special and number <= 466:
            assert (run(default, number) == bpf.ALLOW) == (name in plain), name


def test_clone_without_namespaces_only(default: bytes) -> None:
    clone = NUMBERS["clone"]
    assert run(default, clone, 0x3D0F00) == bpf.ALLOW
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert run(default, clone, flag | 17) == EPERM
        assert run(default, clone, flag | 1 << 40) == EPERM
    assert run(default, NUMBERS["clone3"]) == ENOSYS
    powerful = compiled(capabilities.mask(["SYS_ADMIN"]))
    assert run(powerful, clone, 0x10000000) == run(powerful, NUMBERS["clone3"]) == run(powerful, NUMBERS["mount"]) == bpf.ALLOW


def test_socket_families_are_compared_as_the_kernel_sees_them(default: bytes) -> None:
    socket = NUMBERS["socket"]
    for family in (1, 2, 10, 16, 17, 37, 39, 41):
        assert run(default, socket, family) == bpf.ALLOW
        assert run(default, socket, family | 1 << 32) == bpf.ALLOW
    for family in (38, 40):
        assert run(default, socket, family) == run(default, socket, family | 1 << 32) == EPERM


def test_personality(default: bytes) -> None:
    for value, action in ((0, bpf.ALLOW), (8, bpf.ALLOW), (0x20008, bpf.ALLOW), (0xFFFFFFFF, bpf.ALLOW), (0x40000, EPERM), (1, EPERM)):
        assert run(default, NUMBERS["personality"], value) == action


@pytest.mark.parametrize(
    ("capability", "names"),
    [
        ("DAC_READ_SEARCH", "open_by_handle_at"), ("SYS_BOOT", "reboot"), ("SYS_MODULE", "init_module delete_module finit_module"),
        ("SYS_PACCT", "acct"), ("SYS_PTRACE", "kcmp pidfd_getfd process_madvise"), ("SYS_RAWIO", "iopl ioperm"),
        ("SYS_TIME", "settimeofday clock_settime"), ("SYS_TTY_CONFIG", "vhangup"), ("SYS_NICE", "mbind set_mempolicy get_mempolicy"),
        ("SYSLOG", "syslog"), ("BPF", "bpf"), ("PERFMON", "perf_event_open"), ("SYS_CHROOT", "chroot"),
    ],
)  # fmt: skip
def test_a_capability_allows_its_calls(capability: str, names: str) -> None:
    bit = capabilities.mask([capability])
    for name in names.split():
        assert run(compiled(capabilities.DEFAULT | bit), NUMBERS[name]) == bpf.ALLOW
        assert run(compiled(capabilities.DEFAULT & ~bit), NUMBERS[name]) == EPERM


def test_other_architectures(default: bytes) -> None:
    assert run(default, NUMBERS["read"], arch=ARM64) == bpf.KILL_PROCESS
    arm = compiled(machine="aarch64")
    assert run(arm, TABLES["aarch64"]["openat"], arch=ARM64) == bpf.ALLOW
    assert run(arm, TABLES["aarch64"]["mount"], arch=ARM64) == EPERM
    assert run(arm, TABLES["arm"]["set_tls"], arch=bpf.AUDIT_ARCH["arm"]) == bpf.ALLOW
    assert run(arm, 0) == bpf.KILL_PROCESS
    with pytest.raises(errors.NotSupported, match="seccomp"):
        compiled(machine="riscv64")


def test_an_old_kernel(default: bytes) -> None:
    assert run(default, NUMBERS["ptrace"]) == bpf.ALLOW
    assert run(compiled(release="4.4.0-generic"), NUMBERS["ptrace"]) == EPERM
    assert run(compiled(release="4.10-rc1"), NUMBERS["ptrace"]) == bpf.ALLOW


def rules(*given: dict[str, Any], default: str = "SCMP_ACT_ALLOW") -> dict[str, Any]:
    return {"defaultAction": default, "syscalls": list(given)}


def test_a_list_of_forbidden_calls_does_not_leave_them_to_x32() -> None:
    """Their numbers differ there, and nearly every profile of a person's own says what is forbidden, for x86_64 alone."""
    forbidden = {"names": ["execve", "mount"], "action": "SCMP_ACT_ERRNO"}
    program = compiled(profile=rules(forbidden))
    assert run(program, NUMBERS["mount"]) == EPERM and run(program, NUMBERS["read"]) == bpf.ALLOW
    for name in ("execve", "mount", "read"):
        assert run(program, TABLES["x32"][name] | bpf.X32_BIT) == bpf.KILL_PROCESS
    assert run(program, 0xFFFFFFFF) == bpf.ALLOW
    both = compiled(profile={**rules(forbidden), "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"]})
    assert run(both, TABLES["x32"]["execve"] | bpf.X32_BIT) == EPERM and run(both, TABLES["x32"]["read"] | bpf.X32_BIT) == bpf.ALLOW


@pytest.mark.parametrize("operator", ["EQ", "NE", "LT", "LE", "GT", "GE"])
@pytest.mark.parametrize("value", [5, 0xFFFFFFFF, 0x1_0000_0000, 0x7_0000_0005])
def test_comparisons_of_whole_words(operator: str, value: int) -> None:
    rule = {
        "names": ["lseek"],
        "action": "SCMP_ACT_ERRNO",
        "errnoRet": 9,
        "args": [{"index": 1, "value": value, "op": f"SCMP_CMP_{operator}"}],
    }
    program = compiled(profile=rules(rule))
    compare = {"EQ": int.__eq__, "NE": int.__ne__, "LT": int.__lt__, "LE": int.__le__, "GT": int.__gt__, "GE": int.__ge__}[operator]
    for given in (
        0,
        4,
        5,
        6,
        0xFFFFFFFE,
        0xFFFFFFFF,
        0x1_0000_0000,
        0x1_0000_0005,
        0x7_0000_0004,
        0x7_0000_0005,
        0x7_0000_0006,
        (1 << 64) - 1,
    ):
        assert (run(program, NUMBERS["lseek"], 0, given) == bpf.ERRNO | 9) == compare(given, value), hex(given)


def test_masks_alternatives_and_conjunctions() -> None:
    masked = {"index": 0, "value": 0xF0, "valueTwo": 0x50, "op": "SCMP_CMP_MASKED_EQ"}
    program = compiled(profile=rules({"names": ["lseek"], "action": "SCMP_ACT_KILL_PROCESS", "args": [masked]}))
    assert run(program, NUMBERS["lseek"], 0x25A) == bpf.KILL_PROCESS
    assert run(program, NUMBERS["lseek"], 0x26A) == bpf.ALLOW
    one, two = ({"index": 0, "value": value, "op": "SCMP_CMP_EQ"} for value in (1, 2))
    both = compiled(profile=rules({"names": ["lseek"], "action": "SCMP_ACT_TRAP", "args": [one, two]}))
    assert [run(both, NUMBERS["lseek"], value) for value in (1, 2, 3)] == [0x30000, 0x30000, bpf.ALLOW]
    apart = compiled(profile=rules({"names": ["lseek"], "action": "SCMP_ACT_LOG", "args": [one, {**two, "index": 1}]}))
    assert [run(apart, NUMBERS["lseek"], *pair) for pair in ((1, 2), (1, 3), (3, 2))] == [0x7FFC0000, bpf.ALLOW, bpf.ALLOW]


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"defaultAction": "NOPE"}', '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ALLOW"}]}',
        '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "archMap": [{"architecture": "SCMP_ARCH_X86_64"}]}',
        '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 9, "op": "SCMP_CMP_EQ", "value": 1}]}]}',
        '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": "1"}]}]}',
    ],
)  # fmt: skip
def test_broken_profiles(text: str) -> None:
    with pytest.raises(errors.InvalidArgument, match="seccomp profile"):
        seccomp.parse_profile(text)


def test_a_profile_of_ones_own_may_name_calls_nobody_knows() -> None:
    profile = seccomp.parse_profile('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"name": "brand_new", "action": "SCMP_ACT_ERRNO"}]}')
    assert seccomp.compile_profile(profile, 0)


def test_filters_are_small_and_kept(default: bytes) -> None:
    assert len(default) // 8 < 1000
    if os.uname().machine in ("x86_64", "aarch64"):
        assert seccomp.default_filter(capabilities.DEFAULT) is seccomp.default_filter(capabilities.DEFAULT)


def test_a_profile_that_wants_an_agent_is_refused() -> None:
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_NOTIFY"}]}
    with pytest.raises(errors.NotSupported, match="SCMP_ACT_NOTIFY"):
        seccomp.compile_profile(profile, 0)
