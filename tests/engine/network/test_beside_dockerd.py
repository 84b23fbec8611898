"""On a host where a real dockerd runs, with its chains, and a FORWARD chain that drops."""

from __future__ import annotations

from pathlib import Path

import httpx

from engine.model.containers import PortBinding
from tests.engine.network.conftest import HOST_ADDRESS, LAN_ADDRESS, World
from tests.engine.network.spaces import Space, cable, peer_of
from tests.support.dockerd import running_dockerd


def test_beside_a_real_dockerd(tmp_path: Path) -> None:
    with running_dockerd(str(tmp_path / "d")) as daemon:
        host, lan = Space(daemon.pid), Space()
        world = World(tmp_path / "w", host)
        try:
            cable(host, lan, "lan0", (f"{HOST_ADDRESS}/24", f"{LAN_ADDRESS}/24"))
            lan.ip(f"route add default via {HOST_ADDRESS}")
            host.run("iptables", "-P", "FORWARD", "DROP")  # as dockerd does where forwarding was off before it came
            before = host.run("iptables", "-S")
            assert "DOCKER-USER" in before
            container, neighbour = world.run(port_bindings=(PortBinding(container_port=80, host_port=8080),)), world.run()

            def works() -> None:
                with container.space.listen(80) as server, lan.listen(99) as outside:
                    assert peer_of(lan, (HOST_ADDRESS, 8080), server) == LAN_ADDRESS
                    assert peer_of(container.space, (LAN_ADDRESS, 99), outside) == HOST_ADDRESS
                    peer_of(neighbour.space, (container.address, 80), server)

            works()
            # dockerd goes on changing its rules, and everything goes on working.
            with httpx.Client(transport=httpx.HTTPTransport(uds=daemon.socket), base_url="http://docker", timeout=60) as docker:
                made = docker.post("/networks/create", json={"Name": "theirs"})
                assert made.status_code == 201, made.text
                works()
                assert docker.delete("/networks/theirs").status_code == 204
            container.detach()
            neighbour.detach()
            assert host.run("iptables", "-S") == before
        finally:
            world.close()
            lan.close()
            host.close()
