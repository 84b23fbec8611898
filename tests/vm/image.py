"""The disk and the initramfs of the virtual machine: this Python, this engine, busybox, and the kernel's modules for them."""

from __future__ import annotations

import compileall
import importlib.metadata
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.support.images import busybox_binary, busybox_layer
from tests.vm import policy, systemd
from tests.vm.kernel import ROOT, Kernel
from tests.vm.ordinary import USER

DISK_MODULES = ("virtio_pci", "virtio_blk")
"""What the initramfs needs to find the disk; ext4 is built in."""

MODULES = (
    "overlay bridge veth nf_tables nf_conntrack nf_nat nft_ct nft_nat nft_masq nft_chain_nat nft_fib_inet nft_fib_ipv4 nft_fib_ipv6 nft_redir "
    "nft_reject_inet nft_limit br_netfilter bfq tun"
).split()
"""What the engine asks the kernel for; there is no modprobe in the machine."""

_LEFT_OUT = frozenset({"test", "idlelib", "lib2to3", "ensurepip", "site-packages", "dist-packages", "tkinter", "turtledemo"})
_MEGABYTES = 640


def load_order(kernel: Kernel, names: Iterable[str]) -> list[str]:
    """Paths below the modules' directory, each after what it depends on."""
    paths = {path.name.split(".")[0].replace("-", "_"): path for path in Path(kernel.modules, "kernel").rglob("*.ko*")}
    order: list[str] = []

    def visit(name: str) -> None:
        path = paths.get(name)
        if path is None or str(path) in order:  # built in, or there already
            return
        depends = re.search(rb"\0depends=([^\0]*)\0", path.read_bytes())
        for other in depends[1].decode().split(",") if depends else ():
            visit(other.replace("-", "_"))
        order.append(str(path))

    for name in names:
        visit(name)
    return order


def initramfs(kernel: Kernel, to: Path) -> None:
    """Busybox, the disk's driver, and a script that goes over to the disk."""
    modules = load_order(kernel, DISK_MODULES)
    steps = "".join(f"insmod /{os.path.basename(path)}\n" for path in modules)
    script = (
        "#!/bin/busybox sh\nexport PATH=/bin\nbusybox mount -t devtmpfs dev /dev\n"
        f"alias insmod='busybox insmod'\n{steps}"
        "busybox mount -t ext4 /dev/vda /disk || busybox poweroff -f\n"
        "busybox mount --move /dev /disk/dev\nexec busybox switch_root /disk ${BOOT:-/init}\n"
    )
    entries: list[tuple[str, int, bytes]] = [(name, stat.S_IFDIR | 0o755, b"") for name in ("bin", "dev", "disk")]
    entries.append(("bin/busybox", stat.S_IFREG | 0o755, busybox_binary()))
    entries += [(os.path.basename(path), stat.S_IFREG | 0o644, Path(path).read_bytes()) for path in modules]
    entries.append(("init", stat.S_IFREG | 0o755, script.encode()))
    to.write_bytes(b"".join(_newc(number + 1, *entry) for number, entry in enumerate(entries)) + _newc(0, "TRAILER!!!", 0, b""))


def _newc(inode: int, name: str, mode: int, content: bytes) -> bytes:
    """One member of a cpio archive in the format that the kernel unpacks (its initramfs-format documentation)."""
    fields = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)


def disk(kernel: Kernel, tree: Path, to: Path) -> None:
    """An ext4 file system out of ``tree``, which is made here."""
    for name in ("dev", "proc", "sys", "run", "tmp", "var/lib", "usr/bin", "usr/lib", "usr/lib64", "usr/sbin", "etc", "root"):
        os.makedirs(tree / name, exist_ok=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        os.symlink(f"usr/{name}", tree / name)
    (tree / "usr/bin/busybox").write_bytes(busybox_binary())
    (tree / "usr/bin/busybox").chmod(0o755)
    os.symlink("busybox", tree / "usr/bin/sh")
    (tree / "etc/passwd").write_text(f"root:x:0:0:root:/root:/bin/sh\nsailor:x:{USER}:{USER}::/home/{USER}:/bin/sh\n")
    (tree / "etc/group").write_text(f"root:x:0:\nsailor:x:{USER}:\n")
    (tree / "busybox.tar").write_bytes(busybox_layer())
    _modules(kernel, tree)
    _confinement(kernel, tree)
    _python(tree)
    _code(tree)
    systemd.install(tree, _base(), systemd.copier(tree), lambda files: list(_libraries(list(files))))
    (tree / "init").write_text(_init())
    (tree / "init").chmod(0o755)
    command = ["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d", str(tree), str(to), f"{_MEGABYTES}M"]
    subprocess.run(command, check=True, capture_output=True, text=True)


def _init() -> str:
    return (
        "#!/bin/sh\nexport PATH=/bin:/sbin HOME=/root LONGSHORE_TEST_PATIENCE=4 PYTHONPATH=/longshore:/packages\n"
        'for each in mount ip insmod poweroff; do eval "$each() { busybox $each \\"\\$@\\"; }"; done\n'
        "mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs run /run; mount -t tmpfs tmp /tmp\n"
        "busybox mkdir -p /dev/pts /dev/shm; mount -t devpts pts /dev/pts; mount -t tmpfs shm /dev/shm\n"
        "mount -t cgroup2 cgroup /sys/fs/cgroup; mount -t securityfs security /sys/kernel/security\n"
        "if [ -d /sys/fs/selinux ]; then\n"
        "  mount -t selinuxfs selinux /sys/fs/selinux; busybox dd if=/etc/selinux/policy of=/sys/fs/selinux/load bs=16M 2>/dev/null\n"
        "  echo 1 >/sys/fs/selinux/enforce\n"
        "fi\n"
        "ip link set lo up\nwhile read module; do insmod /modules/$module; done </modules/order\n"
        "busybox echo the checks begin\n"
        f"{_base()} -m tests.vm.inside /dev/ttyS1 2>&1\n"
        "poweroff -f\n"
    )


def _base() -> str:
    return os.path.realpath(sys.executable)


def _modules(kernel: Kernel, tree: Path) -> None:
    os.mkdir(tree / "modules")
    order = load_order(kernel, MODULES)
    for path in order:
        shutil.copy(path, tree / "modules")
    (tree / "modules/order").write_text("".join(f"{os.path.basename(path)}\n" for path in order))


def _confinement(kernel: Kernel, tree: Path) -> None:
    """The parser of AppArmor, and a policy for SELinux with what a distribution's says of containers."""
    parser = kernel.tool("apparmor")
    for path in (parser, *_libraries([parser])):
        _copy(path, tree, "/sbin/apparmor_parser" if path == parser else path)
    directory = tree / "etc/selinux"
    (directory / "vm/contexts").mkdir(parents=True)
    (directory / "config").write_text("# of the tests\nSELINUX=enforcing\nSELINUXTYPE=vm\n")
    (directory / "vm/contexts/lxc_contexts").write_text(policy.CONTEXTS)
    (directory / "policy.cil").write_text(policy.cil())
    command = [kernel.tool("secilc"), "-c", "33", "-o", str(directory / "policy"), "-f", os.devnull, str(directory / "policy.cil")]
    subprocess.run(command, check=True)


def _python(tree: Path) -> None:
    """The interpreter that runs this, its standard library with what it has compiled, and the shared libraries of both."""
    library = sysconfig.get_path("stdlib")
    shutil.copytree(library, _place(tree, library), symlinks=True, ignore=_ignore, dirs_exist_ok=True)
    program = _base()
    _copy(program, tree)
    extensions = [str(path) for path in Path(library, "lib-dynload").glob("*.so")]
    for needed in _libraries([program, *extensions]):
        _copy(needed, tree)


def _ignore(directory: str, names: list[str]) -> set[str]:
    return {name for name in names if name in _LEFT_OUT or name.startswith("config-") or name.endswith((".a", ".opt-1.pyc", ".opt-2.pyc"))}


def _place(tree: Path, path: str) -> Path:
    return tree / path.lstrip("/")


def _copy(path: str, tree: Path, to: str = "") -> None:
    """To the same place, or another; links on the way are followed."""
    target = _place(tree, to or path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copy2(path, target)


def _libraries(files: list[str]) -> Iterator[str]:
    said = subprocess.run(["ldd", *files], capture_output=True, text=True, check=False).stdout
    seen = set(re.findall(r"(?:=> |^\s+)(/\S+) \(0x", said, re.MULTILINE))
    yield from sorted(seen)


def _code(tree: Path) -> None:
    """The engine, these tests, and what the engine is installed with."""
    for name in ("engine", "tests/vm", "tests/support", "tests/contract"):
        shutil.copytree(f"{ROOT}/{name}", tree / "longshore" / name)
    shutil.copy(f"{ROOT}/tests/__init__.py", tree / "longshore/tests")
    for name in sorted(_distributions("longshore")):
        for file in importlib.metadata.distribution(name).files or ():
            if ".." not in file.parts:
                place = tree / "packages" / str(file)
                place.parent.mkdir(parents=True, exist_ok=True)
                if os.path.exists(source := str(file.locate())):
                    shutil.copy2(source, place)
    # What is compiled here need not be compiled by an emulated processor.
    compileall.compile_dir(tree / "longshore", quiet=1, stripdir=str(tree), workers=2)
    extensions = [str(path) for path in (tree / "packages").rglob("*.so")]
    for needed in _libraries(extensions):
        if not needed.startswith(str(tree)):
            _copy(needed, tree)


def _distributions(name: str) -> set[str]:
    """What a distribution requires and what that requires, extras left out."""
    found: set[str] = set()
    todo = [name]
    while todo:
        for line in importlib.metadata.requires(todo.pop()) or ():
            required, _, condition = line.partition(";")
            wanted = re.split(r"[^A-Za-z0-9._-]", required.strip(), maxsplit=1)[0]
            if condition or wanted in found | {"textual", "rich"}:
                continue
            try:
                importlib.metadata.distribution(wanted)
            except importlib.metadata.PackageNotFoundError:
                continue
            found.add(wanted)
            todo.append(wanted)
    return found
