"""Security modules, as far as a machine without one can tell: what is written where, and that a refusal is heard."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import InvalidArgument
from engine.linux import labels, selinux
from engine.linux.selinux import Contexts
from engine.model.containers import HostConfig
from engine.runtime import confinement


@pytest.mark.parametrize(("profile", "context", "text"), [("p", "", "exec p"), ("", "u:r:t:s0", "u:r:t:s0"), ("p", "u:r:t:s0", "exec p")])
def test_what_is_written(tmp_path: Path, profile: str, context: str, text: str) -> None:
    with open(tmp_path / "exec", "wb") as file:
        labels.confine(file.fileno(), profile, context)
    assert (tmp_path / "exec").read_text() == text


def test_a_machine_says_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text, on in (("Y\n", True), ("N\n", False)):
        (tmp_path / "enabled").write_text(text)
        monkeypatch.setattr(labels, "_APPARMOR_ON", str(tmp_path / "enabled"))
        assert labels.apparmor() is on
    monkeypatch.setattr(labels, "_APPARMOR_ON", str(tmp_path / "nothing"))
    monkeypatch.setattr(labels, "_SELINUX_ON", str(tmp_path / "enabled"))
    assert not labels.apparmor() and labels.selinux()


def test_the_kernel_s_refusal_is_heard() -> None:
    """Nobody has a profile of that name, whichever module is there."""
    fd = labels.open_exec("longshore-no-such-profile")
    try:
        with pytest.raises(OSError):
            labels.confine(fd, "longshore-no-such-profile", "")
    finally:
        os.close(fd)


def test_options_without_a_kernel() -> None:
    """What a container gets where the machine has a module; the kernel's part is proved in the virtual machine."""
    usual = Contexts(process="u:r:container_t:s0", file="u:object_r:container_file_t:s0")
    plain = confinement.contexts(HostConfig(), usual, "s0:c1,c2")
    assert plain == Contexts(process="u:r:container_t:s0:c1,c2", file="u:object_r:container_file_t:s0:c1,c2")
    chosen = HostConfig(security_opt=("label=type:spc_t", "label=filetype:data_t", "label:level:s0:c3"))
    assert confinement.contexts(chosen, usual, "s0:c1,c2") == Contexts(process="u:r:spc_t:s0:c3", file="u:object_r:data_t:s0:c3")
    for host in (HostConfig(privileged=True), HostConfig(pid_mode="host"), HostConfig(security_opt=("label=disable",))):
        assert confinement.contexts(host, usual, "s0:c1,c2").process == ""
    kept = HostConfig(privileged=True, security_opt=("label=level:s0",))
    assert confinement.contexts(kept, usual, "s0:c1,c2").process == "u:r:container_t:s0"
    assert confinement.contexts(HostConfig(), Contexts(), "") == Contexts()
    for wrong in ("label=colour:red", "label=type"):
        with pytest.raises(InvalidArgument, match="bad label option"):
            confinement.contexts(HostConfig(security_opt=(wrong,)), usual, "s0")
    profiles = [confinement.profile(host, default=True) for host in (HostConfig(), HostConfig(privileged=True))]
    assert profiles == [confinement.DEFAULT_PROFILE, "unconfined"]
    for options in ((), ("apparmor=unconfined",)):
        assert confinement.profile(HostConfig(security_opt=options), default=False) == ""
    assert confinement.profile(HostConfig(privileged=True), default=False) == ""
    assert confinement.profile(HostConfig(privileged=True, security_opt=("apparmor:own",)), default=False) == "own"


def test_a_machine_booted_without_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {
        "process": {"apparmorProfile": "p", "selinuxLabel": "u:r:t:s0", "args": []},
        "linux": {"mountLabel": "u:r:t:s0", "resources": {}},
    }
    for on in (True, False):
        monkeypatch.setattr(labels, "apparmor", lambda on=on: on)
        monkeypatch.setattr(labels, "selinux", lambda on=on: on)
        assert confinement.at_start(spec) == (spec if on else {"process": {"args": []}, "linux": {"resources": {}}})


def test_levels_keep_containers_apart() -> None:
    levels: set[str] = set()
    for _ in range(200):
        levels.add(selinux.fresh_level(levels))
    assert len(levels) == 200
    for level in levels:
        low, high = (int(name.removeprefix("c")) for name in level.removeprefix("s0:").split(","))
        assert 0 <= low < high < 1024
