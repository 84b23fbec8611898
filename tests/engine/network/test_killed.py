"""A process that is killed between any two messages to the kernel: whoever comes next cleans up completely."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from engine.linux.netlink import inside
from engine.model.containers import PortBinding
from engine.model.networks import NetworkSpec
from engine.store.networks import Networks
from tests.engine.network.conftest import HOST_ADDRESS, LAN_ADDRESS, World
from tests.engine.network.spaces import Space, peer_of

_WORK = """
import os, signal, sys
from engine.linux.netlink import Netlink
from engine.network.manager import NetworkManager
from engine.store.containers import Containers
from engine.store.database import Database
from engine.store.roots import Roots

state, run, container, pid, what, left = sys.argv[1:]
messages = int(left)

def counted(send):
    def wrapped(self, *args, **options):
        global messages
        if not messages:
            os.kill(os.getpid(), signal.SIGKILL)
        messages -= 1
        return send(self, *args, **options)
    return wrapped

Netlink.request, Netlink.transaction = counted(Netlink.request), counted(Netlink.transaction)
database = Database.of(Roots(state=state, run=run))
manager, record = NetworkManager(Roots(state=state, run=run), database), Containers(database).get(container)
if what == "attach":
    manager.attach(record, lambda: int(pid), name_server=True)
else:
    manager.detach(record)
"""


@pytest.mark.parametrize("network", ["bridge", "six"])
@pytest.mark.parametrize("what", ["attach", "detach"])
def test_killed_between_any_two_messages(world: World, lan: Space, what: str, network: str) -> None:
    world.manager.create(NetworkSpec(name="six", enable_ipv6=True))
    binding = PortBinding(container_port=80, host_port=8080)
    messages = 0
    while True:
        container = world.create(name=f"{what}{messages}", network_mode=network, port_bindings=(binding,))
        if what == "detach":
            container.attach()
        arguments = [world.roots.state, world.roots.run, container.id, str(container.space.pid), what, str(messages)]
        with inside(world.host.descriptor):
            code = subprocess.run([sys.executable, "-c", _WORK, *arguments], check=False, timeout=60).returncode
        container.detach()
        assert world.host.ip("-br link show type bridge") == ""
        assert world.host.run("nft", "list", "ruleset") == ""
        assert Networks(world.database).leases() == []
        assert container.record.ports == ()
        if code != -signal.SIGKILL:
            assert code == 0
            break
        messages += 1
    assert messages > 5
    container = world.run(network_mode=network, port_bindings=(binding,))
    with container.space.listen(80) as server:
        assert peer_of(lan, (HOST_ADDRESS, 8080), server) == LAN_ADDRESS
