"""Command line flags with the semantics of docker's (Go's ``pflag``).

``argparse`` can not express them: verbs such as ``run`` stop reading flags at the first operand, ``-it`` bundles, a bool
takes ``--tty=false``, errors and help have docker's shape; and it costs more to import than this to run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.model.value import Value


class UsageError(Exception):
    """The command line is wrong; the text is docker's. ``code`` is the exit code."""

    code = 1


class FlagError(UsageError):
    """A flag is unknown or its value malformed: docker ends with 125, whatever the verb."""

    code = 125


class Flag(Value):
    """One flag.

    Attributes:
        name: long name without dashes; ``short`` one letter or ``""``.
        kind: ``bool``, ``string``, ``int``, or ``list`` (may be repeated); shown in help.
        default: text of the default, ``""`` for none.
        bare: the value of the flag alone; another one then stands behind ``=`` only (pflag's ``NoOptDefVal``). ``""``: the next word is it.
        completes: what its value is: ``volume-driver``, ``network-driver``, ``log-driver``, or ``""``.
    """

    name: str
    help: str
    short: str = ""
    kind: str = "bool"
    default: str = ""
    bare: str = ""
    hidden: bool = False
    completes: str = ""


class Spec(Value):
    """A verb as help, parser and completion see it.

    Attributes:
        usage: what follows the verb's name, such as ``[OPTIONS] CONTAINER``.
        least, most: number of operands; ``most`` -1 is any.
        interspersed: flags may follow operands; off for ``run``, ``create`` and ``exec``.
        completes: what operands are: ``container``, ``image``, ``network``, ``volume``, ``host``, a noun of a swarm, or ``""``.
    """

    usage: str
    summary: str
    flags: tuple[Flag, ...] = ()
    least: int = 0
    most: int = 0
    interspersed: bool = True
    completes: str = ""
    aliases: tuple[str, ...] = ()


class Options:
    """Parsed flags and operands."""

    def __init__(self, given: Mapping[str, list[str]], flags: Sequence[Flag], args: list[str]) -> None:
        self._given = given
        self._flags = {flag.name: flag for flag in flags}
        self.args = args

    def has(self, name: str) -> bool:
        """The flag stands on the command line."""
        return name in self._given

    def text(self, name: str) -> str:
        """The last value, or the default."""
        return self._given[name][-1] if name in self._given else self._flags[name].default

    def on(self, name: str) -> bool:
        """A bool."""
        return self.text(name) == "true"

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of a flag that may be repeated."""
        return tuple(self._given.get(name, ()))

    def number(self, name: str) -> int | None:
        """An int, ``None`` when neither given nor defaulted."""
        text = self.text(name)
        return int(text) if text else None


HELP = Flag(name="help", help="Print usage", hidden=True)


def parse(flags: Sequence[Flag], words: Sequence[str], *, interspersed: bool = True) -> Options:
    """Split a command line.

    Raises:
        FlagError: unknown flag, missing or malformed value.
    """
    known = (*flags, HELP)
    by_name = {flag.name: flag for flag in known}
    by_short = {flag.short: flag for flag in known if flag.short}
    given: dict[str, list[str]] = {}
    args: list[str] = []
    queue = list(reversed(words))
    while queue:
        word = queue.pop()
        if word == "--":
            args.extend(reversed(queue))
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            flag = by_name.get(name)
            if flag is None:
                raise FlagError(f"unknown flag: --{name}")
            _take(given, flag, value if equals else None, queue, f"--{name}")
        elif word.startswith("-") and word != "-":
            _bundle(given, by_short, word[1:], queue)
        elif interspersed:
            args.append(word)
        else:
            args.extend((word, *reversed(queue)))
            break
    return Options(given, known, args)


def _bundle(given: dict[str, list[str]], by_short: Mapping[str, Flag], letters: str, queue: list[str]) -> None:
    bundle = letters
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = by_short.get(letter)
        if flag is None:
            raise FlagError(f"unknown shorthand flag: '{letter}' in -{bundle}")
        if flag.kind == "bool" and not letters.startswith("="):
            given.setdefault(flag.name, []).append("true")
            continue
        _take(given, flag, letters.removeprefix("=") if letters else None, queue, f"'{letter}' in -{bundle}")
        return


def _take(given: dict[str, list[str]], flag: Flag, value: str | None, queue: list[str], shown: str) -> None:
    if flag.kind == "bool":
        switch = True if value is None else _boolean(value)
        if switch is None:
            raise FlagError(f'invalid argument "{value}" for "--{flag.name}" flag: strconv.ParseBool: parsing "{value}": invalid syntax')
        given.setdefault(flag.name, []).append(str(switch).lower())
        return
    if value is None and flag.bare:
        value = flag.bare
    if value is None:
        if not queue:
            raise FlagError(f"flag needs an argument: {shown}")
        value = queue.pop()
    if flag.kind == "int":
        value = _whole(flag, value)
    given.setdefault(flag.name, []).append(value)


def _boolean(text: str) -> bool | None:
    from engine.model.units import boolean  # late: hardly anybody writes --flag=false

    return boolean(text)


def _whole(flag: Flag, value: str) -> str:
    """A number that Go's int holds. Raises FlagError."""
    from engine.model.units import INT64  # late: few verbs are given a number

    try:
        number = int(value)
        if -INT64 - 1 <= number <= INT64:
            return str(number)
        why = "value out of range"
    except ValueError:
        why = "invalid syntax"
    raise FlagError(f'invalid argument "{value}" for "{_both(flag)}" flag: strconv.ParseInt: parsing "{value}": {why}')


def _both(flag: Flag) -> str:
    return f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"


def usage_of_flags(flags: Sequence[Flag]) -> str:
    """The ``Options:`` part of a help text."""
    shown = [flag for flag in sorted(flags, key=lambda flag: flag.name) if not flag.hidden]
    rows = []
    for flag in shown:
        kind = "" if flag.kind == "bool" else f" {flag.kind}"
        rows.append((f"  {f'-{flag.short}, ' if flag.short else '    '}--{flag.name}{kind}", _described(flag)))
    width = max((len(left) for left, _ in rows), default=0) + 3
    return "".join(f"{left:<{width}}{right}\n" for left, right in rows)


def _described(flag: Flag) -> str:
    if not flag.default or flag.kind == "bool":
        return flag.help
    return f"{flag.help} (default {flag.default if flag.kind == 'int' else chr(34) + flag.default + chr(34)})"
