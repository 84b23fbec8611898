"""An SELinux policy of the tests' own, in CIL: the machine may do everything, a container what is its own.

It has the types and the constraint that container-selinux has for the same purpose. Classes that it does not name are free
(``handleunknown allow``), so that it stays small.
"""

from __future__ import annotations

CONTEXTS = 'process = "system_u:system_r:container_t:s0"\nfile = "system_u:object_r:container_file_t:s0"\n'
"""``lxc_contexts``: what the engine reads of a policy."""

_CATEGORIES = 1024
_SIDS = (
    "kernel security unlabeled fs file file_labels init any_socket port netif netmsg node igmp_packet icmp_socket tcp_socket "
    "sysctl_modprobe sysctl sysctl_fs sysctl_kernel sysctl_net sysctl_net_unix sysctl_vm sysctl_dev kmod policy scmp_packet devnull"
).split()
"""The kernel's initial contexts, in its order (security/selinux/include/initial_sid_to_string.h)."""

_COMMON = "ioctl read write create getattr setattr lock relabelfrom relabelto append map unlink link rename execute open mounton quotaon"
_OF_CLASS = {
    "file": "execute_no_trans entrypoint",
    "dir": "add_name remove_name reparent search rmdir",
    **dict.fromkeys(("lnk_file", "chr_file", "blk_file", "sock_file", "fifo_file"), ""),
    "process": "fork transition sigchld sigkill sigstop signull signal ptrace getattr setexec setkeycreate dyntransition setcurrent "
    "getsched setsched getsession getpgid setpgid getcap setcap share setfscreate noatsecure siginh setrlimit rlimitinh getrlimit "
    "execmem execstack execheap setsockcreate",
}
_FILES = tuple(name for name in _OF_CLASS if name != "process")
_TYPES = ("kernel_t", "container_t", "container_file_t", "file_t", "system_t")
_READ = "ioctl read getattr lock map open execute"


def cil() -> str:
    """The policy, for ``secilc``."""
    return "\n".join([*_declarations(), *_rules(), *_labelling()]) + "\n"


def _permissions(name: str) -> str:
    return _OF_CLASS[name] if name == "process" else f"{_COMMON} {_OF_CLASS[name]}"


def _declarations() -> list[str]:
    categories = [f"c{number}" for number in range(_CATEGORIES)]
    users = ["(user system_u)", "(role system_r)", "(role object_r)", "(userrole system_u system_r)", "(userrole system_u object_r)"]
    return [
        "(handleunknown allow)",
        "(mls true)",
        "(policycap open_perms)",
        "(policycap nnp_nosuid_transition)",
        *(f"(class {name} ({_permissions(name)}))" for name in _OF_CLASS),
        f"(classorder (unordered {' '.join(_OF_CLASS)}))",
        "(sensitivity s0)",
        "(sensitivityorder (s0))",
        *(f"(category {name})" for name in categories),
        f"(categoryorder ({' '.join(categories)}))",
        f"(sensitivitycategory s0 (range c0 c{_CATEGORIES - 1}))",
        *users,
        "(userlevel system_u (s0))",
        f"(userrange system_u ((s0) (s0 (range c0 c{_CATEGORIES - 1}))))",
        *(f"(type {name})(roletype system_r {name})(roletype object_r {name})" for name in _TYPES),
    ]


def _rules() -> list[str]:
    everything = " ".join(_TYPES)
    return [
        # As refpolicy's policy/mcs has it: what is made in a shared directory is shared.
        f"(defaultrange ({' '.join(_FILES)}) target low)",
        "(typeattribute every)",
        f"(typeattributeset every ({everything}))",
        *(f"(allow kernel_t every ({name} ({_permissions(name)})))" for name in _OF_CLASS),
        # A container: its own files wholly, those of the system (proc, sysfs) as they come, nothing of the host's files.
        *(f"(allow container_t container_file_t ({name} ({_permissions(name)})))" for name in _FILES),
        *(f"(allow container_t container_t ({name} ({_permissions(name)})))" for name in _OF_CLASS),
        *(f"(allow container_t system_t ({name} ({_READ} write append{' search' if name == 'dir' else ''})))" for name in _FILES),
        "(allow container_t kernel_t (process (sigchld)))",
        "(allow container_t kernel_t (fifo_file (ioctl read write append getattr lock open)))",
        "(allow container_t kernel_t (file (read getattr open)))",
        *(f"(mlsconstrain ({name} ({_READ} write append)) (or (eq t2 (system_t kernel_t)) (dom h1 h2)))" for name in _FILES),
        "(mlsconstrain (process (ptrace signal sigkill)) (dom h1 h2))",
    ]


def _labelling() -> list[str]:
    def context(kind: str, high: bool = False) -> str:
        levels = f"((s0) (s0 (range c0 c{_CATEGORIES - 1})))" if high else "((s0) (s0))"
        return f"(system_u {'system_r' if kind == 'kernel_t' else 'object_r'} {kind} {levels})"

    kinds = dict.fromkeys(_SIDS, context("system_t")) | {name: context("kernel_t", True) for name in ("kernel", "init")}
    kinds |= {"file": context("file_t"), "unlabeled": context("file_t")}
    return [
        *(f"(sid {name})(sidcontext {name} {kinds[name]})" for name in _SIDS),
        f"(sidorder ({' '.join(_SIDS)}))",
        f"(fsuse xattr ext4 {context('file_t')})",
        *(f"(fsuse trans {name} {context('system_t')})" for name in ("devtmpfs", "devpts", "mqueue")),
        f"(fsuse trans tmpfs {context('file_t')})",
        *(f"(fsuse task {name} {context('system_t')})" for name in ("pipefs", "sockfs")),
        *(f"(genfscon {name} / {context('system_t')})" for name in ("proc", "sysfs", "cgroup2", "selinuxfs", "securityfs", "nsfs")),
    ]
