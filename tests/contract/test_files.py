"""Files of containers: what changed, copies in and out, the whole file system."""

from __future__ import annotations

import io
import stat
import tarfile
from collections.abc import AsyncGenerator

import pytest

from engine.errors import InvalidArgument, LongshoreError, NotFound
from engine.model.containers import ContainerStatus
from engine.model.events import EventQuery
from engine.model.files import ChangeKind, CommitConfig
from tests.contract.lab import Lab, collect, sh, volume
from tests.support.images import tar_of

ADDED, MODIFIED, DELETED = ChangeKind.ADDED, ChangeKind.MODIFIED, ChangeKind.DELETED


async def sent(data: bytes, piece: int = 1000) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(data), piece):
        yield data[start : start + piece]


async def fetched(stream: AsyncGenerator[bytes, None]) -> tarfile.TarFile:
    data = io.BytesIO(b"".join([piece async for piece in stream]))
    return tarfile.open(fileobj=data)


def content(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()


CHANGE = "mkdir -p /new/deep; echo x > /new/deep/file; rm /bin/ls; chmod 600 /etc/passwd; rm -r /var; mkdir /var; ln -s /etc /link"


@pytest.mark.parametrize("running", [True, False])
async def test_changes(lab: Lab, running: bool) -> None:
    if running:
        container = await lab.start(*sh(f"{CHANGE}; echo done; sleep 1000"))
        await lab.said(container, "done")
    else:
        container = await lab.finished(*sh(CHANGE))
    found = {change.path: change.kind for change in await lab.engine.containers.changes(container)}
    assert found["/new"] == found["/new/deep"] == found["/new/deep/file"] == found["/link"] == ADDED
    assert found["/bin"] == found["/etc/passwd"] == MODIFIED and found["/bin/ls"] == DELETED
    assert not {"/", "/proc", "/sys", "/dev", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/.dockerenv"} & set(found)


async def test_an_untouched_container_has_no_changes(lab: Lab) -> None:
    assert await lab.engine.containers.changes(await lab.create("true")) == []
    assert await lab.engine.containers.changes(await lab.finished("true")) == []
    with pytest.raises(NotFound, match="No such container"):
        await lab.engine.containers.changes("nope")


@pytest.mark.parametrize("running", [True, False])
async def test_status(lab: Lab, running: bool) -> None:
    script = "mkdir /d; echo hello > /d/f; chmod 4750 /d/f; ln -s d/f /rel; ln -s /d /abs; ln -s ../../../etc/passwd /up; echo done"
    container = await (lab.start(*sh(f"{script}; sleep 1000")) if running else lab.finished(*sh(script)))
    await lab.said(container, "done")
    files = lab.engine.containers
    found = await files.stat(container, "/d/f")
    assert (found.name, found.size, found.mode, found.link_target) == ("f", 6, stat.S_IFREG | 0o4750, "") and found.mtime > 1e9
    assert (await files.stat(container, "d")).mode == stat.S_IFDIR | 0o755
    link = await files.stat(container, "/rel")
    assert stat.S_ISLNK(link.mode) and link.link_target == "/d/f"
    assert (await files.stat(container, "/abs")).link_target == "/d"
    assert (await files.stat(container, "/up")).link_target == "/etc/passwd"
    assert stat.S_ISDIR((await files.stat(container, "/abs/")).mode)
    for path in ("/nope", "/d/f/x"):
        with pytest.raises(LongshoreError):
            await files.stat(container, path)
    with pytest.raises(NotFound, match="Could not find the file /nope in container"):
        await files.stat(container, "/nope")
    with pytest.raises(NotFound, match="No such container"):
        await files.stat("nope", "/")


@pytest.mark.parametrize("running", [True, False])
async def test_a_directory_is_listed(lab: Lab, running: bool) -> None:
    deep = "long-" * 40
    script = (
        f"mkdir -p /d/sub/below; echo hello > /d/f; ln -s ../../../etc /d/l; chown 7:8 /d/f; chmod 4750 /d/f; echo x > /d/{deep};"
        " echo in > /vol/v; ln -s /d /e; echo done"
    )
    settings = {"mounts": (volume("listed", "/vol"),)}
    container = await (lab.start(*sh(f"{script}; sleep 1000"), **settings) if running else lab.finished(*sh(script), **settings))
    await lab.said(container, "done")
    files = lab.engine.containers
    found = await files.list_directory(container, "/d")
    assert found.complete
    assert [entry.name for entry in found.entries] == ["f", "l", deep, "sub"]
    first, link, _, below = found.entries
    assert (first.size, first.mode, first.uid, first.gid) == (6, stat.S_IFREG | 0o4750, 7, 8) and first.mtime > 1e9
    assert stat.S_ISLNK(link.mode) and link.link_target == "../../../etc" and stat.S_ISDIR(below.mode)
    assert [entry.name for entry in (await files.list_directory(container, "/vol")).entries] == ["v"]
    assert (await files.list_directory(container, "/e")).entries == found.entries  # a link at the end is followed
    inside = {entry.name for entry in (await files.list_directory(container, "/d/l")).entries}
    assert {"passwd", "group"} <= inside  # inside, however far up it points
    assert {"bin", "etc", "d"} <= {entry.name for entry in (await files.list_directory(container, "/")).entries}
    with pytest.raises(NotFound, match="Could not find the file /nope in container"):
        await files.list_directory(container, "/nope")
    with pytest.raises(LongshoreError):
        await files.list_directory(container, "/d/f")


@pytest.mark.parametrize("running", [True, False])
async def test_copying_out(lab: Lab, running: bool) -> None:
    script = "mkdir -p /d/sub; echo hello > /d/f; ln -s f /d/l; ln /d/f /d/h; chown 7:8 /d/f; chmod 640 /d/f; echo in > /vol/v; echo done"
    settings = {"mounts": (volume("files", "/vol"),)}
    container = await (lab.start(*sh(f"{script}; sleep 1000"), **settings) if running else lab.finished(*sh(script), **settings))
    await lab.said(container, "done")
    files = lab.engine.containers
    archive = await fetched(files.get_archive(container, "/d"))
    members = {member.name: member for member in archive.getmembers()}
    assert set(members) == {"d", "d/f", "d/h", "d/l", "d/sub"}
    first, second = members["d/f"], members["d/h"]
    assert (first.uid, first.gid, first.mode & 0o7777) == (7, 8, 0o640) and second.islnk() and second.linkname == "d/f"
    assert members["d/l"].issym() and members["d/l"].linkname == "f" and members["d/sub"].isdir()
    assert content(archive, "d/f") == b"hello\n"
    names = (await fetched(files.get_archive(container, "/d/."))).getnames()
    assert {name.removeprefix("./") for name in names} == {".", "f", "h", "l", "sub"}
    assert (await fetched(files.get_archive(container, "/d/f"))).getnames() == ["f"]
    assert (await fetched(files.get_archive(container, "/d/l"))).getmembers()[0].issym()
    assert content(await fetched(files.get_archive(container, "/vol")), "vol/v") == b"in\n"
    with pytest.raises(NotFound, match="Could not find the file /nope in container"):
        await fetched(files.get_archive(container, "/nope"))


@pytest.mark.parametrize("running", [True, False])
async def test_copying_in(lab: Lab, running: bool) -> None:
    settings = {"mounts": (volume("files", "/vol"),)}
    hold = sh("mkdir /d; ln -s /d /l; touch /d/old; mkdir /d/dir; echo done; [ -z $ONCE ] || exit; sleep 1000")
    container = await (lab.start(*hold, **settings) if running else lab.finished(*hold, env=("ONCE=1",), **settings))
    await lab.said(container, "done")
    files = lab.engine.containers
    data = tar_of([("a/", b"", 0o750), ("a/b/c", b"deep", 0o600), ("old", b"new", 0o4755)])
    await files.put_archive(container, "/l", sent(data))
    await files.put_archive(container, "/vol", sent(tar_of([("v", b"vol", 0o644)])))
    archive = await fetched(files.get_archive(container, "/d"))
    modes = {member.name: member.mode & 0o7777 for member in archive.getmembers()}
    assert modes == {"d": 0o755, "d/a": 0o750, "d/a/b": modes["d/a/b"], "d/a/b/c": 0o600, "d/dir": 0o755, "d/old": 0o4755}
    assert content(archive, "d/a/b/c") == b"deep" and content(archive, "d/old") == b"new"
    assert content(await fetched(files.get_archive(container, "/vol/v")), "v") == b"vol"
    for path, kind in (("/nope", NotFound), ("/d/old", LongshoreError)):
        with pytest.raises(kind):
            await files.put_archive(container, path, sent(data))
    with pytest.raises(LongshoreError, match="cannot overwrite directory"):
        await files.put_archive(container, "/d", sent(tar_of([("dir", b"file", 0o644)])))
    with pytest.raises(LongshoreError, match="cannot overwrite non-directory"):
        await files.put_archive(container, "/d", sent(tar_of([("old/", b"", 0o755)])))
    if running:
        result = await lab.exec(container, *sh("cat /d/a/b/c /vol/v; stat -c %a:%u /d/old"))
        assert result.out == b"deepvol4755:0\n"
    else:
        await files.start(container)
        await lab.said(container, "done")


async def test_copying_into_what_may_not_be_written(lab: Lab) -> None:
    container = await lab.sleeper(read_only_rootfs=True, mounts=(volume("files", "/vol", read_only=True), volume("other", "/rw")))
    data = tar_of([("f", b"x", 0o644)])
    for path in ("/tmp", "/vol"):
        with pytest.raises(LongshoreError, match="marked read-only"):
            await lab.engine.containers.put_archive(container, path, sent(data))
    await lab.engine.containers.put_archive(container, "/rw", sent(data))


async def test_copies_are_events(lab: Lab) -> None:
    container = await lab.create("true")
    files = lab.engine.containers
    await files.put_archive(container, "/tmp", sent(tar_of([("f", b"x", 0o644)])))
    await fetched(files.get_archive(container, "/tmp/f"))
    await fetched(files.export(container))
    query = EventQuery(since=1, filters={"container": (container,)})
    assert [event.action for event in await collect(lab.engine.system.events(query), 4)] == [
        "create",
        "extract-to-dir",
        "archive-path",
        "export",
    ]


async def test_links_do_not_lead_out(lab: Lab) -> None:
    container = await lab.start(*sh("ln -s ../../../../../../tmp /out; ln -s /proc/1/root/tmp /magic; echo done; sleep 1000"))
    await lab.said(container, "done")
    await lab.engine.containers.put_archive(container, "/out", sent(tar_of([("inside-longshore", b"x", 0o644)])))
    assert (await lab.exec(container, "cat", "/tmp/inside-longshore")).out == b"x"


@pytest.mark.parametrize("running", [True, False])
async def test_export(lab: Lab, running: bool) -> None:
    script = "echo mine > /mine; rm /bin/ls; echo secret > /vol/v; ln /mine /also; echo done"
    settings = {"mounts": (volume("files", "/vol"),)}
    container = await (lab.start(*sh(f"{script}; sleep 1000"), **settings) if running else lab.finished(*sh(script), **settings))
    await lab.said(container, "done")
    archive = await fetched(lab.engine.containers.export(container))
    members = {member.name: member for member in archive.getmembers()}
    assert content(archive, "mine") == b"mine\n" and "bin/ls" not in members and "bin/cat" in members
    assert "vol" in members and "vol/v" not in members and members["proc"].isdir() and not any(name.startswith("proc/") for name in members)
    assert members["also"].islnk() or members["mine"].islnk()
    with pytest.raises(NotFound, match="No such container"):
        await fetched(lab.engine.containers.export("nope"))


async def test_commit(images_lab: Lab) -> None:
    lab = images_lab
    script = (
        "echo mine > /mine; rm /bin/ls; chmod 4711 /etc/passwd; mkdir -p /deep/er; ln /mine /deep/also; ln -s mine /link; echo no > /data/x"
    )
    container = await lab.finished(image=lab.app, entrypoint=sh(script), labels={"own": "yes"}, env=("ADDED=1",))
    changes = ('ENTRYPOINT ["cat"]', 'CMD ["/mine"]', "ENV A=1 B='two words'", "LABEL x=y", "EXPOSE 99", "USER 1:2", "WORKDIR sub")
    wanted = CommitConfig(reference="made/it:v1", author="me", comment="why", changes=changes)
    made = await lab.engine.containers.commit(container, wanted)
    found = await lab.engine.images.inspect("made/it:v1")
    above = await lab.engine.images.inspect(lab.app)
    assert found.image.id == made and found.author == "me" and found.image.tags == ("made/it:v1",)
    assert found.layers[:-1] == above.layers and len(found.layers) == len(above.layers) + 1
    config = found.config
    assert (config.entrypoint, config.cmd) == (("cat",), ("/mine",))
    assert (config.user, config.working_dir, config.stop_signal) == ("1:2", "/work/here/sub", "SIGUSR1")
    assert {"ADDED=1", "COLOR=red", "A=1", "B=two words"} <= set(config.env)
    assert {"own": "yes", "x": "y", "org.example.kind": "app"}.items() <= config.labels.items()
    assert {"8080/tcp", "99/tcp"} <= set(config.exposed_ports) and "/data" in config.volumes
    newest, *older = await lab.engine.images.history(made)
    assert newest.comment == "why" and newest.size > 0 and len(older) == len(await lab.engine.images.history(lab.app))
    script = "cat /mine /deep/also; readlink /link; ls /bin/ls; stat -c '%a %h' /etc/passwd /mine; echo $ADDED; id -u; cat /data/x"
    result = await lab.run("-c", script, image="made/it:v1", entrypoint=("sh",))
    assert result.out == b"mine\nmine\nmine\n4711 1\n644 2\n1\n1\n" and b"/bin/ls" in result.err and b"/data/x" in result.err


async def test_commit_of_a_running_container_that_changed_nothing(images_lab: Lab) -> None:
    lab = images_lab
    container = await lab.sleeper()
    for pause in (True, False):
        made = await lab.engine.containers.commit(container, CommitConfig(pause=pause))
        assert (await lab.state(container)).status is ContainerStatus.RUNNING
        found = await lab.engine.images.inspect(made)
        assert found.layers == (await lab.engine.images.inspect(lab.image)).layers and found.config.cmd == ("sleep", "1000")
        assert found.image.tags == ()
    await lab.engine.containers.remove(container, force=True)


async def test_commit_refuses(lab: Lab) -> None:
    container = await lab.create("true")
    for wanted in (CommitConfig(reference="UPPER"), CommitConfig(changes=("RUN x",)), CommitConfig(changes=("EXPOSE http",))):
        with pytest.raises(InvalidArgument):
            await lab.engine.containers.commit(container, wanted)
    with pytest.raises(NotFound, match="No such container"):
        await lab.engine.containers.commit("nope", CommitConfig())
