"""Containers, images, networks, volumes and layers in the database."""

from __future__ import annotations

import sqlite3

import pytest

from engine.errors import Conflict, Forbidden, InvalidArgument, NotFound
from engine.model.containers import ContainerState, ContainerStatus, Endpoint, Mount, PortBinding
from engine.model.networks import Subnet
from engine.store import addresses, codec, events
from engine.store.containers import Containers
from engine.store.database import Database
from engine.store.images import Images, wanted_blobs
from engine.store.layers import LayerRecord, Layers
from engine.store.networks import NetworkRecord, Networks
from engine.store.volumes import VolumeRecord, Volumes
from tests.engine.store.factory import container, image

POOL = Subnet(subnet="10.9.0.0/29", gateway="10.9.0.1")


def test_a_container_comes_back_as_it_was(database: Database) -> None:
    record = container(1)
    Containers(database).insert(record, events.make("container", "create", record.id))
    assert Containers(database).get(record.id) == record
    assert [event.action for _, event in events.since(database, 0)] == ["create"]


def test_unknown_fields_of_a_newer_version_are_left_out() -> None:
    text = codec.encode(container(1).host_config)
    assert codec.decode(type(container(1).host_config), text[:-1] + ',"from_the_future":[1]}') == container(1).host_config


def test_odd_texts_survive() -> None:
    odd = container(1).config.replace(cmd=("\0\x1f\u2028\U0001f600", "\udcff", '"\\'), env=())
    assert codec.decode(type(odd), codec.encode(odd)) == odd


def test_containers_resolve_by_id_name_and_prefix(database: Database) -> None:
    table = Containers(database)
    one, two = container(0x1A), container(0x1B)
    tricky = container(3, name=one.id[:12])
    for record in (one, two, tricky):
        table.insert(record)
    assert table.resolve(one.id) == one
    assert table.resolve("/name26") == one
    assert table.resolve("001a") == one
    assert table.resolve(one.id[:12]) == tricky  # a name goes before a prefix
    with pytest.raises(InvalidArgument, match="multiple IDs found with provided prefix: 001"):
        table.resolve("001")
    for name in ("nobody", "%", "00_a", "001A"):
        with pytest.raises(NotFound, match=f"No such container: {name}"):
            table.resolve(name)
    with pytest.raises(InvalidArgument):
        table.resolve("")


def test_names_are_used_once(database: Database) -> None:
    table = Containers(database)
    table.insert(container(1))
    with pytest.raises(Conflict, match=f'The container name "/name1" is already in use by container "{container(1).id}"'):
        table.insert(container(2, name="name1"), events.make("container", "create", "x"))
    assert events.since(database, 0) == []
    table.insert(container(2))
    with pytest.raises(Conflict):
        table.rename(container(2).id, "name1")
    table.rename(container(2).id, "other", events.make("container", "rename", container(2).id))
    assert table.resolve("other").id == container(2).id


def test_states_and_networks_change_alone(database: Database) -> None:
    table = Containers(database)
    record = container(1)
    table.insert(record)
    ended = ContainerState(status=ContainerStatus.EXITED, exit_code=3, oom_killed=True, finished_at=9.5, error="x", restart_count=2)
    table.update_state(record.id, ended, event=events.make("container", "die", record.id))
    assert table.get(record.id) == record.replace(state=ended)
    table.update_state(record.id, record.state, pid_start=5, manually_stopped=False)
    assert table.get(record.id) == record.replace(pid_start=5, manually_stopped=False)
    table.set_network(record.id, (), (PortBinding(container_port=1),))
    assert table.get(record.id).ports == (PortBinding(container_port=1),)
    assert table.get(record.id).endpoints == ()
    with pytest.raises(NotFound):
        table.update_state("gone", ended, event=events.make("container", "die", "gone"))
    assert [event.action for _, event in events.since(database, 0)] == ["die"]


def test_lists_are_newest_first(database: Database) -> None:
    table = Containers(database)
    stopped = ContainerState(status=ContainerStatus.EXITED)
    for number in (2, 1, 3):
        table.insert(container(number, state=stopped if number == 2 else container(number).state))
    assert [record.name for record in table.all()] == ["name3", "name2", "name1"]
    assert [record.name for record in table.by_status(ContainerStatus.RUNNING)] == ["name3", "name1"]
    assert table.counts() == {"running": 2, "exited": 1}
    assert len(table.using_image("sha256:" + "1" * 64)) == 3


def test_an_image_is_used_by_those_who_mount_it(database: Database) -> None:
    table, image = Containers(database), "sha256:" + "2" * 64
    mounts = tuple(Mount(kind="image", source="tools", target=target, image_id=image) for target in ("/a", "/b"))
    table.insert(container(1))
    table.insert(container(2).replace(mounts=mounts))
    assert [record.name for record in table.using_image(image)] == ["name2"]
    assert len(table.using_image("sha256:" + "1" * 64)) == 2
    table.delete(container(2).id)
    assert not table.using_image(image) and not database.query("SELECT * FROM container_images")


def test_a_list_reads_what_has_changed_only(database: Database) -> None:
    theirs = Database(database.path)
    table, another = Containers(database), Containers(theirs)
    one, two = container(1), container(2)
    table.insert(one)
    table.insert(two)
    before = table.all()
    ended = ContainerState(status=ContainerStatus.EXITED, exit_code=3)
    another.update_state(one.id, ended)
    after = table.all()
    assert after == [two, one.replace(state=ended)]
    assert after[0] is before[0]
    another.delete(two.id)
    another.insert(two.replace(name="other"))
    assert [record.name for record in table.some([two.id])] == ["other"]
    theirs.close()


def test_a_container_is_deleted_once(database: Database) -> None:
    table = Containers(database)
    table.insert(container(1))
    tell = events.make("container", "destroy", container(1).id)
    assert table.delete(container(1).id, tell) is True
    assert table.delete(container(1).id, tell) is False
    assert len(events.since(database, 0)) == 1
    assert Volumes(database).users("vol1") == ()


def test_volumes_know_their_users(database: Database) -> None:
    volumes = Volumes(database)
    record = VolumeRecord(name="vol1", created_at=5.0, labels={"a": "b"}, anonymous=True)
    assert volumes.insert(record, events.make("volume", "create", "vol1")) is True
    assert volumes.insert(record.replace(labels={}), events.make("volume", "create", "vol1")) is False
    assert volumes.get("vol1") == record
    Containers(database).insert(container(1))
    assert volumes.users("vol1") == (container(1).id,)
    assert volumes.used() == {"vol1": 1}
    with pytest.raises(Conflict, match=rf"remove vol1: volume is in use - \[{container(1).id}\]"):
        volumes.delete("vol1")
    Containers(database).delete(container(1).id)
    volumes.delete("vol1")
    with pytest.raises(NotFound, match="get vol1: no such volume"):
        volumes.delete("vol1")
    assert volumes.all() == []


def test_images_and_their_names(database: Database) -> None:
    table = Images(database)
    one, two = image(1), image(2)
    table.put(one, "docker.io/library/a:1", "docker.io/library/a@" + one.manifest_digest)
    table.put(two, "docker.io/library/a:2")
    assert table.get(one.id) == one
    assert table.all() == [two, one]
    assert table.by_reference("docker.io/library/a:1") == one
    assert table.by_reference("docker.io/library/a@" + one.manifest_digest) == one
    table.tag(two.id, "docker.io/library/a:1")
    assert table.by_reference("docker.io/library/a:1") == two
    assert table.names(one.id).references == ()
    assert table.names(two.id).references == ("docker.io/library/a:1", "docker.io/library/a:2")
    assert table.all_names() == {one.id: table.names(one.id), two.id: table.names(two.id)}
    assert table.by_prefix("0001") == one
    assert table.by_prefix("sha256:0002") == two
    assert table.by_prefix("sha256:") is None
    assert table.by_prefix("%") is None
    with pytest.raises(InvalidArgument):
        table.by_prefix("000")
    assert table.resolve("docker.io/library/0001:latest", typed="0001") == one
    with pytest.raises(NotFound, match="No such image: b:latest"):
        table.resolve("docker.io/library/b:latest", typed="b:latest")
    assert table.untag("docker.io/library/a:2") is True
    assert table.untag("docker.io/library/a:2") is False
    assert wanted_blobs([one]) == {one.id, one.manifest_digest, *one.blobs}
    assert table.delete(one.id) is True
    assert table.by_reference("docker.io/library/a@" + one.manifest_digest) is None
    with pytest.raises(NotFound):
        table.tag(one.id, "docker.io/library/x:1")


def test_a_second_put_keeps_names(database: Database) -> None:
    table = Images(database)
    table.put(image(1), "r:1")
    table.put(image(1), "r:2")
    assert table.names(image(1).id).references == ("r:1", "r:2")


def test_layers(database: Database) -> None:
    table = Layers(database)
    record = LayerRecord(chain_id="c", diff_id="d", size=5, created_at=1.0)
    table.put(record)
    table.put(record.replace(size=6))
    assert table.get("c") == record
    assert table.has("c") and not table.has("x")
    table.delete("c")
    assert table.all() == [] and table.get("c") is None


def network(number: int = 1) -> NetworkRecord:
    return NetworkRecord(
        id=f"{number:02x}" + "f" * 62, name=f"net{number}", subnets=(POOL,), bridge="br", options={"a": "b"}, created_at=1.5
    )


def test_networks(database: Database) -> None:
    table = Networks(database)
    table.insert(network(1))
    table.insert(network(2))
    assert table.resolve("net1") == table.resolve("01") == table.get(network(1).id) == network(1)
    with pytest.raises(Conflict, match="network with name net1 already exists"):
        table.insert(network(3).replace(name="net1"))
    with pytest.raises(NotFound, match="network nobody not found"):
        table.resolve("nobody")
    table.update(network(1).replace(subnets=()))
    assert table.get(network(1).id).subnets == ()
    table.delete(network(1).id)
    with pytest.raises(NotFound):
        table.delete(network(1).id)


def test_leases_are_the_lowest_free_addresses(database: Database) -> None:
    table = Networks(database)
    table.insert(network())
    given = [table.allocate(network().id, f"c{number}", (POOL,)).address for number in range(5)]
    assert given == ["10.9.0.2", "10.9.0.3", "10.9.0.4", "10.9.0.5", "10.9.0.6"]
    with pytest.raises(Conflict, match="no available IPv4 addresses"):
        table.allocate(network().id, "c9", (POOL,))
    assert table.allocate(network().id, "c3", (POOL,)).address == "10.9.0.5"  # what it has is kept
    table.release("c1")
    table.release("c1")
    lease = table.allocate(network().id, "c9", (POOL,))
    assert (lease.address, lease.mac) == ("10.9.0.3", "02:42:0a:09:00:03")
    with pytest.raises(Forbidden, match="has active endpoints"):
        table.delete(network().id)
    assert [lease.address for lease in table.leases(container_id="c9")] == ["10.9.0.3"]
    assert len(table.leases(network_id=network().id)) == 5


@pytest.mark.parametrize("wanted", ["10.9.0.0", "10.9.0.1", "10.9.0.7", "10.9.1.2", "fd00::2", "10.9.0.256", "10.9.0.02", ""])
def test_wanted_addresses_are_checked(database: Database, wanted: str) -> None:
    table = Networks(database)
    table.insert(network())
    if not wanted:
        assert table.allocate(network().id, "c", (POOL,), wanted="10.9.0.5", mac="02:00:00:00:00:01").mac == "02:00:00:00:00:01"
        with pytest.raises(Conflict, match="Address already in use"):
            table.allocate(network().id, "d", (POOL,), wanted="10.9.0.5")
        return
    with pytest.raises(InvalidArgument):
        table.allocate(network().id, "c", (POOL,), wanted=wanted)


def test_a_lease_has_an_address_of_each_subnet(database: Database) -> None:
    table = Networks(database)
    table.insert(network())
    pools = (POOL, Subnet(subnet="fd00:9::/64", gateway="fd00:9::1"))
    first = table.allocate(network().id, "c1", pools)
    assert (first.address, first.address6, first.mac) == ("10.9.0.2", "fd00:9::2", "02:42:0a:09:00:02")
    assert table.allocate(network().id, "c2", pools, wanted6="fd00:9:0::7").address6 == "fd00:9::7"
    assert table.allocate(network().id, "c2", pools, wanted6="fd00:9:0::7").address == "10.9.0.3"  # what it has is kept
    with pytest.raises(Conflict, match="Address already in use"):
        table.allocate(network().id, "c3", pools, wanted6="fd00:9::7")
    with pytest.raises(InvalidArgument):
        table.allocate(network().id, "c3", pools, wanted6="fd00:9::1")
    table.release("c1")
    assert [lease.address6 for lease in table.leases()] == ["fd00:9::7"]
    assert table.allocate(network().id, "c3", (POOL,)).address6 == table.allocate(network().id, "c4", (POOL,)).address6 == ""


def test_leases_of_ipv6_and_of_a_range() -> None:
    assert addresses.choose(Subnet(subnet="fd00:1::/64", gateway="fd00:1::1"), {"fd00:1::2"}) == "fd00:1::3"
    assert addresses.choose(Subnet(subnet="10.0.0.0/8", gateway="10.0.0.1", ip_range="10.200.0.0/24"), set()) == "10.200.0.0"
    assert addresses.bounds("192.168.7.9/24") == (addresses.number("192.168.7.0"), addresses.number("192.168.7.255"))
    assert addresses.prefix_length("10.0.0.0/8") == 8
    for bad in ("10.0.0.0", "10.0.0.0/33", "x/8", "10.0.0.0/-1", "10.0.0.0/٣"):
        with pytest.raises(InvalidArgument):
            addresses.bounds(bad)


def test_deleting_goes_with_what_belongs_to_it(database: Database) -> None:
    table = Networks(database)
    table.insert(network())
    Containers(database).insert(container(1, endpoints=(Endpoint(network="net1"),)))
    table.allocate(network().id, container(1).id, (POOL,))
    Containers(database).delete(container(1).id)
    assert table.leases() == []


def test_a_broken_statement_is_translated(database: Database) -> None:
    with pytest.raises(Exception, match="no such table") as failure:
        database.query("SELECT * FROM missing")
    assert not isinstance(failure.value, sqlite3.Error)
