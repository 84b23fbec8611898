"""``--network``, ``--mount``, ``--gpus`` and the flags that only other systems know, as docker's command line reads them."""

from __future__ import annotations

import json

import pytest

from engine.cli.container_options import FLAGS, host_config
from engine.cli.flags import FlagError, Options, parse
from engine.cli.mounts import parse_mount
from engine.cli.places import networks
from engine.errors import InvalidArgument, NotSupported
from engine.model.containers import DeviceRequest, Endpoint, EndpointOptions, Mount
from tests.support.stateroot import StateRoot


def given(text: str) -> Options:
    return parse(FLAGS, [*text.split(), "image"], interspersed=False)


def test_networks_in_both_forms() -> None:
    first, second, third = networks(
        given(
            "--network name=One,alias=a,alias=b,ip=10.0.0.2,ip6=fd00::2,mac-address=02:00:00:00:00:01,gw-priority=-3 --network two"
            " --network name=three,link-local-ip=169.254.1.1,driver-opt=k=v"
        )
    )
    assert first == Endpoint(
        network="one",
        aliases=("a", "b"),
        requested_ip="10.0.0.2",
        requested_ipv6="fd00::2",
        options=EndpointOptions(mac_address="02:00:00:00:00:01", gateway_priority=-3),
    )
    assert second == Endpoint(network="two")
    assert third == Endpoint(network="three", options=EndpointOptions(link_local=("169.254.1.1",), driver={"k": "v"}))


def test_flags_are_for_the_first_network() -> None:
    text = "--network one --network two --network-alias x --ip 10.0.0.3 --ip6 fd00::3 --mac-address 02:00:00:00:00:02 --link-local-ip 169.254.1.1"
    options = given(text)
    host = host_config(options)
    assert (host.network_mode, host.network_aliases, host.ipv4_address, host.ipv6_address) == ("one", ("x",), "10.0.0.3", "fd00::3")
    assert (host.mac_address, host.endpoint) == ("02:00:00:00:00:02", EndpointOptions(link_local=("169.254.1.1",)))
    assert networks(options)[1] == Endpoint(network="two")
    assert host_config(given("")).network_mode == "default" and host_config(given("--net host")).network_mode == "host"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("--network one --network one", 'network "one" is specified multiple times'),
        ("--network host --network one", "cannot attach both user-defined and non-user-defined network-modes"),
        ("--network name=one,ip=10.0.0.2 --ip 10.0.0.3", "cannot specify both --ip and per-network IPv4 address"),
        ("--network name=one,alias=a --network-alias b", "cannot specify both --network-alias and per-network alias"),
        ("--network name=one,mac-address=02:00:00:00:00:01 --mac-address 02:00:00:00:00:02", "both --mac-address and per-network"),
        ("--network alias=a", "network name/id is not specified"),
        ("--network name=one,colour=red", "invalid field key colour"),
        ("--network name=one,alias", "invalid field alias"),
        ("--network name=one,gw-priority=high", "invalid gw-priority"),
        ("--network name=one,mac-address=12", "12 is not a valid mac address"),
        ("--network name=one,driver-opt=x", "invalid key/value pair format in driver options"),
        ("--cpu-count 2", "only supported on a Docker daemon running on windows"),
        ("--gpus nope", "invalid count"),
        ("--gpus colour=red", "unexpected key 'colour'"),
    ],
)
def test_contradictions_are_refused(text: str, why: str) -> None:
    with pytest.raises((InvalidArgument, FlagError), match=why):
        host_config(given(text))


def test_content_trust_is_not_pretended() -> None:
    host_config(given("--disable-content-trust"))
    with pytest.raises(NotSupported, match="content trust"):
        host_config(given("--disable-content-trust=false"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("all", DeviceRequest(count=-1, capabilities=(("gpu",),))),
        ("2", DeviceRequest(count=2, capabilities=(("gpu",),))),
        ('"device=0,1",capabilities=compute', DeviceRequest(ids=("0", "1"), capabilities=(("compute", "gpu"),))),
        ("driver=nvidia,options=a=b", DeviceRequest(driver="nvidia", count=1, capabilities=(("gpu",),), options={"a": "b"})),
    ],
)
def test_gpus(text: str, wanted: DeviceRequest) -> None:
    assert host_config(given(f"--gpus {text}")).device_requests == (wanted,)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "type=bind,src=/a,dst=/b,readonly,bind-propagation=rslave,bind-recursive=writable",
            Mount(kind="bind", source="/a", target="/b", read_only=True, options=("rslave", "writable")),
        ),
        ("type=bind,src=/a,dst=/b,bind-recursive=disabled", Mount(kind="bind", source="/a", target="/b", options=("norecursive",))),
        ("type=bind,src=/a,dst=/b,bind-recursive=enabled,ro=false", Mount(kind="bind", source="/a", target="/b")),
        (
            "src=v,dst=/b,volume-nocopy,volume-subpath=s/t,volume-driver=local,volume-opt=type=tmpfs,volume-label=k=v",
            Mount(
                kind="volume",
                source="v",
                target="/b",
                options=("nocopy",),
                subpath="s/t",
                driver="local",
                driver_options={"type": "tmpfs"},
                labels={"k": "v"},
            ),
        ),
        ('src=v,dst=/b,"volume-opt=o=size=1m,uid=1"', Mount(kind="volume", source="v", target="/b", driver_options={"o": "size=1m,uid=1"})),
        ("type=tmpfs,dst=/t,tmpfs-size=64k,tmpfs-mode=1770", Mount(kind="tmpfs", target="/t", options=("size=65536", "mode=1770"))),
        ("type=image,source=repo/a:1,target=/b,image-subpath=c/d", Mount(kind="image", source="repo/a:1", target="/b", subpath="c/d")),
        ("dst=/b,consistency=cached", Mount(kind="volume", target="/b")),
    ],
)
def test_every_key_of_a_mount(text: str, wanted: Mount) -> None:
    assert parse_mount(text) == wanted


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("type=bind,src=/a,dst=/b,volume-nocopy", "cannot mix 'volume-\\*' options with mount type 'bind'"),
        ("src=a,dst=/b,tmpfs-size=1", "cannot mix 'tmpfs-\\*' options"),
        ("type=bind,src=/a,dst=/b,bind-recursive=writable", "requires 'readonly'"),
        ("type=bind,src=/a,dst=/b,ro,bind-recursive=readonly", "requires 'bind-propagation=rprivate'"),
        ("type=bind,src=/a,dst=/b,bind-recursive=maybe", 'must be "enabled"'),
        ("type=bind,src=/a,dst=/b,bind-nonrecursive=true", "deprecated"),
        ("type=tmpfs,dst=/b,tmpfs-size=much", "invalid value for tmpfs-size: much"),
        ("type=tmpfs,dst=/b,tmpfs-mode=999", "invalid value for tmpfs-mode: 999"),
        ("type=bind,src=/a,dst=/b,ro=perhaps", "invalid value for ro: perhaps"),
        ("type=npipe,src=a,dst=/b", 'mount type "npipe" is not known here'),
        ("type=image,src=a,dst=/b,volume-subpath=c", "cannot mix 'volume-\\*' options with mount type 'image'"),
        ("src=a,dst=/b,image-subpath=c", "cannot mix 'image-\\*' options with mount type 'volume'"),
        ("type", "must be a key=value pair"),
        ("", "target is required"),
    ],
)
def test_mounts_that_contradict_themselves(text: str, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why):
        parse_mount(text)


def test_what_this_machine_has_not_is_said(longshore: StateRoot) -> None:
    refused = longshore("run", "--rm", "--gpus", "all", "busybox", "true")
    assert refused.returncode == 125 and 'could not select device driver "" with capabilities: [[gpu]]' in refused.stderr
    assert "--device" in refused.stderr
    refused = longshore("run", "--rm", "--isolation", "hyperv", "busybox", "true")
    assert refused.returncode == 125 and "Invalid isolation: \"hyperv\" - linux only supports 'default'" in refused.stderr
    ran = longshore("run", "--rm", "--network", "none", "--kernel-memory", "64m", "--storage-opt", "size=1G", "busybox", "true")
    assert ran.returncode == 0
    assert "kernel memory limit" in ran.stderr and "storage options" in ran.stderr


def test_two_networks_at_once(longshore: StateRoot) -> None:
    """Static addresses, names and link-local addresses in each, the way out through the one that is preferred, also after a restart."""
    for name, subnet in (("near", "10.231.1.0/24"), ("far", "10.231.2.0/24")):
        longshore.out("network", "create", "--subnet", subnet, name)
    try:
        options = ("--network", "name=near,ip=10.231.1.50,mac-address=02:00:00:00:31:01,link-local-ip=169.254.7.7", "--network")
        longshore.out("run", "-d", "--name", "box", *options, "name=far,alias=other,gw-priority=5", "busybox", "sleep", "1000")
        for _ in range(2):
            seen = longshore.out("exec", "box", "sh", "-c", "ip address; ip route")
            assert "10.231.1.50/24" in seen and "169.254.7.7/16" in seen and "02:00:00:00:31:01" in seen
            assert "default via 10.231.2.1 dev eth1" in seen
            longshore.out("restart", "-t", "0", "box")
        found = json.loads(longshore.out("inspect", "box"))[0]["NetworkSettings"]["Networks"]
        assert found["near"]["IPAMConfig"] == {"IPv4Address": "10.231.1.50", "LinkLocalIPs": ["169.254.7.7"]}
        assert found["far"]["GwPriority"] == 5 and found["far"]["Aliases"] == ["other"]
        longshore.out("network", "connect", "--gw-priority", "9", "bridge", "box")
        assert "default via 10.231" not in longshore.out("exec", "box", "ip", "route")
        longshore.out("network", "disconnect", "bridge", "box")
        assert "default via 10.231.2.1 dev eth1" in longshore.out("exec", "box", "ip", "route")
        refused = longshore("run", "--name", "lost", "--network", "near", "--network", "nowhere", "busybox", "true")
        assert refused.returncode == 125 and "network nowhere not found" in refused.stderr
        assert longshore.out("ps", "-aq", "--filter", "name=lost") == ""
        refused = longshore("run", "--network", "name=near,link-local-ip=10.0.0.1", "busybox", "true")
        assert "invalid link-local IP address: 10.0.0.1" in refused.stderr
    finally:
        longshore.clean()


def test_a_part_of_a_volume(longshore: StateRoot) -> None:
    """Only what lies in the volume: no link that a container made there leads out of it."""
    volume = ("--mount", "src=parts,dst=/all")
    make = "mkdir -p /all/sub/deep; echo found >/all/sub/deep/file; ln -s sub /all/inside; ln -s /etc /all/outside; ln -s ../../.. /all/up"
    longshore.out("run", "--rm", "--network", "none", *volume, "busybox", "sh", "-c", make)
    for part in ("sub/deep", "inside/deep"):
        seen = longshore.out(
            "run", "--rm", "--network", "none", "--mount", f"src=parts,dst=/p,volume-subpath={part}", "busybox", "cat", "/p/file"
        )
        assert seen == "found\n"
    for part in ("outside", "up", "up/etc", "../parts", "/etc", "missing"):
        refused = longshore("run", "--rm", "--network", "none", "--mount", f"src=parts,dst=/p,volume-subpath={part}", "busybox", "ls", "/p")
        assert refused.returncode in (125, 127) and refused.stdout == "", refused
    longshore.out("volume", "rm", "parts")


def test_a_volume_that_a_mount_makes(longshore: StateRoot) -> None:
    mount = 'src=made,dst=/v,volume-opt=type=tmpfs,volume-opt=device=tmpfs,"volume-opt=o=size=1m,mode=0700",volume-label=a=b'
    seen = longshore.out("run", "--rm", "--network", "none", "--mount", mount, "busybox", "sh", "-c", "df /v | tail -n 1")
    assert seen.split()[:2] == ["tmpfs", "1024"]
    made = json.loads(longshore.out("volume", "inspect", "made"))[0]
    assert made["Labels"] == {"a": "b"} and made["Options"] == {"type": "tmpfs", "device": "tmpfs", "o": "size=1m,mode=0700"}
    longshore.out("volume", "rm", "made")
