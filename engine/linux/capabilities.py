"""Capabilities as bit masks, and the one order in which a container's may be set (capabilities(7))."""

from __future__ import annotations

from collections.abc import Iterable

from engine.linux import syscalls

NAMES: tuple[str, ...] = tuple(
    (
        "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service "
        "net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin "
        "sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override "
        "mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
    )
    .upper()
    .split()
)
"""Without the ``CAP_`` prefix, in the order of their bits."""

DEFAULT = 0xA80425FB
"""Docker's default set."""

_BITS = {name: bit for bit, name in enumerate(NAMES)}


def normalise(name: str) -> str:
    """``cap_sys_admin``, ``SYS_ADMIN``, … as ``SYS_ADMIN``; ``""`` for a name that is no capability."""
    plain = name.upper().removeprefix("CAP_")
    return plain if plain in _BITS else ""


def mask(names: Iterable[str]) -> int:
    """The bit mask of ``names``, with or without ``CAP_``. Raises KeyError for an unknown one."""
    value = 0
    for name in names:
        value |= 1 << _BITS[name.upper().removeprefix("CAP_")]
    return value


def names(value: int) -> tuple[str, ...]:
    """``CAP_`` names of a bit mask, in the order of the bits."""
    return tuple(f"CAP_{name}" for bit, name in enumerate(NAMES) if value >> bit & 1)


_last: list[int] = []


def last() -> int:
    """The highest capability that the running kernel knows; read once in a process."""
    if not _last:
        with open("/proc/sys/kernel/cap_last_cap", "rb") as file:
            _last.append(int(file.read()))
    return _last[0]


def available() -> int:
    """What this process could give away: the kernel's capabilities that are in our bounding set."""
    value = 0
    for bit in range(min(last() + 1, len(NAMES))):
        if syscalls.prctl(syscalls.PR_CAPBSET_READ, bit):
            value |= 1 << bit
    return value


def drop_bounding(keep: int, last_cap: int) -> None:
    """Take everything but ``keep`` out of the bounding set. Needs CAP_SETPCAP, so it comes before anything is given up."""
    for bit in range(last_cap + 1):
        if not keep >> bit & 1:
            syscalls.prctl(syscalls.PR_CAPBSET_DROP, bit)


def apply(effective: int, permitted: int, inheritable: int = 0, ambient: int = 0) -> None:
    """Set the four sets; only what is permitted and inheritable can be ambient, and the rest of that is left out.

    Docker's containers have nothing inheritable and nothing ambient; an OCI bundle may ask for it.
    """
    syscalls.capset(effective, permitted, inheritable)
    syscalls.prctl(syscalls.PR_CAP_AMBIENT, syscalls.PR_CAP_AMBIENT_CLEAR_ALL)
    for bit in range(ambient.bit_length()):
        if ambient & permitted & inheritable & 1 << bit:
            syscalls.prctl(syscalls.PR_CAP_AMBIENT, syscalls.PR_CAP_AMBIENT_RAISE, bit)
