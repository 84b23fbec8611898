"""Beside the firewalls that distributions have, firewalld and ufw: the programs themselves, in a network namespace of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.linux.netlink import inside
from tests.engine.network.spaces import TIMEOUT
from tests.privileged.machine import HOST6, LAN6, Machine, get, machine_of_its_own, served, silent
from tests.support.wait import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

OUTSIDE = 9000
"""The port of a server on the LAN."""

_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <limit name="max_completed_connections">64</limit>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/><allow eavesdrop="true"/>
  </policy>
</busconfig>
"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with machine_of_its_own(tmp_path) as made, _server(made, tmp_path):
        made.out("network", "create", "--ipv6", "six")
        yield made


@contextmanager
def _server(machine: Machine, directory: Path) -> Iterator[None]:
    """What containers can reach outside: a page at the neighbour's."""
    (directory / "page").mkdir()
    (directory / "page" / "index.html").write_text("outside\n")
    command = ["busybox", "httpd", "-f", "-p", f"[::]:{OUTSIDE}", "-h", str(directory / "page")]
    with inside(machine.lan.descriptor):
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        until(lambda: get(machine.lan, "::1", OUTSIDE) == b"outside\n", what="the neighbour serves")
        yield
    finally:
        server.kill()
        server.wait()


def reaches_out(machine: Machine, name: str, address: str) -> bool:
    """A container gets the neighbour's page."""
    ask = f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 {address} {OUTSIDE}"
    return machine("exec", name, "sh", "-c", ask).stdout.endswith("\noutside\n")


def works(machine: Machine) -> bool:
    """Two containers, of which the second has IPv6, reach out, and each other's neighbour reaches their ports; nobody else gets in."""
    return (
        reaches_out(machine, "one", "10.99.0.2")
        and reaches_out(machine, "two", LAN6)
        and served(machine.lan, "10.99.0.1", 8080)
        and served(machine.lan, HOST6, 8081)
        and served(machine.host, "127.0.0.1", 8080)
    )


def start(machine: Machine) -> None:
    """The two containers."""
    machine.serve("one", "-p", "8080:80")
    machine.serve("two", "--network", "six", "-p", "8081:80")


def rules(machine: Machine) -> list[str]:
    """All that is loaded, without counts."""
    return machine.host.run("nft", "--stateless", "list", "ruleset").splitlines()


def isolated(machine: Machine) -> bool:
    """Nobody from outside reaches a container but through the ports that it publishes."""
    address = machine.out("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "one").strip()
    return silent(machine.lan, address, 80)


def isolated_and_gone(machine: Machine, before: list[str]) -> None:
    """Nobody gets in past the published ports, and once the containers are removed all that is loaded is as it was before them."""
    machine.lan.ip("route add default via 10.99.0.1")
    assert isolated(machine)
    machine.out("rm", "-f", "one", "two")
    until(lambda: len(rules(machine)) <= len(before), what="the rules are gone")
    assert rules(machine) == before


class Firewalld:
    """firewalld on a bus of its own, with its own copy of its settings."""

    def __init__(self, machine: Machine, directory: Path) -> None:
        self._machine = machine
        self._bus = directory / "bus"
        self._settings = directory / "firewalld"
        self._log = directory / "firewalld.log"
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start it with what its package has as defaults."""
        self._settings.mkdir()
        configuration = self._settings.parent / "bus.conf"
        configuration.write_text(_BUS.format(socket=self._bus))
        self._run("dbus-daemon", "--nofork", "--nopidfile", f"--config-file={configuration}")
        until(self._bus.exists, what="a bus")
        options = ["--nofork", "--nopid", "--system-config", str(self._settings), "--log-target", "file", "--log-file", str(self._log)]
        self._run("firewalld", *options)
        until(lambda: self.ask("--state") == "running\n", what="firewalld runs")

    def ask(self, *words: str) -> str:
        """What ``firewall-cmd`` prints."""
        with inside(self._machine.host.descriptor):
            return subprocess.run(
                ["firewall-cmd", *words],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            ).stdout

    def stop(self) -> None:
        """End it; it takes its rules with it."""
        for process in reversed(self._processes):
            process.terminate()
            process.wait()
        self._processes.clear()

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self._bus}"}

    def _run(self, *command: str) -> None:
        with inside(self._machine.host.descriptor):
            self._processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, env=self._environment))


@pytest.fixture
def firewalld(machine: Machine, tmp_path: Path) -> Iterator[Firewalld]:
    made = Firewalld(machine, tmp_path)
    try:
        yield made
    finally:
        made.stop()


def test_firewalld_that_is_there_first_and_its_reloads(machine: Machine, firewalld: Firewalld) -> None:
    firewalld.start()
    before = rules(machine)
    assert silent(machine.lan, "10.99.0.1", 8080)
    start(machine)
    assert works(machine)
    for word in ("--reload", "--complete-reload"):
        assert firewalld.ask(word) == "success\n"
        until(lambda: works(machine), what=f"everything works after {word}")
    isolated_and_gone(machine, before)


def test_firewalld_that_comes_later_and_goes(machine: Machine, firewalld: Firewalld) -> None:
    start(machine)
    before = rules(machine)
    firewalld.start()
    until(lambda: works(machine), what="everything works beside firewalld")
    firewalld.stop()
    until(lambda: rules(machine) == before, what="only our rules are there")
    assert works(machine)


def test_panic_of_firewalld_is_for_containers_too(machine: Machine, firewalld: Firewalld) -> None:
    firewalld.start()
    start(machine)
    assert works(machine)
    assert firewalld.ask("--panic-on") == "success\n"
    assert silent(machine.lan, "10.99.0.1", 8080)
    machine.out("restart", "-t", "0", "one")  # which looks for foreign chains
    assert not reaches_out(machine, "one", "10.99.0.2")
    assert silent(machine.lan, "10.99.0.1", 8080)
    assert firewalld.ask("--panic-off") == "success\n"
    until(lambda: works(machine), what="everything works again")


def test_a_table_that_only_its_owner_may_change_is_left_alone_and_told_of(machine: Machine) -> None:
    """As firewalld has it from 2.1 on; Debian's is older, so that ``nft`` holds it here."""
    held = "table inet firewalld { flags owner; chain filter_FORWARD { type filter hook forward priority 10; policy accept;"
    held += " ct state established accept; ct status dnat accept; reject; }; }"
    with inside(machine.host.descriptor):
        owner = subprocess.Popen(["nft", "--interactive"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        assert owner.stdin is not None
        owner.stdin.write(f"add {held}\n")
        owner.stdin.flush()
        until(lambda: "firewalld" in machine.tables(), what="the table is there")
        assert "--zone=trusted --add-source=SUBNET" in machine("info").stderr
        machine.serve("one", "-p", "8080:80")
        assert served(machine.lan, "10.99.0.1", 8080)
    finally:
        owner.kill()
        owner.communicate()
    until(lambda: "firewalld" not in machine.tables(), what="the table is gone with its owner")
    assert "add-source" not in machine("info").stderr
    assert reaches_out(machine, "one", "10.99.0.2")


class Ufw:
    """ufw with settings of its own, mounted over the machine's where it runs."""

    _SCRIPT = (
        'mount --bind "$1/etc" /etc/ufw && mount --bind "$1/default" /etc/default/ufw && mount -t tmpfs none /run && shift && exec "$@"'
    )

    def __init__(self, machine: Machine, directory: Path) -> None:
        self._machine = machine
        self._settings = directory / "ufw"
        shutil.copytree("/etc/ufw", self._settings / "etc")
        shutil.copy("/etc/default/ufw", self._settings / "default")

    def __call__(self, *words: str) -> str:
        """What ``ufw`` prints."""
        return self._machine.host.run(
            *("unshare", "--mount", "--propagation", "private", "sh", "-c", self._SCRIPT, "sh", str(self._settings)), *("ufw", *words)
        )


@pytest.fixture
def ufw(machine: Machine, tmp_path: Path) -> Ufw:
    return Ufw(machine, tmp_path)


def test_ufw_that_is_there_first_and_its_reloads(machine: Machine, ufw: Ufw) -> None:
    assert "active and enabled" in ufw("--force", "enable")
    ufw("reload")  # only then are all of its own rules there
    before = rules(machine)
    start(machine)
    assert works(machine)
    assert "reloaded" in ufw("reload")
    until(lambda: works(machine), what="everything works after a reload")
    ufw("allow", "22/tcp")
    ufw("delete", "allow", "22/tcp")
    until(lambda: works(machine), what="everything works after a change")
    isolated_and_gone(machine, before)


def test_ufw_that_comes_later_and_goes(machine: Machine, ufw: Ufw) -> None:
    start(machine)
    ufw("--force", "enable")
    until(lambda: works(machine), what="everything works beside ufw")
    assert "Status: active" in ufw("status")
    ufw("disable")
    until(lambda: works(machine), what="everything works without it")
    until(lambda: not any("comment" in line and "longshore" in line for line in rules(machine)), what="ours are gone from its chains")
    machine.out("rm", "-f", "one", "two")
    until(lambda: "longshore" not in "".join(rules(machine)), what="nothing of ours is left")
