"""Containers in several networks: what is wired, what leads out, and that a failure leaves no trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import Conflict, StartFailed
from engine.linux.netlink import inside
from engine.model.containers import Endpoint, PortBinding
from engine.model.networks import NetworkSpec
from engine.network.attachment import Attachment
from engine.store.networks import Networks
from tests.engine.network.conftest import HOST_ADDRESS, LAN_ADDRESS, Running, World
from tests.engine.network.spaces import Space, peer_of

WEB = PortBinding(container_port=80, host_port=8080)


def join(container: Running, network: str, *, ip: str = "", aliases: tuple[str, ...] = ()) -> Attachment:
    world = container.world
    with inside(world.host.descriptor):
        wanted = Endpoint(network=network, requested_ip=ip, aliases=aliases)
        got = world.manager.connect(container.record, network, wanted, container.space.pid, named=bool(container.attachment.names))
    held = container.attachment
    container.attachment = held.replace(endpoints=container.record.endpoints, holds=held.holds + got.holds, names=held.names + got.names)
    return got


def leave(container: Running, network: str) -> bool:
    with inside(container.world.host.descriptor):
        return container.world.manager.disconnect(container.record, network, container.space.pid)


def way_out(container: Running) -> str:
    """The gateway of the default route."""
    words = container.space.ip("-4 route show default").split()
    return words[2] if words else ""


def addresses(container: Running) -> dict[str, str]:
    lines = (line.split() for line in container.space.ip("-4 -br addr").splitlines())
    return {words[0].partition("@")[0]: words[2].partition("/")[0] for words in lines if words[0] != "lo"}


def test_the_first_name_that_is_not_internal_leads_out(world: World) -> None:
    for name, internal in (("alpha", True), ("beta", False), ("gamma", False)):
        world.manager.create(NetworkSpec(name=name, internal=internal))
    one = world.run(network_mode="gamma")
    gateways = {"gamma": way_out(one)}
    join(one, "beta")
    join(one, "alpha")
    gateways["beta"] = way_out(one)
    places = {place.network: place for place in one.record.endpoints}
    assert gateways == {"gamma": places["gamma"].gateway, "beta": places["beta"].gateway} and places["alpha"].gateway == ""
    assert addresses(one) == {f"eth{number}": place.ip_address for number, place in enumerate(one.record.endpoints)}
    one.detach()
    assert Networks(world.database).leases() == [] and world.host.ip("-br link show type bridge") == ""
    assert [place.network for place in one.record.endpoints] == ["gamma", "beta", "alpha"]
    one.space.close()
    one.space = Space()  # the next run
    one.attach()
    assert way_out(one) == places["beta"].gateway and len(addresses(one)) == 3
    leave(one, "beta")
    assert way_out(one) == places["gamma"].gateway
    leave(one, "gamma")
    assert way_out(one) == ""
    join(one, "beta")
    assert way_out(one) == places["beta"].gateway and sorted(addresses(one)) == ["eth0", "eth2"]


def test_ports_lead_to_the_way_out(world: World, lan: Space) -> None:
    world.manager.create(NetworkSpec(name="alpha"))
    one = world.run(port_bindings=(WEB,))
    with one.space.listen(80) as server:
        assert peer_of(lan, (HOST_ADDRESS, 8080), server) == LAN_ADDRESS
        join(one, "alpha")
        assert peer_of(lan, (HOST_ADDRESS, 8080), server) == LAN_ADDRESS
        assert not leave(one, "bridge")
        assert peer_of(lan, (HOST_ADDRESS, 8080), server) == LAN_ADDRESS
    assert leave(one, "alpha")
    assert one.record.ports == () and "8080" not in world.host.run("nft", "list", "ruleset")


def test_a_failure_changes_nothing(world: World) -> None:
    world.manager.create(NetworkSpec(name="inner", internal=True))
    other = world.run(port_bindings=(WEB,))
    one = world.run(network_mode="inner", port_bindings=(WEB,))
    before = (one.record, world.host.run("nft", "list", "ruleset"), addresses(one), one.file("hosts"))
    with pytest.raises(StartFailed, match="port is already allocated"):
        join(one, "bridge")
    assert before == (one.record, world.host.run("nft", "list", "ruleset"), addresses(one), one.file("hosts"))
    world.manager.create(NetworkSpec(name="mine"))
    free = world.run(network_mode="mine")
    with pytest.raises(Conflict, match="Address already in use"):
        join(other, "mine", ip=free.address)
    assert [place.network for place in other.record.endpoints] == ["bridge"] and len(addresses(other)) == 1
    other.detach()
    assert len(join(one, "bridge").holds) == 2
    assert one.record.ports == (WEB.replace(host_ip="0.0.0.0"), WEB.replace(host_ip="::"))


def test_what_a_container_made_of_its_hosts_file_stays(world: World) -> None:
    world.manager.create(NetworkSpec(name="mine"))
    one = world.run()
    path = Path(world.roots.container_dir(one.id), "hosts")
    path.write_bytes(b"192.0.2.1 own\xff\n10.0.0.1 no-newline")
    inode = path.stat().st_ino
    join(one, "mine")
    place = one.record.endpoints[1]
    own = f"{place.ip_address}\t{one.id[:12]}\n".encode()
    assert path.read_bytes() == b"192.0.2.1 own\xff\n10.0.0.1 no-newline\n" + own
    leave(one, "mine")
    assert path.read_bytes() == b"192.0.2.1 own\xff\n10.0.0.1 no-newline\n"
    assert path.stat().st_ino == inode  # it is bind mounted
    huge = b"#" * (2 << 20)
    path.write_bytes(huge)
    join(one, "mine")
    assert path.read_bytes() == huge
    path.unlink()
    path.symlink_to("/etc/hosts")
    outside = Path("/etc/hosts").read_bytes()
    with pytest.raises(Exception, match=r"(?i)symbolic"):
        leave(one, "mine")
    assert Path("/etc/hosts").read_bytes() == outside
