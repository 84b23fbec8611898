"""The whole engine in a network namespace of its own: supervisors that carry ports and watch over the firewall."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.linux.netlink import inside
from tests.engine.network.spaces import TIMEOUT
from tests.privileged.machine import HOST6, Machine, get, machine_of_its_own, served, silent
from tests.support.wait import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with machine_of_its_own(tmp_path) as made:
        yield made


def test_ipv6_clients_of_an_ipv4_container_are_carried_and_cost_nothing_when_gone(machine: Machine) -> None:
    machine.serve("four", "-p", "8080:80", "-p", "[::1]:8081:80")
    until(lambda: not machine.children("four"), what="the supervisor is alone")
    assert get(machine.lan, HOST6, 8080) == get(machine.host, "::1", 8080) == get(machine.host, "::1", 8081) == b"served\n"
    assert silent(machine.host, HOST6, 8081)
    (carrier,) = machine.children("four")
    machine.out("stop", "-t", "0", "four")
    assert not Path(f"/proc/{carrier}").exists()
    assert silent(machine.lan, HOST6, 8080)
    machine.out("start", "four")
    until(lambda: served(machine.lan, HOST6, 8080), what="it is carried again")
    machine.out("network", "disconnect", "bridge", "four")
    assert silent(machine.lan, HOST6, 8080)
    until(lambda: not machine.children("four"), what="nobody carries what is not published")
    machine.out("network", "connect", "bridge", "four")
    until(lambda: served(machine.lan, HOST6, 8080), what="it is carried once more")


def test_a_container_with_ipv6_is_reached_by_the_kernel_alone(machine: Machine) -> None:
    machine.out("network", "create", "--ipv6", "six")
    machine.serve("six1", "--network", "six", "-p", "8080:80")
    until(lambda: not machine.children("six1"), what="the supervisor is alone")
    assert get(machine.lan, HOST6, 8080) == b"served\n"
    assert not machine.children("six1")
    assert get(machine.host, "::1", 8080) == b"served\n"
    assert len(machine.children("six1")) == 1
    assert "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp" in machine.out("ps")


def test_rules_that_somebody_flushed_come_back_by_themselves(machine: Machine) -> None:
    machine.out("network", "create", "--ipv6", "six")
    machine.serve("one", "--network", "six", "-p", "8080:80")
    machine.serve("two")
    before = set(machine.tables())
    machine.host.run("nft", "flush", "ruleset")
    until(lambda: set(machine.tables()) == before, what="the tables are back")
    assert get(machine.lan, HOST6, 8080) == get(machine.lan, "10.99.0.1", 8080) == b"served\n"
    address = machine.out("inspect", "-f", "{{.NetworkSettings.Networks.six.GlobalIPv6Address}}", "one").strip()
    machine.lan.ip(f"-6 route add default via {HOST6}")
    assert silent(machine.lan, address, 80), "it is not reached directly"


def test_a_firewall_that_is_started_or_reloaded_later(machine: Machine) -> None:
    """dockerd and ufw set the policy to drop, a reload of theirs forgets what was let through."""
    machine.serve("one", "-p", "8080:80")
    assert get(machine.lan, "10.99.0.1", 8080) == b"served\n"
    machine.host.run("iptables", "-P", "FORWARD", "DROP")
    until(lambda: served(machine.lan, "10.99.0.1", 8080), what="it is let through")
    machine.host.run("iptables", "-F", "FORWARD")
    until(lambda: served(machine.lan, "10.99.0.1", 8080), what="it is let through again")


def test_one_supervisor_mends_for_all(machine: Machine) -> None:
    names = ("one", "two", "three", "four")
    for name in names:
        machine.serve(name)
    until(lambda: not any(map(machine.children, names)), what="the supervisors are alone")
    before = set(machine.tables())
    stamp = Path(machine.roots.run, "firewall")
    stamp.unlink(missing_ok=True)
    times: set[int] = set()
    machine.host.run("nft", "flush", "ruleset")

    def seen(condition: bool) -> bool:
        if stamp.exists():
            times.add(stamp.stat().st_mtime_ns)
        return condition

    until(lambda: seen(set(machine.tables()) == before), what="the tables are back")
    enough = time.monotonic() + 1  # twice the latest moment of any
    until(lambda: seen(time.monotonic() > enough))
    assert 1 <= len(times) < len(names)  # that the rules were loaded is a change too


def test_the_next_verb_mends_what_no_supervisor_saw(machine: Machine) -> None:
    machine.serve("one", "-p", "8080:80")
    supervisor = machine.supervisor("one")
    os.kill(supervisor, 19)  # SIGSTOP: it sees nothing
    try:
        machine.host.run("nft", "flush", "ruleset")
        assert silent(machine.lan, "10.99.0.1", 8080)
        machine.out("ps")
        assert get(machine.lan, "10.99.0.1", 8080) == b"served\n"
        machine.host.run("nft", "add", "table", "ip", "foreign")
        machine.out("ps")  # nothing to mend, and nothing of others touched
        assert "foreign" in machine.tables()
    finally:
        os.kill(supervisor, 18)


def test_verbs_in_another_namespace_load_nothing_there(machine: Machine) -> None:
    machine.serve("one", "-p", "8080:80")
    with inside(machine.lan.descriptor):
        assert subprocess.run([*machine.command, "ps"], env=machine.environment, capture_output=True, check=True, timeout=TIMEOUT)
    assert machine.lan.run("nft", "list", "ruleset") == ""


def test_nothing_stays_of_ipv6(machine: Machine) -> None:
    def seen() -> list[str]:
        """But for the anycast addresses that every interface of a host has that forwards: it goes on forwarding."""
        lines = "".join(machine.host.ip(f"-6 {what}") for what in ("addr", "route show table all")).splitlines()
        return [line for line in lines if not line.startswith("anycast")] + machine.host.run("nft", "list", "ruleset").splitlines()

    before = seen()
    machine.out("network", "create", "--ipv6", "six")
    machine.serve("one", "--network", "six", "-p", "8080:80")
    machine.serve("two", "--network", "six")
    assert seen() != before
    machine.out("rm", "-f", "one", "two")
    machine.out("network", "rm", "six")
    until(lambda: len(seen()) <= len(before), what="everything is gone")
    assert seen() == before
    with machine.host.open(socket.SOCK_STREAM, ipv6=True) as free:
        free.bind(("::", 8080))


def test_many_ports_under_a_small_limit_of_open_files(machine: Machine) -> None:
    """Holding them takes more descriptors than the limit allows, and the container has the limit all the same."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        machine.serve("many", "-p", "20000-20299:1000-1299", "-p", "8080:80")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert get(machine.host, "::1", 8080) == get(machine.lan, HOST6, 8080) == get(machine.lan, "10.99.0.1", 8080) == b"served\n"
    assert len(os.listdir(f"/proc/{machine.supervisor('many')}/fd")) > 600
    limit = "Max open files            256 "
    assert limit in machine.out("exec", "many", "cat", "/proc/1/limits") and limit in machine.out(
        "exec", "many", "cat", "/proc/self/limits"
    )
    machine.out("restart", "-t", "0", "many")
    until(lambda: served(machine.lan, "10.99.0.1", 8080), what="it serves again")
    assert limit in machine.out("exec", "many", "cat", "/proc/1/limits")


def test_what_a_container_asks_of_a_networks_driver(machine: Machine) -> None:
    """An interface's name and kernel parameters, on the command line and kept through a restart; and its clean end when that fails."""
    machine.out("network", "create", "--subnet", "10.98.3.0/24", "--aux-address", "printer=10.98.3.2", "mine")
    machine.out("network", "create", "further")
    option = "com.docker.network.endpoint"
    asked = f'name=mine,driver-opt={option}.ifname=lan7,"driver-opt={option}.sysctls=net.ipv4.conf.IFNAME.log_martians=1"'
    machine.serve("one", "--network", asked, "-p", "8080:80")
    assert "10.98.3.3/24" in machine.out("exec", "one", "ip", "-o", "addr", "show", "lan7")
    machine.out("network", "connect", "--driver-opt", f"{option}.ifname=far3", "further", "one")
    for _ in range(2):
        assert machine.out("exec", "one", "cat", "/proc/sys/net/ipv4/conf/lan7/log_martians") == "1\n"
        assert "inet " in machine.out("exec", "one", "ip", "-o", "addr", "show", "far3")
        machine.out("restart", "-t", "0", "one")
    until(lambda: served(machine.lan, "10.99.0.1", 8080), what="it serves again")
    for wrong in (("--ip", "10.98.3.2"), ("--ip", "10.98.3.3")):
        done = machine("run", "--rm", "--name", "two", "--network", "mine", *wrong, "box", "true")
        assert (done.returncode, "Address already in use" in done.stderr) == (125, True)
    assert machine.out("ps", "-aq", "--filter", "name=two") == ""
