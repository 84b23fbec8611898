"""Volumes."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

import pytest

from engine.errors import Conflict, InvalidArgument, LongshoreError, NotFound
from engine.model.containers import Mount
from engine.model.volumes import VolumeSpec
from tests.contract.lab import Lab, sh, volume
from tui.feed.volume_files import opened


async def test_create_inspect_remove(lab: Lab) -> None:
    volumes = lab.engine.volumes
    made = await volumes.create(VolumeSpec(name="store", labels={"for": "tests"}))
    assert (made.name, made.driver, made.scope, dict(made.labels)) == ("store", "local", "local", {"for": "tests"})
    assert made.mountpoint.startswith("/") and not made.anonymous
    found = await volumes.inspect("store")
    assert (found.mountpoint, found.created_at) == (made.mountpoint, made.created_at) and found.created_at > 0
    again = await volumes.create(VolumeSpec(name="store"))
    assert again.created_at == made.created_at and dict(again.labels) == {"for": "tests"}
    await volumes.remove("store")
    with pytest.raises(NotFound, match="no such volume"):
        await volumes.inspect("store")


async def test_names(lab: Lab) -> None:
    anonymous = await lab.engine.volumes.create(VolumeSpec())
    assert re.fullmatch("[0-9a-f]{64}", anonymous.name) and anonymous.anonymous
    for name in ("-x", "a b", "x", "a/b", "../up"):
        with pytest.raises(InvalidArgument):
            await lab.engine.volumes.create(VolumeSpec(name=name))


async def test_list_and_filters(lab: Lab) -> None:
    for name, labels in (("beta", {"tier": "db"}), ("alpha", {"tier": "web"}), ("gamma", {})):
        await lab.engine.volumes.create(VolumeSpec(name=name, labels=labels))
    await lab.create("true", mounts=(volume("gamma", "/data"),))

    async def found(**filters: str) -> list[str]:
        return [one.name for one in await lab.engine.volumes.list(filters={key: (value,) for key, value in filters.items()})]

    assert await found() == ["alpha", "beta", "gamma"]
    assert await found(name="alph") == ["alpha"]
    assert await found(label="tier") == ["alpha", "beta"]
    assert await found(label="tier=db") == ["beta"]
    assert await found(driver="local") == ["alpha", "beta", "gamma"]
    assert await found(dangling="true") == ["alpha", "beta"]
    assert await found(dangling="false") == ["gamma"]
    with pytest.raises(InvalidArgument, match=r"(?i)invalid filter"):
        await found(colour="red")


async def test_remove(lab: Lab) -> None:
    container = await lab.create("true", mounts=(volume("used", "/data"),))
    with pytest.raises(Conflict, match=f"volume is in use.*{container}"):
        await lab.engine.volumes.remove("used")
    await lab.engine.containers.remove(container, volumes=True)
    await lab.engine.volumes.remove("used")
    with pytest.raises(NotFound, match="no such volume"):
        await lab.engine.volumes.remove("used")
    await lab.engine.volumes.remove("used", force=True)


async def test_content_outlives_containers(lab: Lab) -> None:
    assert (await lab.run(*sh("echo kept >/data/file"), mounts=(volume("store", "/data"),))).code == 0
    assert (await lab.run("cat", "/data/file", mounts=(volume("store", "/data"),))).out == b"kept\n"
    refused = await lab.run(*sh("cat /data/file; touch /data/x"), mounts=(volume("store", "/data", read_only=True),))
    assert (refused.code, refused.out) == (1, b"kept\n")


async def test_a_new_volume_gets_the_images_content(lab: Lab) -> None:
    async def look(script: str, *options: str, name: str) -> bytes:
        mounts = (volume(name, "/data", options=options),)
        return (await lab.run("-c", script, image=lab.app, entrypoint=("sh",), mounts=mounts)).out

    show = "stat -c '%a %u:%g' /data; cat /data/seed; stat -c %a /data/seed; rm /data/seed"
    assert await look(show, name="seeded") == b"750 0:0\nseed\n640\n"
    # Nor is the content copied where it is not wanted, or into a volume that was filled before.
    assert await look("ls -A /data", "nocopy", name="bare") == b""
    await look("touch /data/own", name="bare")
    assert await look("ls -A /data", name="bare") == b"own\nseed\n"


async def test_anonymous_volumes_go_with_their_container(lab: Lab) -> None:
    mounts = (Mount(kind="volume", target="/anonymous"), volume("named", "/named"))
    container = await lab.create(image=lab.app, mounts=mounts)
    found = {mount.target: mount for mount in (await lab.inspect(container)).container.mounts}
    assert set(found) == {"/data", "/anonymous", "/named"}
    assert re.fullmatch("[0-9a-f]{64}", found["/data"].source)
    assert (found["/named"].kind, found["/named"].source, found["/named"].read_only) == ("volume", "named", False)
    assert found["/named"].path == (await lab.engine.volumes.inspect("named")).mountpoint
    assert len(await lab.engine.volumes.list()) == 3
    await lab.engine.containers.remove(container, volumes=True)
    assert [one.name for one in await lab.engine.volumes.list()] == ["named"]


async def test_anonymous_volumes_stay_unless_asked_for(lab: Lab) -> None:
    container = await lab.create(image=lab.app)
    await lab.engine.containers.remove(container)
    assert len(await lab.engine.volumes.list()) == 1


async def test_prune(lab: Lab) -> None:
    anonymous = (await lab.engine.volumes.create(VolumeSpec())).name
    await lab.engine.volumes.create(VolumeSpec(name="named"))
    await lab.run(*sh("head -c 100000 /dev/zero >/data/file"), mounts=(volume("named", "/data"),), auto_remove=True)
    await lab.create("true", mounts=(volume("used", "/data"),))
    report = await lab.engine.volumes.prune()
    assert report.removed == (anonymous,)
    report = await lab.engine.volumes.prune({"all": ("true",)})
    assert report.removed == ("named",) and report.space_reclaimed >= 100000
    assert [one.name for one in await lab.engine.volumes.list()] == ["used"]


async def test_a_volume_that_is_a_directory_of_the_host(lab: Lab, tmp_path: Path) -> None:
    """``type=none o=bind device=…``, as compose files have it: what is in it outlives the volume."""
    name, options = f"{lab.own}bound", {"type": "none", "o": "bind", "device": str(tmp_path)}
    (tmp_path / "file").write_text("there\n")
    made = await lab.engine.volumes.create(VolumeSpec(name=name, options=options))
    assert dict(made.options) == options and dict((await lab.engine.volumes.inspect(name)).options) == options
    result = await lab.run(*sh("cat /data/file; echo more >/data/new"), mounts=(volume(name, "/data"),))
    assert result.out == b"there\n" and (tmp_path / "new").read_text() == "more\n"
    for container in await lab.engine.containers.list(all=True):
        await lab.engine.containers.remove(container.id, force=True, volumes=True)
    await lab.engine.volumes.remove(name)
    assert sorted(os.listdir(tmp_path)) == ["file", "new"]


async def test_a_volume_that_is_a_file_system(lab: Lab) -> None:
    """Mounted for the first container that runs with it, shared by all, and gone with the last."""
    name, options = f"{lab.own}memory", {"type": "tmpfs", "device": "tmpfs", "o": "size=1m,uid=7,mode=0711,noexec"}
    made = await lab.engine.volumes.create(VolumeSpec(name=name, options=options))
    assert dict(made.options) == options
    keeper = await lab.start("sleep", "1000", mounts=(volume(name, "/data"),))
    seen = await lab.run(*sh("stat -c '%u %a' /data; df /data | tail -n 1; echo kept >/data/file"), mounts=(volume(name, "/data"),))
    owner, line = seen.out.decode().splitlines()
    assert owner == "7 711" and line.split()[:2] == ["tmpfs", "1024"]
    assert (await lab.exec(keeper, "cat", "/data/file")).out == b"kept\n"
    assert b"noexec" in (await lab.exec(keeper, *sh("grep ' /data ' /proc/mounts"))).out
    await lab.engine.containers.stop(keeper, timeout=0)
    assert (await lab.run("ls", "/data", mounts=(volume(name, "/data"),))).out == b""
    for container in await lab.engine.containers.list(all=True):
        await lab.engine.containers.remove(container.id, force=True, volumes=True)
    await lab.engine.volumes.remove(name)


@pytest.mark.parametrize(
    ("kind", "device", "o", "why"),
    [
        ("nosuchfs", "nodev", "ro", "no such device"),
        ("tmpfs", "tmpfs", "size=much", "invalid|bad value"),
        ("ext4", "/nothing-is-here", "", "/nothing-is-here"),
    ],
)
async def test_a_file_system_that_can_not_be_mounted(lab: Lab, kind: str, device: str, o: str, why: str) -> None:
    options = {"type": kind, "device": device, **({"o": o} if o else {})}
    await lab.engine.volumes.create(VolumeSpec(name=lab.own, options=options))
    with pytest.raises(LongshoreError, match=f"(?is)failed to mount local volume.*{why}"):
        await lab.start("true", mounts=(volume(lab.own, "/data"),))


@pytest.mark.parametrize(
    ("options", "why"),
    [({"colour": "red"}, "(?i)invalid option.*colour"), ({"o": "bind", "type": "none"}, "(?i)missing required option.*device")],
)
async def test_volume_options_that_are_wrong(lab: Lab, options: dict[str, str], why: str) -> None:
    with pytest.raises(LongshoreError, match=why):
        await lab.engine.volumes.create(VolumeSpec(name=lab.own, options=options))


async def test_a_volume_without_its_device(lab: Lab) -> None:
    options = {"type": "none", "o": "bind", "device": "/nothing-is-here"}
    await lab.engine.volumes.create(VolumeSpec(name=lab.own, options=options))
    with pytest.raises(LongshoreError, match=r"(?s)failed to mount local volume.*/nothing-is-here.*no such file or directory"):
        await lab.start("true", mounts=(volume(lab.own, "/data"),))


async def test_files_of_a_volume_that_no_container_uses(lab: Lab) -> None:
    await lab.engine.volumes.create(VolumeSpec(name="alone"))
    script = "mkdir /data/deep; echo kept > /data/deep/note; ln -s ../../../../etc/hostname /data/out; ln -s /proc/self/root /data/root"
    container = await lab.finished(*sh(script), mounts=(volume("alone", "/data"),))
    await lab.engine.containers.remove(container)
    found = await lab.engine.volumes.inspect("alone")
    before = {one.id for one in await lab.engine.containers.list(all=True)}
    async with opened(lab.engine, found, await lab.engine.images.list()) as files:
        assert {one.name for one in (await files.list(files.top)).entries} == {"deep", "out", "root"}
        assert await files.head(f"{files.top}/deep/note") == (b"kept\n", 5)
        for name in ("out", "root"):  # what a link leads to is the container's, which was never started
            with contextlib.suppress(LongshoreError):
                data, _ = await files.head(f"{files.top}/{name}")
                assert os.uname().nodename.encode() not in data
    assert {one.id for one in await lab.engine.containers.list(all=True)} == before
    with pytest.raises(InvalidArgument, match="no image to make one of"):
        async with opened(lab.engine, found, ()):
            pass
