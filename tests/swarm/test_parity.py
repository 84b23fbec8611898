"""``longshore`` beside the real docker command line on one and the same swarm: the same output and the same exit codes.

Ages are masked, because the two are asked one after the other. Our errors are compared by their exit codes.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

import pytest

from tests.support.swarm import Swarm


@pytest.fixture(scope="module")
def full(formed: Swarm) -> Iterator[Swarm]:
    """A swarm with some of everything: services of three modes, one of a stack, one that fails, a config, a secret."""
    swarm = formed
    swarm.docker("config", "create", "--label", "kind=config", "settings", "-", input="debug = true\n")
    swarm.docker("secret", "create", "password", "-", input="hunter2")
    swarm.docker("network", "create", "-d", "overlay", "--label", "com.docker.stack.namespace=shop", "shop_net")
    swarm.service("web", "--label", "tier=front", "--publish", "mode=host,target=80", "--replicas-max-per-node", "3")
    create = ("service", "create", "-d", "-q", "--stop-grace-period", "200ms")
    swarm.docker(*create, "--name", "agent", "--mode", "global", swarm.image, "sleep", "1000")
    label = "com.docker.stack.namespace=shop"
    swarm.docker(*create, "--name", "shop_db", "--label", label, "--container-label", label, swarm.image, "sleep", "1000")
    swarm.docker(*create, "--name", "broken", "--restart-condition", "none", swarm.image, "sh", "-c", "exit 3")
    swarm.docker("service", "create", "-d", "-q", "--name", "job", "--mode", "replicated-job", "--replicas", "2", swarm.image, "true")
    swarm.docker("node", "update", "--label-add", "disk=ssd", "node2")
    everything = [
        *("--label", "a=b", "--label", "flag", "--constraint", "node.role==worker", "--placement-pref", "spread=node.labels.disk")
    ]
    everything += [
        *("--update-delay", "90s", "--update-monitor", "1500ms", "--rollback-delay", "1ms", "--update-max-failure-ratio", "0.25")
    ]
    everything += [
        *("--env", "A=b", "--env", "C", "--workdir", "/tmp", "--init", "--user", "1:2", "--cap-add", "NET_ADMIN", "--cap-drop", "MKNOD")
    ]
    everything += [
        *("--sysctl", "net.ipv4.ip_forward=1", "--ulimit", "nofile=10:20", "--mount", "type=volume,target=/data,source=data,readonly")
    ]
    everything += [
        *("--config", "settings", "--secret", "source=password,target=word", "--log-driver", "json-file", "--log-opt", "max-size=1m")
    ]
    everything += [
        *("--limit-cpu", "0.5", "--limit-memory", "64m", "--limit-pids", "30", "--reserve-memory", "4m", "--network", "shop_net")
    ]
    everything += [
        *("--health-cmd", "true", "--health-interval", "90s", "--health-retries", "3", "--publish", "8099:80", "--replicas", "0")
    ]
    swarm.docker(*create, "--name", "full", *everything, swarm.image, "sleep", "1000")
    swarm.runs("agent", 2)
    swarm.runs("shop_db", 1)
    swarm.settled("broken", "Failed")
    swarm.settled("job", "Complete")
    yield swarm
    swarm.clean()
    swarm.docker("network", "rm", "shop_net", check=False)


def masked(text: str) -> str:
    """Without ages, which go on between two looks, and without the blanks that their width makes."""
    text = re.sub(r"(less than a second|about a minute|\d+ (seconds?|minutes?)) ago", "<age> ago", text, flags=re.IGNORECASE)
    return re.sub(r"[ \t]+", " ", text)


SAME = [
    "service ls", "service ls -q", "service ls --format json", "service ls -f name=we", "service ls -f mode=global -q", "service ls -f label=tier=front",
    "service ls --format '{{.Name}}: {{.Replicas}} {{.Mode}}'", "service ls --format 'table {{.ID}}\\t{{.Ports}}'", "service ls -f nope=1", "service ls x", "service list",
    "service ps web", "service ps web agent broken job", "service ps -q web", "service ps --no-trunc broken", "service ps --no-resolve agent", "service ps --format json broken",
    "service ps -f desired-state=shutdown broken", "service ps -f node=node1 web", "service ps web --format '{{.Name}} {{.Node}} {{.Ports}}'", "service ps nope", "service ps web nope", "service ps",
    "service inspect nope", "service inspect web -f '{{.Spec.Name}} {{.Spec.Mode.Replicated.Replicas}} {{json .Spec.Labels}}'", "service inspect web nope -f '{{.Spec.Name}}'",
    "service logs nope", "service rm nope", "service scale web", "service scale nope=1", "service scale -d web=x", "service scale -d agent=3", "service update nope", "service rollback nope", "service create",
    "service create --mode global --replicas 3 busybox", "service create --name web -d --no-resolve-image busybox", "service create --mode nope busybox", "service update --rollback --force web",
    "node ls", "node ls -q", "node ls --format json", "node ls -f role=manager --format '{{.Hostname}} {{.Self}} {{.ManagerStatus}}'", "node ls --format 'table {{.Hostname}}\\t{{.TLSStatus}}'", "node ls -f nope=1",
    "node ps", "node ps node2", "node ps self -q", "node ps nope", "node ps -f desired-state=running node2", "node inspect nope", "node inspect self -f '{{.Description.Hostname}} {{.Spec.Role}}'",
    "node rm node2", "node rm nope", "node update --availability nope node2", "node update --label-rm nope node2", "node update nope", "node promote nope", "node demote node2", "node demote node1", "node promote node1",
    "stack ls", "stack ls --format json", "stack ps shop", "stack ps -q shop", "stack ps nope", "stack services shop", "stack services -q shop", "stack services nope", "stack rm nope", "stack rm ''", "stack ps ' '",
    "config ls", "config ls -q", "config ls --format json", "config ls -f label=kind=config", "config inspect nope", "config inspect settings -f '{{json .Spec}}'", "config rm nope", "config create settings /etc/hostname",
    "config create x", "config create x /nonexistent", "config create x /dev/null",
    "secret ls", "secret ls -q", "secret ls --format '{{json .}}'", "secret ls --format '{{.Name}} {{.Driver}}'", "secret inspect nope", "secret inspect password -f '{{json .Spec}}'", "secret rm nope", "secret create password /etc/hostname",
    "secret create x", "secret create -d driver x /etc/hostname",
    "service inspect --pretty nope", "service inspect --pretty --format x web", "node inspect --pretty nope", "config inspect --pretty nope", "secret inspect --format prettyx password",
    "service update -d --generic-resource-rm gpu web", "service update -d --generic-resource-add gpu web", "service update -d --generic-resource-add gpu=a web", "service update -d --generic-resource-add gpu=-1 web",
    "service update -d --credential-spec nope web", "service update -d --credential-spec config://nope web", "service update -d --oom-score-adj 5 web", "service create -d --generic-resource x=y=z busybox",
    "swarm ca", "swarm ca -q", "swarm ca --ca-key /dev/null", "swarm ca --rotate --ca-cert /nonexistent", "swarm ca --rotate --ca-cert /etc/hostname", "swarm ca --cert-expiry 1h", "swarm ca --external-ca protocol=cfssl,url=https://x",
    "swarm ca --rotate --external-ca protocol=cfssl,url=https://x", "swarm update --external-ca protocol=nope,url=x", "swarm update --external-ca url=x", "swarm update --external-ca protocol=cfssl", "swarm update --external-ca x",
    "swarm update --external-ca protocol=cfssl,url=x,cacert=/nonexistent",
    "swarm join-token worker", "swarm join-token -q manager", "swarm join-token nope", "swarm join-token", "swarm unlock-key", "swarm unlock-key --rotate", "swarm unlock", "swarm init", "swarm join x:1", "swarm leave",
    "swarm update --task-history-limit 4", "swarm update --cert-expiry nope", "swarm init --availability nope",
]  # fmt: skip


@pytest.mark.parametrize("line", SAME)
def test_same_output_and_exit_code(full: Swarm, line: str) -> None:
    words = shlex.split(line)
    ours, theirs = full.inside(*words), full.docker(*words, check=False)
    assert (ours.returncode, masked(ours.stdout)) == (theirs.returncode, masked(theirs.stdout)), (
        f"docker: {theirs.stdout}{theirs.stderr}\nlongshore: {ours.stdout}{ours.stderr}"
    )
    assert bool(ours.stderr.strip()) == bool(theirs.stderr.strip()), f"docker: {theirs.stderr!r}\nlongshore: {ours.stderr!r}"


@pytest.mark.parametrize(
    "line", ["service inspect web agent job", "node inspect node1 node2", "config inspect settings", "secret inspect password"]
)
def test_same_documents(full: Swarm, line: str) -> None:
    ours, theirs = full.inside(*line.split()), full.docker(*line.split())
    assert ours.returncode == 0 and json.loads(ours.stdout) == json.loads(theirs.stdout)
    assert "hunter2" not in ours.stdout and "aHVudGVyMg" not in ours.stdout


def test_flags_that_are_for_some(full: Swarm) -> None:
    """What both command lines make of the same flags is one and the same specification."""
    full.docker("config", "create", "credentials", "-", input="{}")
    create = ("service", "create", "-d", "-q", "--no-resolve-image", "--replicas", "0")
    flags = ("--isolation", "default", "--generic-resource", "gpu=2", "--generic-resource", "fpga=1", "--credential-spec")
    changes = (
        ("--credential-spec", "file://cred.json", "--generic-resource-rm", "fpga", "--generic-resource-add", "gpu=3"),
        ("--credential-spec", "registry://cred"),
        ("--credential-spec", "config://credentials", "--config-add", "settings"),
        ("--credential-spec", ""),
    )

    def made(name: str) -> object:
        task = json.loads(full.docker("service", "inspect", "-f", "{{json .Spec.TaskTemplate}}", name).stdout)
        return [task["Resources"], *(task["ContainerSpec"].get(key) for key in ("Isolation", "Privileges", "Configs"))]

    try:
        full.docker(*create, "--name", "theirs", *flags, "config://credentials", full.image)
        done = full.inside(*create, "--name", "ours", *flags, "config://credentials", full.image)
        assert done.returncode == 0, done.stderr
        assert _sorted(made("ours")) == _sorted(made("theirs"))
        for change in changes:
            full.docker("service", "update", "-d", *change, "theirs")
            done = full.inside("service", "update", "-d", *change, "ours")
            assert done.returncode == 0, done.stderr
            assert _sorted(made("ours")) == _sorted(made("theirs")), change
    finally:
        full.docker("service", "rm", "ours", "theirs", check=False)
        full.docker("config", "rm", "credentials", check=False)


def _sorted(value: object) -> object:
    """Lists in one order, and without what is empty: maps have none in Go."""
    if isinstance(value, dict):
        return {key: found for key, item in value.items() if (found := _sorted(item)) not in (None, {}, [], "")}
    return sorted(map(_sorted, value), key=str) if isinstance(value, list) else value


PRETTY = [
    *("service inspect --pretty web", "service inspect --pretty agent job shop_db", "service inspect --format pretty full", "service inspect --pretty web nope"),
    *("node inspect --pretty self", "node inspect --pretty node1 node2", "config inspect --pretty settings", "secret inspect --pretty password"),
]  # fmt: skip


@pytest.mark.parametrize("line", PRETTY)
def test_the_same_for_people(full: Swarm, line: str) -> None:
    """Letter by letter, but for ages."""
    ours, theirs = full.inside(*line.split()), full.docker(*line.split(), check=False)
    age = re.compile(r"(less than a second|about a minute|\d+ (seconds?|minutes?)) ago", re.IGNORECASE)
    assert age.sub("<age>", ours.stdout).splitlines() == age.sub("<age>", theirs.stdout).splitlines()
    assert ours.returncode == theirs.returncode


def test_a_worker_says_whom_to_ask(full: Swarm) -> None:
    ours, theirs = full.inside("service", "ls", node=1), full.docker("service", "ls", node=1, check=False)
    assert ours.returncode == theirs.returncode == 1
    assert ours.stderr.removeprefix("Error: ") == theirs.stderr.removeprefix("Error response from daemon: ")


def test_words_are_completed(full: Swarm) -> None:
    def offered(*words: str) -> list[str]:
        return full.inside("__complete", "--", *words).stdout.split()

    assert offered("service", "sc") == ["scale"] and {"web", "agent", "shop_db"} <= set(offered("service", "update", ""))
    assert offered("node", "update", "node") == ["node1", "node2"] and offered("stack", "ps", "") == ["shop"]
    assert offered("secret", "rm", "") == ["password"] and offered("config", "inspect", "") == ["settings"]
