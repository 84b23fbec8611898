"""What changes a swarm, done by ``longshore`` and looked at with docker's own command line, and the other way round."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.swarm import ADDRESSES, Swarm
from tests.support.wait import until


def spec_of(swarm: Swarm, service: str) -> Any:
    return json.loads(swarm.docker("service", "inspect", service).stdout)[0]["Spec"]


def same_specs(swarm: Swarm) -> None:
    """The services ``all`` and ``same`` have the same specification; what is empty may be missing."""

    def full(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: kept for key, item in value.items() if (kept := full(item)) not in (None, "", 0, [], {}) and key != "Name"}
        return [full(item) for item in value] if isinstance(value, list) else value

    assert full(spec_of(swarm, "all")) == full(spec_of(swarm, "same"))


def well(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_create_update_scale_and_roll_back_wait_until_the_tasks_are_there(swarm: Swarm) -> None:
    quick = ["--update-monitor", "500ms", "--stop-grace-period", "200ms", "--restart-delay", "100ms"]
    created = well(swarm.longshore("service", "create", "--name", "web", *quick, swarm.image, "sleep", "1000")).splitlines()
    assert re.fullmatch(r"[a-z0-9]{25}", created[0])
    assert created[1].startswith("overall progress: ") and created[-1] == f"verify: Service {created[0]} converged"
    assert re.fullmatch(rf"{re.escape(swarm.image)}@sha256:[0-9a-f]{{64}}", spec_of(swarm, "web")["TaskTemplate"]["ContainerSpec"]["Image"])
    scaled = well(swarm.longshore("service", "scale", "web=3")).splitlines()
    assert scaled[0] == "web scaled to 3" and "overall progress: 3 out of 3 tasks" in scaled
    assert scaled[-1] == "verify: Service web converged" and swarm.count("web") == "3/3"
    newer = swarm.image.replace(":latest", ":2")
    updated = well(swarm.longshore("service", "update", "--update-parallelism", "0", "--image", newer, "--env-add", "A=b", "web"))
    assert updated.splitlines()[0] == "web" and swarm.count("web") == "3/3"
    now = spec_of(swarm, "web")
    assert now["TaskTemplate"]["ContainerSpec"]["Image"].startswith(f"{newer}@sha256:")
    assert now["TaskTemplate"]["ContainerSpec"]["Env"] == ["A=b"] and now["UpdateConfig"]["Parallelism"] == 0
    assert now["UpdateConfig"]["Monitor"] == 500_000_000, "what is not named stays"
    rolled = well(swarm.longshore("service", "rollback", "web"))
    assert rolled.splitlines()[0] == "web" and "rolling back update" in rolled
    assert spec_of(swarm, "web")["TaskTemplate"]["ContainerSpec"]["Image"].startswith(f"{swarm.image}@sha256:")
    before = set(swarm.docker("service", "ps", "-q", "-f", "desired-state=running", "web").stdout.split())
    well(swarm.longshore("service", "update", "-q", "--force", "--update-parallelism", "0", "web"))
    after = set(swarm.docker("service", "ps", "-q", "-f", "desired-state=running", "web").stdout.split())
    assert before and after and not before & after, "every task was started anew"


def test_every_flag_of_create_arrives_and_is_taken_back_by_update(swarm: Swarm) -> None:
    swarm.docker("config", "create", "settings", "-", input="debug")
    swarm.docker("secret", "create", "password", "-", input="hunter2")
    flags = [
        "-l",
        "a=b",
        "--container-label",
        "c=d",
        "-e",
        "E=f",
        "--constraint",
        "node.role==manager",
        "--limit-memory",
        "64m",
        "--limit-cpu",
        "0.5",
    ]
    flags += [
        "--reserve-memory",
        "8m",
        "--mount",
        "type=tmpfs,target=/t",
        "--secret",
        "source=password,target=pw,mode=0400",
        "--config",
        "settings",
    ]
    flags += [
        "-p",
        "mode=host,target=80,published=8099",
        "--hostname",
        "h",
        "-u",
        "1000",
        "-w",
        "/tmp",
        "--init",
        "--read-only",
        "--stop-signal",
        "USR1",
    ]
    flags += [
        "--restart-condition",
        "on-failure",
        "--restart-max-attempts",
        "3",
        "--update-order",
        "start-first",
        "--log-driver",
        "json-file",
    ]
    flags += ["--cap-add", "NET_ADMIN", "--cap-drop", "CHOWN", "--dns", "10.0.0.9", "--dns-option", "ndots:2", "--dns-search", "lan"]
    flags += ["--group", "100", "--host", "far:10.0.0.8", "--sysctl", "net.core.somaxconn=99", "--ulimit", "nofile=10:20"]
    flags += ["--placement-pref", "spread=node.labels.rack", "--health-cmd", "true", "--health-interval", "9s", "--health-retries", "4"]
    flags += ["--with-registry-auth"]
    flags += ["--endpoint-mode", "dnsrr", "--replicas-max-per-node", "2", "--limit-pids", "50", "--update-max-failure-ratio", "0.5"]
    well(swarm.longshore("service", "create", "-d", "--no-resolve-image", "--name", "all", *flags, swarm.image, "sleep", "1000"))
    swarm.docker("service", "create", "-d", "--no-resolve-image", "--name", "same", *(["--publish" if flag == "-p" else flag for flag in flags]), swarm.image, "sleep", "1000")  # fmt: skip
    same_specs(swarm)
    take = ["--label-rm", "a", "--container-label-rm", "c", "--env-rm", "E", "--constraint-rm", "node.role==manager", "--mount-rm", "/t"]
    take += [
        "--secret-rm",
        "password",
        "--config-rm",
        "settings",
        "--publish-rm",
        "mode=host,target=80",
        "--limit-cpu",
        "0",
        "--user",
        "",
        "--args",
        "sleep 2000",
    ]
    take += ["--cap-add", "CHOWN", "--dns-rm", "10.0.0.9", "--dns-add", "10.0.0.7", "--dns-option-rm", "ndots:2", "--dns-search-rm", "lan"]
    take += ["--group-rm", "100", "--host-rm", "far:10.0.0.8", "--sysctl-rm", "net.core.somaxconn", "--ulimit-rm", "nofile"]
    take += ["--placement-pref-rm", "spread=node.labels.rack", "--placement-pref-add", "spread=node.labels.row", "--no-healthcheck"]
    take += ["--label-add", "n=1", "--secret-add", "password", "--publish-add", "mode=host,target=81", "--no-resolve-image"]
    well(swarm.longshore("service", "update", "-d", *take, "all"))
    swarm.docker("service", "update", "-d", *take, "same")
    same_specs(swarm)


def test_the_root_certificate_is_docker_s_and_can_be_made_anew(swarm: Swarm) -> None:
    before = well(swarm.longshore("swarm", "ca"))
    assert before == swarm.docker("swarm", "ca").stdout and before.startswith("-----BEGIN CERTIFICATE-----")
    assert well(swarm.longshore("swarm", "ca", "--rotate", "--quiet")) == ""
    after = well(swarm.longshore("swarm", "ca"))
    assert after != before and after == swarm.docker("swarm", "ca").stdout


def test_a_root_certificate_of_one_s_own(swarm: Swarm, tmp_path: Path) -> None:
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    files = ("-keyout", key, "-out", certificate)
    subprocess.run(["openssl", "req", "-x509", *curve, *files, "-subj", "/CN=own", "-days", "7300"], check=True, capture_output=True)
    alone = swarm.longshore("swarm", "ca", "--rotate", "--ca-cert", certificate)
    assert alone.returncode == 1 and "requires that a --ca-key flag and/or --external-ca flag be provided as well" in alone.stderr
    shown = well(swarm.longshore("swarm", "ca", "--rotate", "--ca-cert", certificate, "--ca-key", key))
    with open(certificate, encoding="ascii") as file:
        assert shown == swarm.docker("swarm", "ca").stdout == file.read()
    well(swarm.longshore("swarm", "ca", "--rotate", "--quiet"))
    assert swarm.docker("swarm", "ca").stdout != shown


def test_a_failed_update_says_so_and_ends_with_1(swarm: Swarm) -> None:
    swarm.service("web", "--update-monitor", "2s", replicas=1)
    done = swarm.longshore("service", "update", "-q", "--restart-condition", "none", "--args", "sh -c 'exit 7'", "web")
    assert done.returncode == 1 and "service update paused: update paused due to failure" in done.stderr


def test_logs_are_dockers_and_a_tail_is_in_order(swarm: Swarm) -> None:
    swarm.service("web")

    def seconds() -> int:
        return sum(line.endswith(" out 2") for line in swarm.docker("service", "logs", "web").stdout.splitlines())

    until(lambda: seconds() == 2, what="two lines of each task")
    target = swarm.docker("service", "ps", "-q", "web").stdout.split()[0]
    for flags in ([], ["--raw"], ["--no-trunc"], ["--no-task-ids"], ["--no-resolve"], ["--details"], ["--details", "--raw"]):
        ours, theirs = (run("service", "logs", "-t", *flags, target) for run in (swarm.longshore, swarm.docker))
        for mine, other in ((ours.stdout, theirs.stdout), (ours.stderr, theirs.stderr)):
            # The task goes on writing: who comes later sees more.
            both = min(len(mine.splitlines()), len(other.splitlines()))
            assert both and mine.splitlines()[:both] == other.splitlines()[:both]
    lines = well(swarm.longshore("service", "logs", "-t", "-n", "5", "web")).splitlines()
    stamps = [line.split()[0] for line in lines]
    assert stamps == sorted(stamps) and {line.split()[1].partition("@")[2] for line in lines} <= {"node1", "node2"}


def test_following_shows_each_line_once(swarm: Swarm) -> None:
    swarm.service("web")
    follower = subprocess.Popen(
        swarm.command("service", "logs", "-f", "-n", "2", "--no-task-ids", "web"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert follower.stdout is not None
    seen: list[str] = []
    try:
        while not all(sum(f"web.{slot}@" in line for line in seen) >= 4 for slot in (1, 2)):
            line = follower.stdout.readline()
            assert line, "the log ended"
            seen.append(line.rstrip("\n"))
    finally:
        follower.kill()
        follower.wait()
        follower.stdout.close()
    assert all(re.fullmatch(r"web\.[12]@node[12]    \| out \d+", line) for line in seen), seen
    assert len(set(seen)) == len(seen), "a line came twice"
    for slot in (1, 2):
        numbers = [int(line.rpartition(" ")[2]) for line in seen if f"web.{slot}@" in line]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "none is missing"


def test_a_drained_node_loses_its_tasks_and_gets_them_back(swarm: Swarm) -> None:
    flags = ("--name", "agent", "--mode", "global", "--stop-grace-period", "200ms")
    swarm.docker("service", "create", "-d", "-q", *flags, swarm.image, "sleep", "1000")
    swarm.runs("agent", 2)
    assert well(swarm.longshore("node", "update", "--availability", "drain", "--label-add", "disk=ssd", "node2")) == "node2\n"
    swarm.runs("agent", 1)
    shown = swarm.docker("node", "ls", "--format", "{{.Hostname}} {{.Availability}}").stdout.splitlines()
    assert shown == ["node1 Active", "node2 Drain"]
    assert swarm.docker("node", "inspect", "node2", "-f", "{{.Spec.Labels}}").stdout.strip() == "map[disk:ssd]"
    well(swarm.longshore("node", "update", "--availability", "active", "--label-rm", "disk", "node2"))
    swarm.runs("agent", 2)


def test_a_node_is_promoted_and_demoted(swarm: Swarm) -> None:
    assert well(swarm.longshore("node", "promote", "node2")) == "Node node2 promoted to a manager in the swarm.\n"
    try:
        until(lambda: swarm.docker("node", "ls", check=False, node=1).returncode == 0, what="a second manager that answers")
        assert "is already a manager." in well(swarm.longshore("node", "promote", "node2"))
        assert "Reachable" in well(swarm.longshore("node", "ls", node=1))
    finally:
        assert well(swarm.longshore("node", "demote", "node2")) == "Manager node2 demoted in the swarm.\n"
    until(lambda: swarm.docker("node", "ls", "--format", "{{.ManagerStatus}}").stdout.split() == ["Leader"], what="one manager")
    until(lambda: "not a swarm manager" in swarm.docker("node", "ls", check=False, node=1).stderr, what="a worker")


def test_configs_and_secrets_reach_the_containers(swarm: Swarm) -> None:
    well(swarm.longshore("config", "create", "-l", "a=b", "settings", "-", input="debug = true\n"))
    well(swarm.longshore("secret", "create", "password", "-", input="hunter2\n"))
    assert json.loads(swarm.docker("config", "inspect", "settings").stdout)[0]["Spec"]["Labels"] == {"a": "b"}
    script = "cat /settings /run/secrets/password; sleep 1000"
    flags = ["--secret", "password", "--config", "settings", "--stop-grace-period", "200ms"]
    well(swarm.longshore("service", "create", "-d", "--name", "reader", *flags, swarm.image, "sh", "-c", script))
    until(
        lambda: "hunter2" in swarm.docker("service", "logs", "--raw", "reader", check=False).stdout,
        timeout=60,
        what="the secret in the log",
    )
    assert swarm.docker("service", "logs", "--raw", "reader").stdout == "debug = true\nhunter2\n"
    used = swarm.longshore("secret", "rm", "password")
    assert used.returncode == 1 and "in use by the following service" in used.stderr
    for words in (["secret", "ls"], ["secret", "inspect", "password"]):
        assert "hunter2" not in well(swarm.longshore(*words))
    well(swarm.longshore("service", "rm", "reader"))
    assert (
        well(swarm.longshore("secret", "rm", "password")) == "password\n"
        and well(swarm.longshore("config", "rm", "settings")) == "settings\n"
    )


def test_a_stack_is_removed_with_all_that_belongs_to_it(swarm: Swarm) -> None:
    label = "com.docker.stack.namespace=shop"
    swarm.docker("network", "create", "-d", "overlay", "--label", label, "shop_net")
    swarm.docker("secret", "create", "--label", label, "shop_key", "-", input="x")
    swarm.service("shop_web", "--label", label, "--container-label", label, replicas=1)
    assert well(swarm.longshore("stack", "services", "shop", "--format", "{{.Name}}")) == "shop_web\n"
    done = well(swarm.longshore("stack", "rm", "--detach=false", "shop"))
    assert done == "Removing service shop_web\nRemoving secret shop_key\nRemoving network shop_net\n"
    assert well(swarm.longshore("stack", "ls")) == "NAME      SERVICES\n"


def test_the_cluster_is_made_joined_changed_and_left(swarm: Swarm) -> None:
    assert well(swarm.longshore("swarm", "leave", node=1)) == "Node left the swarm.\n"
    refused = swarm.longshore("swarm", "leave")
    assert refused.returncode == 1 and "--force" in refused.stderr
    assert well(swarm.longshore("swarm", "leave", "--force")) == "Node left the swarm.\n"
    lonely = swarm.longshore("service", "ls")
    assert lonely.returncode == 1 and "This node is not a swarm manager" in lonely.stderr
    made = well(swarm.longshore("swarm", "init", "--advertise-addr", ADDRESSES[0], "--task-history-limit", "3"))
    command = re.search(r"docker swarm join --token (SWMTKN-1-\S+) (\S+)\n", made)
    assert command and command[2] == f"{ADDRESSES[0]}:2377" and made.startswith("Swarm initialized: current node (")
    wrong = swarm.longshore("swarm", "join", "--token", "SWMTKN-1-nonsense", command[2], node=1)
    assert wrong.returncode == 1 and "invalid join token" in wrong.stderr
    joined = well(swarm.longshore("swarm", "join", "--token", command[1], "--advertise-addr", ADDRESSES[1], command[2], node=1))
    assert joined == "This node joined a swarm as a worker.\n"
    rotated = well(swarm.longshore("swarm", "join-token", "-q", "--rotate", "worker")).strip()
    assert rotated != command[1] and swarm.docker("swarm", "join-token", "-q", "worker").stdout.strip() == rotated
    locked = well(swarm.longshore("swarm", "update", "--autolock=true"))
    key = swarm.docker("swarm", "unlock-key", "-q").stdout.strip()
    assert key.startswith("SWMKEY-1-") and locked.startswith("Swarm updated.\n") and key in locked
    again = well(swarm.longshore("swarm", "unlock-key", "-q", "--rotate")).strip()
    assert again.startswith("SWMKEY-1-") and again != key
    assert well(swarm.longshore("swarm", "update", "--autolock=false")) == "Swarm updated.\n"
    assert swarm.docker("info", "-f", "{{.Swarm.Cluster.Spec.Orchestration.TaskHistoryRetentionLimit}}").stdout.strip() == "3"
    until(lambda: swarm.docker("node", "ls", "--format", "{{.Status}}").stdout.split() == ["Ready"] * 2, what="two nodes that are ready")


def test_the_embedded_engine_says_that_it_has_no_swarm(tmp_path: object) -> None:
    from tests.support.stateroot import state_root

    with state_root(f"{tmp_path}/m") as machine:
        for words in (
            ["service", "ls"],
            ["node", "ls"],
            ["swarm", "init"],
            ["stack", "rm", "x"],
            ["secret", "create", "a", "/etc/hostname"],
        ):
            done = machine(*words)
            assert done.returncode == 1 and done.stdout == ""
            assert done.stderr.startswith("Error: the embedded engine has no Swarm mode") and "-H" in done.stderr, done.stderr


@pytest.mark.parametrize("version", [(1, 40)])
async def test_older_managers_leave_the_counting_to_us(swarm: Swarm, version: tuple[int, int]) -> None:
    from engine.backends.docker import addresses
    from engine.backends.docker.api import Api
    from engine.backends.docker.swarm import DockerServices

    swarm.service("web")
    api = Api(addresses.parse(swarm.manager.url))
    try:
        counted = await DockerServices(api).list()
        await api.version()
        api._version = version
        assert (
            [(one.running, one.desired) for one in await DockerServices(api).list()]
            == [(2, 2)]
            == [(one.running, one.desired) for one in counted]
        )
    finally:
        await api.close()
