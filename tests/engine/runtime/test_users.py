from __future__ import annotations

import pytest

from engine.errors import StartFailed
from engine.runtime.users import MAX_ID, resolve

PASSWD = b"""
root:x:0:0:root:/root:/bin/sh
  user:x:1000:1000:A User:/home/user:/bin/sh
1001:x:0:0:a number for a name:/evil:/bin/sh
twice:x:5:50::/first:/bin/sh
twice:x:6:60::/second:/bin/sh
short:x:7
broken:x:abc:1::/:/bin/sh
huge:x:4294967296:0::/:/bin/sh
nohome:x:8:80:::
no-newline:x:9:90::/nine"""
GROUP = b"""
# a comment
root:x:0:root
user:x:1000:
staff:x:50:user,twice,root
wheel:x:60:user
broken:x:zzz:user
short
long:x:70:""" + b",".join(b"member%d" % number for number in range(50000)) + b"\n"  # fmt: skip


@pytest.mark.parametrize(
    ("user", "uid", "gid", "groups", "home"),
    [
        ("", 0, 0, (0, 50), "/root"),
        ("root", 0, 0, (0, 50), "/root"),
        ("0", 0, 0, (0, 50), "/root"),
        ("user", 1000, 1000, (1000, 50, 60), "/home/user"),
        ("1000", 1000, 1000, (1000, 50, 60), "/home/user"),
        ("user:staff", 1000, 50, (50,), "/home/user"),
        ("user:0", 1000, 0, (0,), "/home/user"),
        ("user:", 1000, 1000, (1000, 50, 60), "/home/user"),
        (":staff", 0, 50, (50,), "/root"),
        ("1001", 1001, 0, (0,), "/"),
        ("twice", 5, 50, (50,), "/first"),
        ("6", 6, 60, (60, 50), "/second"),
        ("nohome", 8, 80, (80,), "/"),
        ("no-newline", 9, 90, (90,), "/nine"),
        ("01", 1, 0, (0,), "/"),
        (str(MAX_ID), MAX_ID, 0, (0,), "/"),
        ("70:70", 70, 70, (70,), "/"),
    ],
)
def test_who_it_is(user: str, uid: int, gid: int, groups: tuple[int, ...], home: str) -> None:
    found = resolve(user, (), PASSWD, GROUP)
    assert (found.uid, found.gid, found.groups, found.home) == (uid, gid, groups, home)


@pytest.mark.parametrize(
    "user",
    [
        "nobody", "broken", "huge", "short", "+1", "-1", "1 ", " 1", "1e3", "0x0", "1_0", "\u0661", "2147483648", "4294967296", "9" * 100, "user:nope",
        "user:-1", "user:4294967296", "user:broken", "user:user:user", "#", "# a comment",
    ],
)  # fmt: skip
def test_who_it_is_not(user: str) -> None:
    with pytest.raises(StartFailed, match="unable to"):
        resolve(user, (), PASSWD, GROUP)


def test_added_groups() -> None:
    assert resolve("user", ("wheel", "77", "wheel"), PASSWD, GROUP).groups == (1000, 50, 60, 77)
    with pytest.raises(StartFailed, match="unable to find group nope"):
        resolve("user", ("nope",), PASSWD, GROUP)


def test_without_files() -> None:
    assert resolve("", (), b"", b"").home == "/"
    assert resolve("5:6", (), b"", b"").groups == (6,)
