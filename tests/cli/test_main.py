"""Help, usage errors and completion, without an engine."""

from __future__ import annotations

import importlib
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli import detaching
from engine.cli import main as cli
from engine.cli.container_options import FLAGS, container_config, host_config
from engine.cli.flags import FlagError, parse
from engine.cli.mounts import parse_mount, parse_volume
from engine.cli.oci import main as oci
from engine.cli.ports import parse_publish
from engine.dockerapi.document import Document
from engine.dockerapi.host_config import decode_host_config
from engine.errors import InvalidArgument, LongshoreError
from engine.model.containers import Device, HostConfig, Mount, PortBinding, RestartPolicy, ThrottleDevice, Ulimit, WeightDevice
from engine.model.health import Healthcheck
from engine.model.keys import DETACH_KEYS, parse_keys

MODULES = sorted({*cli.VERBS, *(module for _, subs in cli.NOUNS.values() for module in subs.values())})


@pytest.mark.parametrize("module", MODULES)
def test_every_verb_has_help(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.import_module(f"engine.cli.verbs.{module}").SPEC
    if module in cli.VERBS:
        assert cli.VERBS[module] == spec.summary
        assert cli.main([module, "--help"]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"Usage:  longshore {module}") and spec.summary in out
        for flag in spec.flags:
            assert flag.hidden or f"--{flag.name}" in out
    assert all(flag.help for flag in spec.flags)
    assert len({flag.name for flag in spec.flags}) == len(spec.flags)
    shorts = [flag.short for flag in spec.flags if flag.short]
    assert len(set(shorts)) == len(shorts)


@pytest.mark.parametrize("noun", sorted(cli.NOUNS))
def test_nouns_list_their_verbs(noun: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([noun]) == 0
    out = capsys.readouterr().out
    assert f"Usage:  longshore {noun} COMMAND" in out
    assert all(f"  {sub} " in out for sub in cli.NOUNS[noun][1] if sub != "list")


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["bogus"], 1, "longshore: unknown command: longshore bogus\n\nRun 'longshore --help' for more information\n"),
        (
            ["ps", "extra"],
            1,
            "longshore: 'longshore ps' accepts no arguments\n\nUsage:  longshore ps [OPTIONS]\n\nRun 'longshore ps --help' for more information\n",
        ),
        (["run"], 1, "'longshore run' requires at least 1 argument\n"),
        (["rename", "a"], 1, "'longshore rename' requires 2 arguments\n"),
        (["ps", "--bogus"], 125, "unknown flag: --bogus\n"),
        (["--bogus"], 125, "unknown flag: --bogus\n"),
        (["network", "bogus"], 1, "unknown command: longshore network bogus"),
        (["completion", "tcsh"], 1, "no completion for 'tcsh'; there is one for bash, zsh and fish\n"),
    ],
)
def test_usage_errors(words: list[str], code: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == code
    assert text in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    assert "longshore __complete" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["net"], ["network"]),
        (["network", "in"], ["inspect"]),
        (["ps", "--fo"], ["--format"]),
        (["--root", "/x", "ver"], ["version"]),
        (["completion", ""], ["bash", "fish", "zsh"]),
    ],
)
def test_completion(words: list[str], offered: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["__complete", "--", *words]) == 0
    assert capsys.readouterr().out.split() == offered


def test_bash_takes_the_script() -> None:
    script = subprocess.run(
        [sys.executable, "-c", "from engine.cli.main import main; main(['completion', 'bash'])"], capture_output=True, check=True
    )
    assert subprocess.run(["bash", "-n"], input=script.stdout, check=False).returncode == 0


def test_errors_are_harmless_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    cli.print_error(LongshoreError("no such \x1b]52;c;aGk=\x07 thing\nat all\u202e", hint="look"))
    assert capsys.readouterr().err == "Error: no such �]52;c;aGk=� thing\nat all�\nlook\n"


def test_run_flags_become_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "value")
    words = (
        "-e A=1 -e OURS -e MISSING -p 127.0.0.1:8080:80/udp -p 9000-9001:90-91 -P -v /src:/dst:ro -v vol:/data -v /anonymous --mount type=tmpfs,target=/t "
        "--tmpfs /run:size=1m -m 64m --memory-swap -1 --cpus 1.5 --ulimit nofile=10:20 --device /dev/fuse:r --restart on-failure:3 --cap-drop ALL --entrypoint sh "
        "-l a=b --expose 70-71 --network none --link db:store -it -w /w -u 1:2 -h host --stop-signal INT --stop-timeout 3 --shm-size 1g image -c cmd"
    ).split()
    options = parse(FLAGS, words, interspersed=False)
    config, host = container_config(options), host_config(options)
    assert config.image == "image" and config.cmd == ("-c", "cmd") and config.entrypoint == ("sh",)
    assert config.env == ("A=1", "OURS=value") and config.tty and config.open_stdin and config.volumes == ("/anonymous",)
    assert config.exposed_ports == ("70/tcp", "71/tcp") and config.labels == {"a": "b"}
    assert (config.working_dir, config.user, config.hostname, config.stop_signal, config.stop_timeout) == ("/w", "1:2", "host", "INT", 3)
    assert host.port_bindings == (
        PortBinding(container_port=80, protocol="udp", host_ip="127.0.0.1", host_port=8080),
        PortBinding(container_port=90, host_port=9000),
        PortBinding(container_port=91, host_port=9001),
    )
    assert host.mounts == (
        Mount(kind="bind", source="/src", target="/dst", read_only=True, create_source=True),
        Mount(kind="volume", source="vol", target="/data"),
        Mount(kind="tmpfs", target="/t"),
    )
    assert host.memory == 64 << 20 and host.memory_swap == -1 and host.nano_cpus == 1_500_000_000 and host.shm_size == 1 << 30
    assert host.ulimits == (Ulimit(name="nofile", soft=10, hard=20),)
    assert host.devices == (Device(path_on_host="/dev/fuse", path_in_container="/dev/fuse", permissions="r"),)
    assert host.restart_policy == RestartPolicy(name="on-failure", max_retries=3)
    assert host.links == ("db:store",)
    assert host.publish_all and host.network_mode == "none" and host.cap_drop == ("ALL",)
    with pytest.raises(FlagError, match="cannot specify both --restart and --rm"):
        host_config(parse(FLAGS, ["--rm", *words], interspersed=False))
    assert host_config(parse(FLAGS, ["--rm", "image"], interspersed=False)).auto_remove


def test_flags_that_limit_devices() -> None:
    words = (
        "--blkio-weight 300 --blkio-weight-device /dev/a:200 --device-read-bps /dev/a:1mb --device-write-bps /dev/a:5 --device-read-iops /dev/a:6 "
        "--device-write-iops /dev/b:7 --memory-swappiness 0 --oom-kill-disable --volumes-from one --volumes-from two:ro --annotation a=b "
        "--cgroup-parent /p --userns host --log-driver local --log-opt max-size=1m --log-opt max-file=2 --runtime r --volume-driver d --cpu-rt-period 8 --cpu-rt-runtime 9 --device-cgroup-rule"
    ).split()
    host = host_config(parse(FLAGS, [*words, "c 1:* r", "image"], interspersed=False))
    assert host == HostConfig(
        blkio_weight=300,
        blkio_weight_device=(WeightDevice(path="/dev/a", weight=200),),
        device_read_bps=(ThrottleDevice(path="/dev/a", rate=1 << 20),),
        device_write_bps=(ThrottleDevice(path="/dev/a", rate=5),),
        device_read_iops=(ThrottleDevice(path="/dev/a", rate=6),),
        device_write_iops=(ThrottleDevice(path="/dev/b", rate=7),),
        memory_swappiness=0,
        oom_kill_disable=True,
        volumes_from=("one", "two:ro"),
        annotations={"a": "b"},
        cgroup_parent="/p",
        userns_mode="host",
        log_driver="local",
        log_options={"max-size": "1m", "max-file": "2"},
        runtime="r",
        volume_driver="d",
        cpu_rt_period=8,
        cpu_rt_runtime=9,
        device_cgroup_rules=("c 1:* r",),
    )
    assert host_config(parse(FLAGS, ["image"], interspersed=False)).memory_swappiness is None


@pytest.mark.parametrize(
    ("flag", "value", "why"),
    [
        ("blkio-weight-device", "/dev/a", "bad format: /dev/a"),
        ("blkio-weight-device", "a:100", "bad format for device path: a:100"),
        ("blkio-weight-device", "/dev/a:9", "invalid weight for device: /dev/a:9"),
        ("device-read-bps", "/dev/a:x", "invalid rate for device: /dev/a:x. The correct format is <device-path>:<number>[<unit>]"),
        ("device-write-iops", "/dev/a:1mb", "invalid rate for device: /dev/a:1mb. The correct format is <device-path>:<number>. "),
        ("device-cgroup-rule", "c 1:1", "invalid device cgroup format 'c 1:1'"),
    ],
)
def test_limits_that_are_refused(flag: str, value: str, why: str) -> None:
    with pytest.raises(FlagError) as caught:
        host_config(parse(FLAGS, [f"--{flag}", value, "image"], interspersed=False))
    assert str(caught.value).startswith(f'invalid argument "{value}" for "--{flag}" flag: {why}')


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("=x", "invalid label '=x': empty name"),
        ("", "invalid label '': empty name"),
        ("a b=c", "label 'a b' contains whitespaces"),
        (" a=c", "label ' a' contains whitespaces"),
    ],
)
def test_labels_have_names(text: str, why: str) -> None:
    with pytest.raises(FlagError) as caught:
        container_config(parse(FLAGS, ["-l", text, "image"]))
    assert str(caught.value) == f'invalid argument "{text}" for "--label" flag: {why}'


def test_health_flags() -> None:
    def check(line: str) -> Healthcheck | None:
        return container_config(parse(FLAGS, [*line.split(), "image"], interspersed=False)).healthcheck

    assert check("") is None
    assert check("--no-healthcheck") == Healthcheck(test=("NONE",))
    assert check("--health-retries 4") == Healthcheck(retries=4)
    whole = "--health-cmd x --health-interval 1m30s --health-timeout 500ms --health-start-period 1h --health-start-interval 2s --health-retries 2"
    assert check(whole) == Healthcheck(
        test=("CMD-SHELL", "x"), interval=90.0, timeout=0.5, start_period=3600.0, start_interval=2.0, retries=2
    )
    with pytest.raises(InvalidArgument, match="--health-interval cannot be negative"):
        check("--health-interval -1s")
    with pytest.raises(FlagError, match='invalid argument "x" for "--health-timeout" flag: time: invalid duration "x"'):
        check("--health-timeout x")
    with pytest.raises(InvalidArgument, match="--no-healthcheck conflicts"):
        check("--no-healthcheck --health-retries 1")


@pytest.mark.parametrize("text", ["", "x", "1:2:3:4", "99999:1", "80/foo", "1-2:1-3", "8080:", "2-1"])
def test_bad_published_ports(text: str) -> None:
    with pytest.raises(FlagError):
        parse_publish(text)


@pytest.mark.parametrize("text", ["/a:", ":/a", "/a:b", "/a:/b:ro:x"])
def test_bad_volumes(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_volume(text)


@pytest.mark.parametrize("mode", ["rw,ro", "ro,ro", "z,Z", "shared,rslave", "cached,delegated", "nocopy,nocopy"])
def test_words_of_a_volume_that_exclude_each_other(mode: str) -> None:
    with pytest.raises(InvalidArgument, match=f"^invalid mode: {mode}$"):
        parse_volume(f"data:/data:{mode}")
    with pytest.raises(InvalidArgument, match=f"^invalid mode: {mode}$"):
        decode_host_config(Document({"Binds": [f"/srv:/data:{mode}"]}))


@pytest.mark.parametrize("text", ["type=bind", "type=nope,target=/x", "bogus=1,target=/x"])
def test_bad_mounts(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_mount(text)


def test_detach_keys_of_the_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    flags = (detaching.FLAG,)
    for text, keys in (
        ('{"detachKeys": "ctrl-e,e"}', "ctrl-e,e"),
        ('{"detachKeys": 5}', DETACH_KEYS),
        ("[", DETACH_KEYS),
        ("[]", DETACH_KEYS),
    ):
        (tmp_path / "config.json").write_text(text)
        assert detaching.keys_of(parse(flags, [])) == keys
        assert detaching.keys_of(parse(flags, ["--detach-keys", "a"])) == "a"


def test_detach_keys() -> None:
    assert parse_keys("ctrl-p,ctrl-q") == b"\x10\x11"
    assert parse_keys("a,ctrl-@") == b"a\x00"


@pytest.mark.parametrize("verb", sorted(oci.VERBS))
def test_every_oci_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.import_module(f"engine.cli.oci.{verb}").SPEC
    assert oci.VERBS[verb] == spec.summary and verb in oci.VERBS
    assert cli.main(["oci", verb, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Usage:  longshore oci {verb}") and spec.summary in out
    assert all(flag.help for flag in spec.flags)


def test_oci_has_help_and_completion(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["oci", "--help"]) == 0
    assert "longshore oci [OPTIONS] COMMAND" in capsys.readouterr().out
    assert cli.main(["__complete", "--", "oci", "cre"]) == 0
    assert capsys.readouterr().out == "create\n"
    assert cli.main(["__complete", "--", "oci", "--root", "/x", "create", "--pid"]) == 0
    assert capsys.readouterr().out == "--pid-file\n"
    assert cli.main(["oci", "nothing"]) == 1
    assert "unknown command: nothing" in capsys.readouterr().err


def test_where_bundles_state_is_does_not_hang_on_the_engine_s_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """conmon starts ``create`` with an environment of its own: ``start`` must find the container all the same."""
    before = oci.default_root()
    monkeypatch.setenv("LONGSHORE_RUN", "/elsewhere")
    monkeypatch.setenv("LONGSHORE_ROOT", "/elsewhere")
    assert oci.default_root() == before and before.endswith("/longshore-oci")


@pytest.mark.parametrize("screen, why", [("pipe", "needs a terminal"), ("dumb", "TERM=dumb")])
def test_without_a_terminal_to_draw_on_the_interface_is_refused_with_a_way_on(screen: str, why: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty() if screen == "dumb" else (0, subprocess.DEVNULL)
    environment = {**os.environ, "TERM": "dumb", "LONGSHORE_ROOT": str(tmp_path)}
    environment.pop("TEXTUAL_DRIVER", None)
    error = theirs if screen == "dumb" else subprocess.PIPE
    made = subprocess.run(
        [sys.executable, "-m", "engine.cli"], stdin=theirs, stdout=subprocess.PIPE, stderr=error, env=environment, check=False
    )
    if screen == "dumb":
        os.close(theirs)
        said = os.read(ours, 4096).decode()
        os.close(ours)
    else:
        said = made.stderr.decode()
    assert made.returncode == 1
    assert made.stdout == b""
    assert why in said and "longshore ps" in said
    assert "\x1b[" not in said
