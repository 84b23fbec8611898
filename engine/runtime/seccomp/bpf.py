"""From a seccomp policy to a classic BPF program (seccomp(2)).

System call numbers that share an action form intervals; a balanced tree over the intervals' borders finds the action in about
six comparisons. Arguments that the kernel cuts to 32 bits are compared on their low word only: a 64-bit comparison of
docker's socket rule would let ``socket(0x1_0000_0026, …)`` through, which the kernel then takes for ``AF_ALG``.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from engine.model.value import Value

ALLOW = 0x7FFF0000
ERRNO = 0x00050000
KILL_PROCESS = 0x80000000
MAX_INSTRUCTIONS = 4096

X32_BIT = 0x40000000
AUDIT_ARCH = {"x86_64": 0xC000003E, "x86": 0x40000003, "aarch64": 0xC00000B7, "arm": 0x40000028}

_LD, _JA, _JEQ, _JGT, _JGE, _RET, _AND = 0x20, 0x05, 0x15, 0x25, 0x35, 0x06, 0x54
_FAIL = -1
_ENOSYS = 38

_NARROW = {
    ("clone", 0), ("fcntl", 1), ("ioctl", 1), ("keyctl", 0), ("personality", 0), ("prctl", 0), ("setns", 1), ("socket", 0), ("socket", 1),
    ("socket", 2), ("socketpair", 0), ("socketpair", 1), ("socketpair", 2), ("unshare", 0),
}  # fmt: skip
"""(system call, argument) that the kernel declares as ``int`` or cuts to 32 bits (``include/linux/syscalls.h``)."""


class Instruction:
    """One ``struct sock_filter``; jumps count the instructions to skip."""

    __slots__ = ("code", "jf", "jt", "k")

    def __init__(self, code: int, k: int, jt: int = 0, jf: int = 0) -> None:
        self.code, self.k, self.jt, self.jf = code, k, jt, jf


Code = list[Instruction]


class Condition(Value):
    """``operator`` is OCI's without ``SCMP_CMP_``: EQ NE LT LE GE GT MASKED_EQ; for the last ``value`` is the mask."""

    index: int
    operator: str
    value: int
    value_two: int = 0
    narrow: bool = False


class Rule(Value):
    """``action`` (a ``SECCOMP_RET_*`` value) applies when all ``conditions`` hold."""

    action: int
    conditions: tuple[Condition, ...] = ()


def is_narrow(name: str, index: int) -> bool:
    """The kernel looks at the low 32 bits of that argument only."""
    return (name, index) in _NARROW


def compile_policy(policies: Mapping[str, Mapping[int, Sequence[Rule]]], default: int) -> bytes:
    """A program for the architectures in ``policies``; a call through any other one kills the process.

    Raises:
        ValueError: the program is longer than the kernel takes.
    """
    code = [Instruction(_LD, 4)]
    for name, rules in policies.items():
        if name == "x32":
            continue
        section = [Instruction(_LD, 0)]
        if name == "x86_64":
            x32 = _tree(policies["x32"], default, X32_BIT) if "x32" in policies else _no_x32(default)
            section += _branch(X32_BIT, _tree(rules, default), x32)
        else:
            section += _tree(rules, default)
        code += [Instruction(_JEQ, AUDIT_ARCH[name], 1, 0), Instruction(_JA, len(section)), *section]
    code.append(Instruction(_RET, KILL_PROCESS))
    if len(code) > MAX_INSTRUCTIONS:
        raise ValueError(f"the seccomp filter has {len(code)} instructions, more than {MAX_INSTRUCTIONS}")
    return b"".join(struct.pack("=HBBI", each.code, each.jt, each.jf, each.k) for each in code)


def _no_x32(default: int) -> Code:
    """x32 is an architecture of its own that shares its token with x86_64: a profile without it does not mean its calls.

    Were ``default`` theirs, a list of forbidden calls would not hold: ``execve`` is another number there. -1 is no call of x32,
    but what a tracer leaves of one that it skips.
    """
    return [Instruction(_JEQ, 0xFFFFFFFF, 0, 1), Instruction(_RET, default), Instruction(_RET, KILL_PROCESS)]


def _tree(rules: Mapping[int, Sequence[Rule]], default: int, base: int = 0) -> Code:
    """Code for one architecture, with the number in the accumulator.

    Calls newer than any in the profile do not exist (ENOSYS) rather than being forbidden, as runc has it: C libraries
    then use the older ones.
    """
    fallback = [Rule(action=default)]
    borders: list[tuple[int, Sequence[Rule]]] = [(0, fallback)]
    for number in sorted(rules):
        for start, leaf in ((number + base, rules[number]), (number + base + 1, fallback)):
            if borders[-1][0] == start:
                borders.pop()
            action = _constant(leaf)
            if not borders or action is None or _constant(borders[-1][1]) != action:
                borders.append((start, leaf))
    if rules and default & 0x7FFF0000 == ERRNO:
        borders[-1] = (borders[-1][0], [Rule(action=ERRNO | _ENOSYS)])
    return _search(borders, default)


def _constant(rules: Sequence[Rule]) -> int | None:
    """The action that holds whatever the arguments are; ``None`` when they matter."""
    return None if rules[0].conditions else rules[0].action


def _search(borders: Sequence[tuple[int, Sequence[Rule]]], default: int) -> Code:
    if len(borders) == 1:
        return _leaf(borders[0][1], default)
    middle = len(borders) // 2
    return _branch(borders[middle][0], _search(borders[:middle], default), _search(borders[middle:], default))


def _branch(border: int, below: Code, above: Code) -> Code:
    """``above`` from ``border`` on, else ``below``; a conditional jump reaches 255 instructions."""
    if len(below) <= 255:
        return [Instruction(_JGE, border, len(below), 0), *below, *above]
    return [Instruction(_JGE, border, 0, 1), Instruction(_JA, len(below)), *below, *above]


def _leaf(rules: Sequence[Rule], default: int) -> Code:
    code: Code = []
    for rule in rules:
        block: Code = []
        for condition in rule.conditions:
            block += _test(condition)
        block.append(Instruction(_RET, rule.action))
        for at, each in enumerate(block):
            beyond = len(block) - at - 1
            each.jt = beyond if each.jt == _FAIL else each.jt
            each.jf = beyond if each.jf == _FAIL else each.jf
        code += block
        if not rule.conditions:
            return code
    return [*code, Instruction(_RET, default)]


def _test(condition: Condition) -> Code:
    """Code that falls through when the condition holds and jumps to ``_FAIL`` when it does not."""
    high_at, low_at = 16 + 8 * condition.index + 4, 16 + 8 * condition.index
    operator, value = condition.operator, condition.value
    low, high = value & 0xFFFFFFFF, value >> 32
    if condition.narrow:
        return [Instruction(_LD, low_at), *_compare(operator, low, condition.value_two & 0xFFFFFFFF)]
    load_high, load_low = Instruction(_LD, high_at), Instruction(_LD, low_at)
    if operator == "MASKED_EQ":
        two_low, two_high = condition.value_two & 0xFFFFFFFF, condition.value_two >> 32
        return [load_high, *_compare(operator, high, two_high), load_low, *_compare(operator, low, two_low)]
    if operator == "EQ":
        return [load_high, *_compare("EQ", high), load_low, *_compare("EQ", low)]
    if operator == "NE":
        return [load_high, Instruction(_JEQ, high, 0, 2), load_low, *_compare("NE", low)]
    if operator in ("GT", "GE"):
        return [load_high, Instruction(_JGT, high, 3, 0), Instruction(_JEQ, high, 0, _FAIL), load_low, *_compare(operator, low)]
    return [load_high, Instruction(_JGT, high, _FAIL, 0), Instruction(_JEQ, high, 0, 2), load_low, *_compare(operator, low)]


def _compare(operator: str, value: int, second: int = 0) -> Code:
    """Compare the accumulator, one 32-bit word."""
    if operator == "MASKED_EQ":
        return [Instruction(_AND, value), Instruction(_JEQ, second, 0, _FAIL)]
    code, wanted = {
        "EQ": (_JEQ, True),
        "NE": (_JEQ, False),
        "GT": (_JGT, True),
        "LE": (_JGT, False),
        "GE": (_JGE, True),
        "LT": (_JGE, False),
    }[operator]
    return [Instruction(code, value, 0, _FAIL) if wanted else Instruction(code, value, _FAIL, 0)]
