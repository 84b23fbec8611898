"""Containers: list, filters, inspect, top."""

from __future__ import annotations

import json

import pytest

from engine.errors import Conflict, InvalidArgument, NotFound
from engine.model.containers import ContainerStatus
from tests.contract.lab import Lab, sh, volume
from tests.support.wait import until_async


async def test_list_shows_what_runs_newest_first(lab: Lab) -> None:
    first, second = await lab.sleeper(name="first"), await lab.sleeper(name="second")
    await lab.create("true", name="third")
    assert await lab.names() == ["second", "first"]
    assert await lab.names(all=True) == ["third", "second", "first"]
    assert await lab.names(limit=2) == ["third", "second"]
    rows = {row.id: row for row in await lab.engine.containers.list()}
    assert set(rows) == {first, second}
    row = rows[first]
    assert (row.image, row.command, row.state.status) == (lab.image, "sleep 1000", ContainerStatus.RUNNING)
    assert row.image_id == (await lab.engine.images.inspect(lab.image)).image.id
    assert row.created_at > 0 and row.size_rw is None


async def test_list_tells_how_containers_ended(lab: Lab) -> None:
    await lab.finished(*sh("exit 6"), name="failed")
    (row,) = await lab.engine.containers.list(all=True)
    assert (row.state.status, row.state.exit_code) == (ContainerStatus.EXITED, 6)
    assert row.state.finished_at > 0


async def test_list_filters(lab: Lab) -> None:
    await lab.create("true", name="alpha", labels={"tier": "web", "zone": "a"})
    beta = await lab.create("true", name="beta", labels={"tier": "db"}, mounts=(volume("store", "/store"),))
    gamma = await lab.finished(*sh("exit 2"), name="gamma", labels={"tier": "web"})
    delta = await lab.sleeper(name="delta")
    await lab.engine.containers.pause("delta")

    async def found(**filters: str | tuple[str, ...]) -> list[str]:
        given = {key: (value,) if isinstance(value, str) else value for key, value in filters.items()}
        return sorted(await lab.names(all=True, filters=given))

    assert await found(name="alph") == ["alpha"]
    assert await found(name="^/?alpha$") == ["alpha"]
    assert await found(name=("alpha", "beta")) == ["alpha", "beta"]
    assert await found(id=beta[:8]) == ["beta"]
    assert await found(id=(delta, gamma, "f" * 64)) == ["delta", "gamma"]
    assert await lab.names(filters={"id": (delta, gamma)}) == ["delta"]
    assert await found(label="tier") == ["alpha", "beta", "gamma"]
    assert await found(label="tier=web") == ["alpha", "gamma"]
    assert await found(label=("tier=web", "zone=a")) == ["alpha"]
    assert await found(status="created") == ["alpha", "beta"]
    assert await found(status=("exited", "paused")) == ["delta", "gamma"]
    assert await found(exited="2") == ["gamma"]
    assert await found(ancestor=lab.image) == ["alpha", "beta", "delta", "gamma"]
    assert await found(ancestor=lab.app) == []
    assert await found(volume="store") == ["beta"]
    assert await found(volume="/store") == ["beta"]
    assert await found(since="beta") == ["delta", "gamma"]
    assert await found(before="beta") == ["alpha"]
    assert await found(name="a", label="tier=web", status="exited") == ["gamma"]
    # A status shows stopped containers without `all`.
    assert sorted(await lab.names(filters={"status": ("created",)})) == ["alpha", "beta"]


async def test_list_refuses_filters_it_does_not_know(lab: Lab) -> None:
    with pytest.raises(InvalidArgument, match=r"(?i)invalid filter '?colour"):
        await lab.engine.containers.list(filters={"colour": ("red",)})
    with pytest.raises(InvalidArgument):
        await lab.engine.containers.list(filters={"status": ("asleep",)})


async def test_list_counts_bytes_when_asked(lab: Lab) -> None:
    await lab.finished(*sh("head -c 300000 /dev/zero >/file"))
    (row,) = await lab.engine.containers.list(all=True, size=True)
    assert row.size_rw is not None and row.size_rw >= 300000
    assert row.size_rootfs is not None and row.size_rootfs > row.size_rw


async def test_inspect_merges_the_images_settings(lab: Lab) -> None:
    container = await lab.create("given", image=lab.app, env=("COLOR=blue", "EXTRA=1"), labels={"shared": "own", "mine": "x"})
    details = await lab.inspect(container)
    assert (details.path, details.args) == ("/bin/echo", ("entry", "given"))
    config = details.config
    assert config.entrypoint == ("/bin/echo", "entry") and config.cmd == ("given",)
    assert set(config.env) >= {"COLOR=blue", "EXTRA=1", "SIZE=big"} and "COLOR=red" not in config.env
    assert dict(config.labels) == {"shared": "own", "mine": "x", "org.example.kind": "app"}
    assert config.working_dir == "/work/here"
    assert set(config.exposed_ports) == {"8080/tcp", "5353/udp"}
    assert config.stop_signal == "SIGUSR1"
    assert config.hostname == container[:12]
    assert [mount.target for mount in details.container.mounts] == ["/data"]


async def test_an_entrypoint_of_ones_own_drops_the_images_command(lab: Lab) -> None:
    details = await lab.inspect(await lab.create(image=lab.app, entrypoint=("/bin/ls", "-l")))
    assert (details.path, details.args) == ("/bin/ls", ("-l",))
    with pytest.raises(InvalidArgument, match=r"(?i)no command specified"):
        await lab.create(image=lab.app, entrypoint=("",))
    assert (await lab.inspect(await lab.create("true", image=lab.app, entrypoint=("",)))).path == "true"


async def test_inspect_shows_docker_shaped_json(lab: Lab) -> None:
    container = await lab.create("true", name="shown", memory=64 << 20)
    raw = json.loads((await lab.inspect(container)).raw)
    assert raw["Id"] == container and raw["Name"] == "/shown"
    assert raw["State"]["Status"] == "created" and raw["State"]["Running"] is False
    assert raw["State"]["StartedAt"] == "0001-01-01T00:00:00Z"
    assert raw["Path"] == "true" and raw["Args"] == []
    assert raw["Config"]["Image"] == lab.image and raw["Config"]["Cmd"] == ["true"]
    assert raw["HostConfig"]["Memory"] == 64 << 20 and raw["HostConfig"]["NetworkMode"] == "none"
    assert raw["HostConfig"]["RestartPolicy"]["Name"] in ("", "no")
    assert set(raw["NetworkSettings"]["Networks"]) == {"none"}
    assert raw["Image"].startswith("sha256:") and raw["Mounts"] == []


async def test_inspect_keeps_what_was_asked_for(lab: Lab) -> None:
    container = await lab.create(
        "true",
        tty=True,
        open_stdin=True,
        user="65534:100",
        hostname="box",
        read_only_rootfs=True,
        cap_drop=("NET_RAW",),
        pids_limit=50,
        tmpfs={"/scratch": "size=1m"},
        extra_hosts=("db:10.1.2.3",),
    )
    details = await lab.inspect(container)
    assert details.config.tty and details.config.open_stdin
    assert (details.config.user, details.config.hostname) == ("65534:100", "box")
    host = details.host_config
    assert host.read_only_rootfs and host.pids_limit == 50
    assert [cap.removeprefix("CAP_") for cap in host.cap_drop] == ["NET_RAW"]
    assert dict(host.tmpfs) == {"/scratch": "size=1m"} and host.extra_hosts == ("db:10.1.2.3",)


async def test_top_lists_processes(lab: Lab) -> None:
    container = await lab.start(*sh("sleep 998 & sleep 999"))

    async def look() -> bool:
        table = await lab.engine.containers.top(container)
        assert "PID" in table.titles
        column = next(index for index, title in enumerate(table.titles) if title in ("CMD", "COMMAND"))
        return {"sleep 998", "sleep 999"} <= {row[column] for row in table.rows}

    await until_async(look, what="two processes in top")


async def test_top_needs_a_running_container(lab: Lab) -> None:
    with pytest.raises(Conflict, match="is not running"):
        await lab.engine.containers.top(await lab.create("true"))
    with pytest.raises(NotFound):
        await lab.engine.containers.top("nobody")
