"""The jail alone: what code that has taken over a worker can and can not do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.image import jail
from tests.engine.image.archives import Archive, diff_id
from tests.engine.image.stores import Store
from tests.support.wait import until

ESCAPE = r"""
import json, os, socket, stat, sys
import ctypes, errno, traceback, linecache
from engine.image import jail
from engine.linux import capabilities, syscalls

target, layers, secret = sys.argv[1:]
results = os.dup(1)
jail.enter_namespaces()
walls = jail.Walls()
if pid := os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
root, lowers = jail.lock_in(target, layers, walls)

def tried(action):
    try:
        return repr(action())
    except OSError as error:
        return errno.errorcode[error.errno]
    except Exception as error:
        return type(error).__name__

def device():
    os.mknod("disk", 0o666 | stat.S_IFBLK, os.makedev(254, 0))
    return os.open("disk", os.O_RDONLY)

def suid():
    with open("suid", "wb") as file:
        file.write(b"x")
    os.chmod("suid", 0o6755)
    return oct(os.stat("suid").st_mode)

def network():
    with socket.socket() as client:
        client.settimeout(30)
        client.connect(("127.0.0.1", 22))

def climb():
    fd = lowers
    for _ in range(50):
        fd = os.open("..", os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
    return sorted(os.listdir(fd))

def chroot_out():
    os.mkdir("sub")
    os.chroot("sub")

answers = {
    "root": sorted(os.listdir("/")),
    "cwd": os.getcwd(),
    "secret": tried(lambda: open(secret)),
    "above": sorted(os.listdir("/../..")),
    "lowers": sorted(os.listdir(lowers)),
    "climb": tried(climb),
    "write lower": tried(lambda: os.open("layer/file", os.O_WRONLY, dir_fd=lowers)),
    "make lower": tried(lambda: os.mkdir("evil", dir_fd=lowers)),
    "device": tried(device),
    "suid": tried(suid),
    "network": tried(network),
    "mount": tried(lambda: syscalls.mount("tmpfs", "/", "tmpfs")),
    "remount": tried(lambda: syscalls.mount("none", "/", "", 0x20 | 0x1000)),
    "unshare user": tried(lambda: syscalls.unshare(0x10000000) or capabilities.names(syscalls.capget()[0])[:1]),
    "chroot": tried(chroot_out),
    "execute": tried(lambda: os.execve("/disk", ["disk"], {})),
    "kill": tried(lambda: os.kill(2**22 - 1, 0)),
    "pids": os.getpid(),
    "import": tried(lambda: __import__("wave")),
    "handle": tried(lambda: os.setresuid(1, 1, 1)),
    "trusted": tried(lambda: os.setxattr("suid", "trusted.overlay.opaque", b"y")),
    "capabilities": capabilities.names(syscalls.capget()[1]) if os.path.exists("suid") else [],
}
os.write(results, json.dumps(answers).encode())
os._exit(0)
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    place = tmp_path_factory.mktemp("jail")
    (place / "layers/layer").mkdir(parents=True)
    (place / "layers/layer/file").write_bytes(b"lower")
    (place / "layers/target").mkdir()
    (place / "secret").write_bytes(b"secret")
    done = subprocess.run(
        [sys.executable, "-c", ESCAPE, place / "layers/target", place / "layers", place / "secret"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    found["place"] = str(place)
    return found


def test_sees_nothing_but_the_layer(answers: dict[str, Any]) -> None:
    assert answers["root"] == answers["above"] == []
    assert answers["cwd"] == "/"
    assert answers["secret"] == "ENOENT"


def test_reads_lower_layers_and_can_not_write_or_leave_them(answers: dict[str, Any]) -> None:
    assert answers["lowers"] == ["layer", "target"]
    assert answers["climb"] == repr(["layer", "target"])
    assert answers["write lower"] == answers["make lower"] == "EROFS"


def test_devices_can_be_made_and_not_opened(answers: dict[str, Any]) -> None:
    assert answers["device"] == "EACCES"
    assert os.path.exists(f"{answers['place']}/layers/target/disk")


def test_has_no_network_no_mounts_and_no_other_processes(answers: dict[str, Any]) -> None:
    assert answers["network"] == "EPERM"
    assert answers["mount"] == answers["remount"] == answers["chroot"] == answers["unshare user"] == answers["execute"] == "EPERM"
    assert answers["pids"] == 1
    assert answers["kill"] == "ESRCH"


def test_keeps_only_what_making_files_needs(answers: dict[str, Any]) -> None:
    assert answers["capabilities"] == ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_MKNOD", "CAP_SETFCAP"]
    assert answers["handle"] == answers["trusted"] == "EPERM"


def test_imports_nothing_from_the_layer(answers: dict[str, Any]) -> None:
    """After CVE-2019-14271: a layer with its own ``encodings`` or libnss is never looked at."""
    assert answers["import"] == "ModuleNotFoundError"


def test_a_real_worker_stands_behind_all_walls(tmp_path: Path) -> None:
    tar = Archive().file("a", bytes(5000)).bytes()
    with Store(str(tmp_path)) as store:
        seen: list[int] = []

        def source() -> Iterator[bytes]:
            yield tar[:3000]
            helper = psutil.Process(store._unpacker._pid)
            worker = until(lambda: [each.pid for each in helper.children(recursive=True)][1:])[0]
            until(lambda: "Seccomp:\t2" in Path(f"/proc/{worker}/status").read_text())
            status = dict(line.split(":\t", 1) for line in Path(f"/proc/{worker}/status").read_text().splitlines() if ":\t" in line)
            for name in ("CapPrm", "CapEff", "CapBnd"):
                assert int(status[name], 16) == jail.KEPT
            assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0
            assert status["NoNewPrivs"] == "1"
            for kind in ("mnt", "net", "ipc", "uts", "pid"):
                assert os.readlink(f"/proc/{worker}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")
            held = [os.readlink(f"/proc/{worker}/fd/{fd}") for fd in os.listdir(f"/proc/{worker}/fd")]
            assert len([each for each in held if each.startswith("socket:")]) == 1
            assert len([each for each in held if each.startswith("pipe:")]) == 1
            seen.append(worker)
            yield tar[3000:]

        store.unpack(source(), diff_id=diff_id(tar))
        assert seen


def test_a_worker_opens_no_library_and_no_source_after_the_jail(tmp_path: Path) -> None:
    script = """
import sys
from tests.engine.image.stores import Store
from tests.engine.image.archives import Archive
evil = Archive()
for name in ("encodings/__init__.py", "lib/x86_64-linux-gnu/libnss_files.so.2", "usr/lib/python3/zlib.py", "etc/nsswitch.conf", "etc/passwd"):
    evil.file(name, b"evil", mode=0o755)
evil.file("user", b"1", uid=12345, pax={b"uname": b"nobody"})
with Store(sys.argv[1]) as store:
    store.add(evil)
    try:
        store.add(Archive().file("../x", b"").file("a", b""))
    except Exception:
        pass
"""
    trace = tmp_path / "trace"
    subprocess.run(
        ["strace", "-f", "-qq", "-o", trace, "-e", "trace=openat,open,execve,pivot_root", sys.executable, "-c", script, tmp_path / "root"],
        check=True,
    )
    jailed: set[str] = set()
    seen = 0
    for line in trace.read_text(errors="replace").splitlines():
        pid, _, call = line.partition(" ")
        call = call.strip()
        if call.startswith("pivot_root") and call.endswith("= 0"):
            jailed.add(pid)
        elif pid in jailed and call.startswith(("openat(AT_FDCWD", "open(", "execve(")):
            seen += 1
            assert call.startswith('openat(AT_FDCWD, "."'), call
    assert len(jailed) == 2 and seen
