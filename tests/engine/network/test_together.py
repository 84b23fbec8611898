"""Many starts and ends at once, by threads of one engine and by several engines, on one host."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from engine.model.containers import PortBinding
from engine.model.networks import NetworkSpec
from engine.store.networks import Networks
from tests.engine.network.conftest import HOST_ADDRESS, Running, World
from tests.engine.network.spaces import Space, peer_of


def test_starts_and_ends_at_once(worlds: Callable[[str], World], lan: Space) -> None:
    engines = [worlds("first"), worlds("second")]
    binding = PortBinding(container_port=80)
    for world in engines:
        world.manager.create(NetworkSpec(name="six", enable_ipv6=True))
    modes = ("bridge", "six", "bridge", "six", "six")
    containers = [world.create(network_mode=mode, port_bindings=(binding,)) for world in engines for mode in modes]
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(Running.attach, containers))
        addresses = [container.address for container in containers]
        assert len(set(addresses)) == len(containers)
        for container in (containers[0], containers[-1]):
            with container.space.listen(80) as server:
                peer_of(lan, (HOST_ADDRESS, container.attachment.ports[0].host_port), server)
        list(pool.map(Running.detach, containers[1:]))
        with containers[0].space.listen(80) as server:
            peer_of(lan, (HOST_ADDRESS, containers[0].attachment.ports[0].host_port), server)
        containers[0].detach()
    assert all(Networks(world.database).leases() == [] for world in engines)
    assert engines[0].host.run("nft", "list", "ruleset") == ""
    assert engines[0].host.ip("-br link show type bridge") == ""
