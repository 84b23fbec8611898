"""Verbs on the real engine, where they do more than print what docker prints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from engine.linux import labels
from tests.support import images
from tests.support.registry import Registry
from tests.support.stateroot import StateRoot
from tests.support.tmux import Terminal, terminal
from tests.support.wait import until


def test_input_goes_in_and_output_comes_out(longshore: StateRoot) -> None:
    done = longshore("run", "--rm", "-i", "busybox", "sh", "-c", "cat; echo err >&2; exit 4", input="a\nb\n" * 50_000)
    assert (done.returncode, done.stdout, done.stderr) == (4, "a\nb\n" * 50_000, "err\n")


def test_signals_go_to_the_container(longshore: StateRoot) -> None:
    with subprocess.Popen(
        [
            *longshore.command,
            "run",
            "--rm",
            "--name",
            "sig",
            "busybox",
            "sh",
            "-c",
            "trap 'echo got; exit 9' INT; echo ready; while :; do sleep 0.05; done",
        ],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=longshore.environment,
    ) as run:
        assert run.stdout
        assert run.stdout.readline() == b"ready\n"
        run.send_signal(signal.SIGINT)
        assert run.stdout.read() == b"got\n"
        assert run.wait(60) == 9


def test_a_terminal_is_a_terminal(longshore: StateRoot, tmp_path: Path) -> None:
    with terminal(
        str(tmp_path),
        [*longshore.command, "run", "--rm", "-it", "--name", "tty", "busybox", "sh"],
        width=91,
        height=27,
        env=longshore.environment,
    ) as screen:
        screen.shows("/ #")
        screen.type("stty size; tty; echo $TERM")
        screen.keys("Enter")
        screen.shows("27 91")
        screen.shows("/dev/")
        screen.shows("xterm")
        screen.tmux("resize-window", "-t", "main", "-x", "77", "-y", "20")

        def resized() -> bool:
            screen.type("stty size")
            screen.keys("Enter")
            return "20 77" in screen.screen()

        until(resized)
        screen.keys("C-p", "C-q")
        until(screen.over)
        assert screen.status == 0
    assert longshore.out("inspect", "-f", "{{.State.Running}}", "tty") == "true\n"
    for place, words in (("attach", ["attach", "tty"]), ("exec", ["exec", "-it", "tty", "sh"])):
        other = tmp_path / place
        other.mkdir()
        with terminal(str(other), [*longshore.command, *words], env=longshore.environment) as screen:

            def prompted(screen: Terminal = screen) -> bool:
                screen.keys("Enter")  # what is typed before the client has its terminal raw is lost
                return "/ #" in screen.screen()

            until(prompted)
            screen.keys("C-p", "C-q")
            until(screen.over)
            assert screen.status == 1
            screen.shows("read escape sequence")
    longshore.out("rm", "-f", "tty")


def test_a_killed_front_end_loses_nothing(longshore: StateRoot) -> None:
    with subprocess.Popen(
        [
            *longshore.command,
            "run",
            "--name",
            "orphan",
            "busybox",
            "sh",
            "-c",
            "for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done; exit 3",
        ],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=longshore.environment,
    ) as run:
        assert run.stdout
        run.stdout.readline()
        run.kill()
    assert longshore.out("wait", "orphan") == "3\n"
    assert longshore.out("logs", "orphan") == "".join(f"line {number}\n" for number in range(1, 6))


def test_logs_follow_until_the_end(longshore: StateRoot) -> None:
    longshore.out("run", "-d", "--name", "talker", "busybox", "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.3; done")
    assert longshore.out("logs", "-f", "talker") == "1\n2\n3\n"
    assert longshore.out("logs", "--tail", "1", "talker") == "3\n"


def test_a_reader_that_leaves_is_no_error(longshore: StateRoot) -> None:
    longshore.out("run", "--name", "many", "busybox", "seq", "100000")
    command = " ".join(longshore.command) + " logs many | head -2"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, env=longshore.environment, check=False)
    assert done.stdout == "1\n2\n" and "Traceback" not in done.stderr and "Error" not in done.stderr


def test_create_writes_the_cidfile_once(longshore: StateRoot, tmp_path: Path) -> None:
    path = tmp_path / "cid"
    made = longshore.out("create", "--cidfile", str(path), "busybox").strip()
    assert path.read_text() == made
    assert longshore("create", "--cidfile", str(path), "busybox").returncode != 0


def test_several_objects_go_on_after_a_failure(longshore: StateRoot) -> None:
    longshore.out("create", "--name", "one", "busybox")
    longshore.out("create", "--name", "two", "busybox")
    done = longshore("rm", "one", "missing", "two")
    assert done.returncode == 1 and done.stdout == "one\ntwo\n" and "No such container: missing" in done.stderr


def test_prune_names_what_goes_before_it_asks(longshore: StateRoot) -> None:
    longshore.out("create", "--name", "old", "busybox")
    asked = longshore("container", "prune", input="n\n")
    assert "old" in asked.stdout and longshore.out("ps", "-aq")
    assert "Deleted Containers:" in longshore.out("container", "prune", "-f")
    assert not longshore.out("ps", "-aq")


def test_completion_knows_the_containers(longshore: StateRoot) -> None:
    longshore.out("create", "--name", "mine", "busybox")
    assert longshore.out("__complete", "--", "start", "mi") == "mine\n"
    assert "busybox:latest\n" in longshore.out("__complete", "--", "run", "--rm", "")


def test_machine_readable_output(longshore: StateRoot) -> None:
    longshore.out("run", "-d", "--name", "json", "busybox", "sleep", "1000")
    assert json.loads(longshore.out("ps", "--format", "json"))["Names"] == "json"
    assert json.loads(longshore.out("info", "-f", "json"))["ContainersRunning"] == 1
    assert json.loads(longshore.out("version", "-f", "json"))["Client"]["Version"]
    assert {json.loads(line)["Type"] for line in longshore.out("system", "df", "--format", "json").splitlines()} >= {
        "Images",
        "Containers",
        "Local Volumes",
    }
    sample = json.loads(longshore.out("stats", "--no-stream", "--format", "json"))
    assert sample["Name"] == "json" and sample["PIDs"] == "1" and sample["CPUPerc"].endswith("%")


def test_a_wrong_root_is_one_sentence(longshore: StateRoot, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [*longshore.command[:3], "--root", str(tmp_path / "file"), "ps"],
        capture_output=True,
        text=True,
        env=longshore.environment,
        check=False,
    )
    assert done.returncode == 1 and str(tmp_path / "file") in done.stderr and "Traceback" not in done.stderr


def test_the_installed_script_starts(longshore: StateRoot) -> None:
    script = os.path.join(os.path.dirname(longshore.command[0]), "longshore")
    done = subprocess.run(
        [script, "--root", longshore.roots.state, "ps", "-q"], capture_output=True, text=True, env=longshore.environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_exec_tells_why_a_command_can_not_run(longshore: StateRoot) -> None:
    """As current docker does; 20.10, which the parity tests run beside, prints the reason on standard output with 126."""
    longshore.out("run", "-d", "--name", "up", "busybox", "sleep", "1000")
    for words, code, text in [
        (("up", "nope"), 127, 'exec: "nope": executable file not found in $PATH'),
        (("up", "/etc/passwd"), 126, 'exec: "/etc/passwd": permission denied'),
        (("-w", "/nowhere", "up", "true"), 126, 'chdir to cwd ("/nowhere") set in config.json failed: no such file or directory'),
        (("-u", "nobodyelse", "up", "true"), 126, "unable to find user nobodyelse: no matching entries in passwd file"),
    ]:
        done = longshore("exec", *words)
        assert text in done.stderr and done.returncode == code and done.stdout == ""
        assert longshore("exec", "-d", *words).returncode == 1


def test_networks_of_both_families(longshore: StateRoot) -> None:
    prefix = f"fd00:215:{os.getpid():x}"
    pools = ("--subnet", f"{prefix}::/64", "--gateway", f"{prefix}::9", "--subnet", "10.215.7.0/24", "--ip-range", "10.215.7.128/25")
    longshore.out("network", "create", "--ipv6", *pools, "six")
    assert json.loads(longshore.out("network", "inspect", "-f", "{{json .IPAM.Config}}", "six")) == [
        {"Subnet": "10.215.7.0/24", "Gateway": "10.215.7.1", "IPRange": "10.215.7.128/25"},
        {"Subnet": f"{prefix}::/64", "Gateway": f"{prefix}::9"},
    ]
    assert "true" in longshore.out("network", "ls", "--filter", "name=six", "--format", "{{.IPv6}}")
    longshore.out("run", "-d", "--name", "one", "--network", "six", "--ip6", f"{prefix}::77", "-p", "80", "busybox", "sleep", "1000")
    longshore.out("create", "--name", "two", "busybox", "sleep", "1000")
    longshore.out("network", "connect", "--ip6", f"{prefix}::78", "six", "two")
    longshore.out("start", "two")
    template = "{{.NetworkSettings.Networks.six.GlobalIPv6Address}}/{{.NetworkSettings.Networks.six.GlobalIPv6PrefixLen}}"
    assert [longshore.out("inspect", "-f", template, name).strip() for name in ("one", "two")] == [f"{prefix}::77/64", f"{prefix}::78/64"]
    assert longshore.out("inspect", "-f", "{{.NetworkSettings.Networks.six.IPv6Gateway}}", "one") == f"{prefix}::9\n"
    port = longshore.out("port", "one", "80").splitlines()[0].rpartition(":")[2]
    assert longshore.out("port", "one", "80").splitlines() == [f"0.0.0.0:{port}", f"[::]:{port}"]
    shown = longshore.out("ps", "--filter", "name=one", "--format", "{{.Ports}}")
    assert shown == f"0.0.0.0:{port}->80/tcp, [::]:{port}->80/tcp\n"
    member = json.loads(longshore.out("network", "inspect", "six"))[0]["Containers"]
    assert {one["Name"]: one["IPv6Address"] for one in member.values()} == {"one": f"{prefix}::77/64", "two": f"{prefix}::78/64"}


def test_gateways_and_ranges_belong_to_a_subnet(longshore: StateRoot) -> None:
    for options, words in (
        (("--gateway", "10.9.0.1"), "every ip-range or gateway must have a corresponding subnet"),
        (("--subnet", "10.9.0.0/24", "--gateway", "fd00::1"), "no matching subnet for gateway fd00::1"),
        (("--subnet", "fd00:9::/64", "--ip-range", "10.9.0.0/25"), "no matching subnet for range 10.9.0.0/25"),
        (
            ("--subnet", "fd00:9::/64", "--subnet", "10.9.0.0/24", "--gateway", "fd00:9::1", "--gateway", "fd00:9::2"),
            "cannot configure multiple gateways (fd00:9::2, fd00:9::1) on the same subnet (fd00:9::/64)",
        ),
        (("--subnet", "fd00:9::/64"), "network x: subnet fd00:9::/64 needs IPv6\nenable it with --ipv6"),
    ):
        done = longshore("network", "create", *options, "x")
        assert done.returncode == 1 and words in done.stderr, options


def test_what_is_discarded_is_told_on_standard_error(longshore: StateRoot) -> None:
    """By ``create`` too, whose output is the id alone; an option that asks for nothing is no reason to complain."""
    options = ("--security-opt", "label=type:any_t", "--security-opt", "apparmor=any", "--network", "none")
    done = longshore("create", *options, "busybox")
    assert done.returncode == 0 and len(done.stdout.strip()) == 64
    for module, on, wish in (("AppArmor", labels.apparmor(), "Profile any"), ("SELinux", labels.selinux(), "Label type:any_t")):
        assert on or f"WARNING: {module} is not enabled on this machine. {wish} discarded.\n" in done.stderr
    quiet = longshore("create", "--security-opt", "apparmor=unconfined", "--security-opt", "label=disable", "busybox")
    assert (quiet.returncode, quiet.stderr) == (0, "")


def test_system_start_brings_back_what_ran_before_a_boot(longshore: StateRoot) -> None:
    """As after a boot: the mark of the last one is another. Docker too starts an ``always`` again that somebody has stopped."""
    for name, policy in (("back", "always"), ("broken", "always"), ("plain", "no")):
        longshore.out("run", "-d", "--name", name, "--restart", policy, "--network", "none", "busybox", "sleep", "1000")
        longshore.out("stop", "-t", "0", name)
    assert longshore.out("system", "start") == "0 containers are running\n"
    identity = longshore.out("inspect", "-f", "{{.Id}}", "broken").strip()
    Path(longshore.roots.container_dir(identity), "config.json").unlink()
    Path(longshore.roots.run, "boot").write_text("another boot")
    done = longshore("system", "start")
    assert (done.returncode, done.stdout) == (1, "1 containers are running\n") and "Error: broken: " in done.stderr
    assert longshore.out("ps", "--format", "{{.Names}}") == "back\n"
    assert longshore("--host", "unix:///nowhere", "system", "start").returncode == 1


@pytest.mark.parametrize("words", [("ps",), ("run", "--rm", "busybox"), ("hosts", "ls"), ()])
def test_a_configuration_that_is_named_and_is_not_there_is_told_before_anything_is_done(
    longshore: StateRoot, words: tuple[str, ...]
) -> None:
    done = longshore("--config", "/nowhere/config.toml", *words)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "Error: configuration file /nowhere/config.toml: no such file\n")


def test_the_configuration_gives_the_default_bridge_ipv6(longshore: StateRoot, tmp_path: Path) -> None:
    """And takes it away again; a change waits until nobody is in the bridge, and says so."""
    subnet, config = f"fd00:217:{os.getpid():x}::/64", tmp_path / "config.toml"
    config.write_text(f'[network]\nipv6 = true\nfixed-cidr-v6 = "{subnet}"\n')
    told = ("--config", str(config))
    longshore.out(*told, "run", "-d", "--name", "six", "busybox", "sleep", "1000")
    addresses = longshore.out("exec", "six", "ip", "-6", "addr", "show", "eth0")
    assert subnet.replace("/64", "2/64") in addresses
    config.write_text("")
    late = longshore(*told, "create", "busybox")
    assert late.returncode == 0 and "takes effect once no container is in it" in late.stderr
    longshore.out("rm", "-f", "six")
    assert longshore.out(*told, "network", "inspect", "-f", "{{.EnableIPv6}} {{len .IPAM.Config}}", "bridge") == "false 1\n"
    config.write_text("[network]\nipv6 = 6\n")
    wrong = longshore(*told, "create", "busybox")
    assert wrong.returncode == 1 and f"configuration file {config}: [network]: ipv6 must be true or false" in wrong.stderr


def test_an_image_that_says_half_a_character_is_shown(longshore: StateRoot, registry: Registry) -> None:
    """Docker's registry takes it, and so does Go: only Python makes a text of it that nothing can write."""
    source = images.ImageSource((images.tar_of([("x", b"", 0o644)]),), {"Labels": {"half": "\ud800"}})
    images.push(registry.url, "library/half:latest", source)
    longshore.out("pull", "half")
    shown = json.loads(longshore.out("inspect", "half"))[0]["Config"]["Labels"]["half"]
    longshore.out("rmi", "half")
    assert shown == "\ufffd"
