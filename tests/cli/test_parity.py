"""``longshore`` beside the real docker command line: the same output and the same exit codes.

What must differ is masked: ids, times, addresses, and the program's name. Error sentences are compared by exit code, and for
the ones that scripts look for by their words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.cli.conftest import Docker
from tests.support import images
from tests.support.registry import Registry
from tests.support.stateroot import StateRoot, state_root

HOLD = "echo out; echo err >&2; trap 'exit 5' TERM; while :; do sleep 0.1; done"


@pytest.fixture(scope="module")
def pair(machine: StateRoot, docker: Docker) -> Iterator[tuple[StateRoot, Docker]]:
    """Both engines with the same two containers: ``c1`` runs, ``c2`` was created."""
    for engine in (machine, docker):
        made = engine(
            "run",
            "-d",
            "--name",
            "c1",
            "-p",
            "127.0.0.1:8471:80",
            "--expose",
            "443",
            "-l",
            "a=b",
            "-v",
            "vol1:/data",
            "busybox",
            "sh",
            "-c",
            HOLD,
        )
        assert made.returncode == 0, made.stderr
        assert engine("create", "--name", "c2", "busybox", "echo", "hi", "there").returncode == 0
    yield machine, docker
    for engine in (machine, docker):
        engine("rm", "-f", "-v", "c1", "c2")
        engine("volume", "rm", "vol1")
        engine("network", "rm", "net1")


def masked(text: str) -> str:
    """Without what differs between two engines."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "<id>", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "<short>", text)
    text = re.sub(r"(Up |Exited \(\d+\) )?(Less than a second|About a minute|\d+ (seconds?|minutes?))( ago)?", r"\1<age>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|[+-]\d\d:?\d\d))?( UTC)?", "<time>", text)
    return re.sub(r"[ \t]+", " ", text)


SAME = [
    "ps -a", "ps", "ps -q", "ps -aq --no-trunc", "ps -a --no-trunc", "ps -s", "ps -l", "ps -n 1 -q", "ps -a -f status=created", "ps -f name=c1",
    "ps -a -f name=^c2$ -q", "ps -f label=a=b -q", "ps -f ancestor=busybox -q", "ps -a -f exited=0", "ps -a --format {{.Names}}:{{.State}}:{{.Image}}:{{.Command}}",
    "ps -a --format table_{{.Names}}\\t{{.Status}}\\t{{.Ports}}", "ps -f name=c1 --format {{.Labels}}|{{.LocalVolumes}}|{{.Networks}}", "ps -f nope=1", "ps extra", "ps --bogus",
    "images", "images -q", "images busybox", "images --digests --format {{.Repository}}@{{.Size}}", "images -f dangling=true", "images nothing",
    "inspect nope", "inspect c1 nope -f {{.Name}}", "inspect -f {{.State.Status}} c1", "inspect -f {{json_.Config.Cmd}} c1", "inspect -f {{range_.Mounts}}{{.Destination}}{{.Name}}{{end}} c1",
    "inspect -f {{.HostConfig.NetworkMode}}{{.Config.Tty}}{{.RestartCount}}{{.State.ExitCode}} c2", "inspect -f {{index_.Config.Labels_\"a\"}} c1",
    "inspect --type image c1", "inspect --type volume -f {{.Driver}}{{.Scope}} vol1", "inspect -f {{json_.NetworkSettings.Ports}} c1", "image inspect busybox -f {{.Os}}/{{.Architecture}}{{.Config.Cmd}}{{.RootFS.Type}}",
    "logs c1", "logs --tail 0 c1", "logs nope", "logs --since 1h c1", "logs --until 1h c1",
    "top c1 -o comm", "top c2", "port c1", "port c1 80", "port c1 80/tcp", "port c1 81", "port c2",
    "network ls --format {{.Name}}/{{.Driver}}/{{.Scope}}", "network inspect nope", "network create net1 --label x=y -q", "network rm bridge", "network rm nope", "network create bridge",
    "network create net2", "network connect net2 c2", "inspect -f {{range_$name,_$net_:=_.NetworkSettings.Networks}}{{$name}};{{end}} c2", "network disconnect net2 c2", "network disconnect net2 c2",
    "network connect nope c1", "network connect net2 nope", "network disconnect nope c1", "network disconnect net2 c1", "network connect bridge c1", "network connect net2", "network connect --ip 1.2.3.4 bridge c2", "network rm net2",
    "network create --subnet 10.214.7.0/24 --gateway 10.214.7.1 --aux-address a=10.214.7.2 --aux-address b=10.214.7.4 net3", "network inspect -v -f {{.IPAM.Driver}}{{range_.IPAM.Config}}{{.Subnet}}{{.AuxiliaryAddresses.a}}{{end}} net3",
    "run --rm --network net3 busybox hostname -i", "run --rm --network net3 --ip 10.214.7.4 busybox true", "network create --aux-address a=10.9.0.5 net4", "network create --subnet 10.214.8.0/24 --aux-address a net4",
    "network create --subnet 10.214.8.0/24 --gateway 10.214.8.1 --aux-address a=10.214.8.1 net4", "network create --subnet 10.214.8.0/24 --aux-address a=10.214.7.1 net4", "network create --ipam-driver foo net4", "network create --ipam-driver null net4",
    "network create --scope swarm net4", "network create --scope global net4", "network create --scope local net4", "network create --ingress net5", "network create --config-from nope net5", "network create --config-only --config-from net4 net5",
    "network create --config-only --internal net5", "network rm -f nope", "network rm -f nope net3", "network rm net4 nope", "network inspect --verbose nope",
    "run --rm --pid x busybox true", "run --rm --pid container: busybox true", "run --rm --pid private busybox true", "run --rm --pid container:nope busybox true", "run --rm --uts x busybox true", "run --rm --uts container:c1 busybox true",
    "run --rm --ipc x busybox true", "run --rm --ipc container: busybox true", "run --rm --cgroupns x busybox true", "run --rm --cgroupns container:c1 busybox true", "run --rm --userns x busybox true", "run --rm --userns keep-id busybox true",
    "run --rm --network container: busybox true", "run --rm --pid container:c1 busybox cat /proc/1/comm", "run --rm --ipc none --cgroupns private --userns host busybox true",
    "run --rm --no-healthcheck --health-cmd x busybox true", "run --rm --health-interval x busybox true", "run --rm --health-retries -1 busybox true", "run --rm --health-timeout -1s busybox true", "run --rm --health-cmd true --health-interval 1us busybox true",
    "run --rm --health-cmd true --health-interval 1m30s --health-retries 2 busybox true", "ps -f health=none -q", "ps -f health=healthy -q", "ps -f health=nope -q",
    "volume ls", "volume ls -q", "volume inspect nope", "volume rm vol1", "volume rm nope", "volume create named", "volume rm named", "volume ls -f dangling=true -q",
    "history busybox --format {{.CreatedBy}}|{{.Size}}|{{.ID}}|{{.Comment}}", "history nope",
    "exec c1 echo hi", "exec c1 sh -c exit_3", "exec -e A=b -w /tmp -u nobody c1 sh -c echo_$A;pwd;id", "exec nope x", "exec c2 x", "exec c1", "exec -d c1 true",
    "run --rm busybox sh -c exit_7", "run --rm busybox nope", "run --rm busybox /etc/passwd", "run --rm busybox kill_-9_1", "run --name c1 busybox", "run --rm --network nope busybox true", "run", "run --bogus", "run -it busybox",
    "run --rm -m 1 busybox true", "run -p 99999:1 busybox", "run --rm -h box -e A=1 --entrypoint env busybox", "run --rm -u 1000:1000 -w /new busybox sh -c id;pwd", "run --rm --read-only busybox touch /x",
    "run --rm --tmpfs /t:size=1m busybox df -k /t", "run --rm --cap-drop ALL busybox grep CapEff /proc/self/status", "run --rm busybox grep -E Cap|Seccomp:|NoNewPrivs /proc/self/status",
     "run --rm --init nope", "run --rm UPPER", "run --rm -v /a:b busybox true", "run --rm --restart always busybox true", "run --rm --network none busybox ip -o link",
    "run --rm -d --restart bogus busybox", "run --rm --ulimit nofile=100:200 busybox sh -c ulimit_-n;ulimit_-Hn", "run --rm --pids-limit 5 busybox true", "run --rm --user 4294967296 busybox true", "run --rm -w relative busybox true",
    "wait nope", "kill nope", "kill c2", "kill -s BOGUS c1", "stop c2", "stop nope", "pause c2", "unpause c1", "rename c1 c2", "rename c1 !!", "rename c1", "rm c1", "rm nope", "rm -f nope", "start nope", "restart nope",
    "rmi nope", "pull UPPER", "tag busybox", "tag nope foo", "tag busybox other:tag", "rmi other:tag", "tag busybox BAD", "attach c2", "attach nope", "create", "create --name c1 busybox", "create nosuchimage:x --pull never",
    "save nope", "save busybox nope", "save", "save busybox -o /nonexistent/file", "save busybox -o /", "load -i /nonexistent", "load", "load extra", "image save nope", "push", "push nope", "push UPPER", "push -a busybox:latest", "push busybox@sha256:0000000000000000000000000000000000000000000000000000000000000000", "import", "import /nonexistent", "import - UPPER", "import a b c", "login a b", "logout a b",
    "events --since 1h --until 0s --filter event=create --filter type=container --filter label=a=b --format {{.Type}}:{{.Action}}", "bogus", "network bogus", "container ls -aq", "image ls -q",
    "ps -aq --format {{.Names}}", "images -q --format {{.Repository}}", "network ls -q --format {{.Name}}", "volume ls -q --format {{.Name}}",
    "system df -v", "system df --format {{.Type}}|{{.TotalCount}}|{{.Active}}|{{.Size}}", "system df x", "system prune x", "system prune --bogus",
]  # fmt: skip


@pytest.mark.parametrize("line", SAME)
def test_same_output_and_exit_code(pair: tuple[StateRoot, Docker], line: str) -> None:
    words = [
        word.replace("_", " ")
        if ("{{" in word and "json" not in word) or "json_" in word or word.startswith(("echo_", "exit_", "kill_", "ulimit_", "table_"))
        else word
        for word in line.split()
    ]
    ours, theirs = (engine(*words) for engine in pair)
    assert (ours.returncode, masked(ours.stdout)) == (theirs.returncode, masked(theirs.stdout)), (
        f"docker: {theirs.stderr}\nlongshore: {ours.stderr}"
    )
    assert bool(ours.stderr.strip()) == bool(theirs.stderr.strip()), f"docker: {theirs.stderr!r}\nlongshore: {ours.stderr!r}"


PHRASES = [
    ("inspect nope", "No such object: nope"),
    ("logs nope", "No such container: nope"),
    ("exec c2 x", "is not running"),
    ("run --rm busybox nope", 'exec: "nope": executable file not found in $PATH'),
    ("run --rm busybox /etc/passwd", 'exec: "/etc/passwd": permission denied'),
    ("run --name c1 busybox", 'Conflict. The container name "/c1" is already in use by container "'),
    ("network inspect nope", "network nope not found"),
    ("network create --aux-address a=10.9.0.5 net6", "no matching subnet for aux-address 10.9.0.5"),
    (
        "network create --subnet 10.214.9.0/24 --gateway 10.214.9.1 --aux-address a=10.214.9.1 net6",
        "secondary ip address (a:10.214.9.1): Address already in use",
    ),
    ("network create --config-from nope net6", 'configuration network "nope" does not exist'),
    ("network create --config-only --config-from x net6", "a configuration network cannot depend on another configuration network"),
    ("network create --config-only --internal net6", "configuration network can only contain network specific fields"),
    ("network create --scope swarm net6", "cannot create a swarm scoped network when swarm is not active"),
    ("network create --ingress net6", "Ingress network can only be global scope network"),
    ("run --rm --pid x busybox true", "--pid: invalid PID mode"),
    ("run --rm --uts x busybox true", "--uts: invalid UTS mode"),
    ("run --rm --userns x busybox true", "--userns: invalid USER mode"),
    ("run --rm --cgroupns x busybox true", "--cgroupns: invalid CGROUP mode"),
    ("run --rm --ipc x busybox true", "Invalid IPC mode: x"),
    ("run --rm --network container: busybox true", "Invalid network mode: invalid container format container:<name|id>"),
    ("volume inspect nope", "get nope: no such volume"),
    ("volume rm vol1", "volume is in use"),
    ("rmi nope", "No such image: nope:latest"),
    ("run --rm -m 1 busybox true", "Minimum memory limit allowed is 6MB"),
    ("run -it busybox", "the input device is not a TTY"),
]


@pytest.mark.parametrize(("line", "phrase"), PHRASES)
def test_the_words_that_clients_look_for(pair: tuple[StateRoot, Docker], line: str, phrase: str) -> None:
    for engine in pair:
        assert phrase in engine(*line.split()).stderr


def test_inspect_documents_have_dockers_shape(pair: tuple[StateRoot, Docker]) -> None:
    """Every field that dockerd 20.10 has is there, with the same type where both have a value."""
    ours, theirs = (json.loads(engine("inspect", "c1").stdout)[0] for engine in pair)
    optional = {"GraphDriver", "ExecIDs", "ConsoleSize", "KernelMemory", "KernelMemoryTCP"}
    optional |= {"CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth"}  # Windows
    optional |= {"CpuRealtimePeriod", "CpuRealtimeRuntime", "BlkioWeightDevice"}
    optional |= {f"BlkioDevice{way}{what}" for way in ("Read", "Write") for what in ("Bps", "IOps")}

    def compare(path: str, mine: object, other: object) -> None:
        if isinstance(other, dict) and isinstance(mine, dict) and not path.endswith(("Labels", "Ports", "Networks", "Volumes")):
            missing = [key for key in other if key not in mine and key not in optional]
            assert not missing, f"{path}: {missing}"
            for key in other:
                if key in mine:
                    compare(f"{path}.{key}", mine[key], other[key])
        elif mine is not None and other is not None:
            assert isinstance(mine, type(other)), f"{path}: {mine!r} for {other!r}"

    compare("", ours, theirs)


def test_first_run_and_pull_line_for_line(registry: Registry, tmp_path: object) -> None:
    """What a person sees on an empty machine, as docker prints it."""
    with state_root(f"{tmp_path}/m", registry.host) as machine:
        done = machine("run", "hello-world")
        layers = [line for line in done.stderr.splitlines() if line.endswith(": Pull complete")]
        assert done.returncode == 0 and done.stdout == images.HELLO
        lines = done.stderr.splitlines()
        assert lines[0] == "Unable to find image 'hello-world:latest' locally"
        assert lines[1] == "latest: Pulling from library/hello-world"
        assert len(layers) == 2 and all(re.fullmatch(r"[0-9a-f]{12}: Pull complete", line) for line in layers)
        assert re.fullmatch(r"Digest: sha256:[0-9a-f]{64}", lines[-2])
        assert lines[-1] == "Status: Downloaded newer image for hello-world:latest"
        again = machine("pull", "hello-world")
        assert again.returncode == 0 and again.stderr == ""
        assert [line for line in again.stdout.splitlines() if not line.startswith("Digest: ")] == [
            "Using default tag: latest",
            "latest: Pulling from library/hello-world",
            "Status: Image is up to date for hello-world:latest",
            "docker.io/library/hello-world:latest",
        ]
        assert machine("images").stdout.splitlines()[0].split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
