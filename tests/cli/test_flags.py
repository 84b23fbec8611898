"""Flags have pflag's semantics and docker's error texts."""

from __future__ import annotations

import pytest

from engine.cli.flags import Flag, FlagError, parse, usage_of_flags

FLAGS = (
    Flag(name="interactive", short="i", help="Keep STDIN open"),
    Flag(name="tty", short="t", help="Allocate a TTY"),
    Flag(name="env", short="e", kind="list", help="Set variables"),
    Flag(name="tail", short="n", kind="int", help="Lines", default="10"),
    Flag(name="name", kind="string", help="A name"),
)


def test_short_flags_bundle_and_the_last_takes_a_value() -> None:
    options = parse(FLAGS, ["-ite", "A=1", "-eB=2", "-n5", "x"])
    assert options.on("interactive") and options.on("tty")
    assert options.values("env") == ("A=1", "B=2")
    assert options.number("tail") == 5
    assert options.args == ["x"]


def test_bools_take_a_value_with_an_equals_sign_only() -> None:
    options = parse(FLAGS, ["--tty=false", "--interactive", "true"])
    assert not options.on("tty") and options.on("interactive")
    assert options.args == ["true"]


def test_without_interspersing_the_first_operand_ends_the_flags() -> None:
    options = parse(FLAGS, ["-t", "busybox", "ls", "-i", "--name"], interspersed=False)
    assert options.args == ["busybox", "ls", "-i", "--name"] and not options.on("interactive")


def test_a_double_dash_ends_the_flags() -> None:
    assert parse(FLAGS, ["-t", "--", "-i"]).args == ["-i"]
    assert parse(FLAGS, ["-"]).args == ["-"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--bogus"], "unknown flag: --bogus"),
        (["-tx"], "unknown shorthand flag: 'x' in -tx"),
        (["--name"], "flag needs an argument: --name"),
        (["-e"], "flag needs an argument: 'e' in -e"),
        (["--tty=maybe"], 'invalid argument "maybe" for "--tty" flag: strconv.ParseBool: parsing "maybe": invalid syntax'),
        (["-n", "x"], 'invalid argument "x" for "-n, --tail" flag: strconv.ParseInt: parsing "x": invalid syntax'),
        (
            ["-n", "9" * 20],
            f'invalid argument "{"9" * 20}" for "-n, --tail" flag: strconv.ParseInt: parsing "{"9" * 20}": value out of range',
        ),
    ],
)
def test_errors(words: list[str], text: str) -> None:
    with pytest.raises(FlagError) as caught:
        parse(FLAGS, words)
    assert str(caught.value) == text
    assert caught.value.code == 125


def test_help_is_sorted_and_aligned() -> None:
    lines = usage_of_flags(FLAGS).splitlines()
    assert lines[0].split() == ["-e,", "--env", "list", "Set", "variables"]
    assert lines[-2] == "  -n, --tail int      Lines (default 10)" or "--tail int" in usage_of_flags(FLAGS)
    assert len({line.index(word) for line, word in zip(lines, ["Set", "Keep", "A name", "Lines", "Allocate"], strict=True)}) == 1
