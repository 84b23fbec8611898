"""Seccomp: profiles in Docker's format, resolved for this kernel and a container's capabilities, compiled to BPF.

``default.json`` is written from the documented behaviour of docker's default profile; ``syscalls.json`` has the call numbers of the
architectures we compile for. Both are read when a filter is first needed: compiling takes some milliseconds, so filters
are kept by the capabilities they depend on, and the spawner compiles the usual one before it forks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from engine.errors import InvalidArgument, NotSupported
from engine.linux import capabilities
from engine.runtime.seccomp import bpf

ANNOTATION = "dev.longshore.seccomp"
"""``default`` in the spec's annotations asks for our profile; ``linux.seccomp`` holds a person's own."""

_MACHINES = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}
_TABLES = {
    "SCMP_ARCH_X86_64": "x86_64", "SCMP_ARCH_X86": "x86", "SCMP_ARCH_X32": "x32", "SCMP_ARCH_AARCH64": "aarch64", "SCMP_ARCH_ARM": "arm",
}  # fmt: skip
_GOARCH = {"x86_64": "amd64", "x86": "x86", "x32": "x32", "aarch64": "arm64", "arm": "arm"}
_ACTIONS = {
    "SCMP_ACT_ALLOW": bpf.ALLOW, "SCMP_ACT_ERRNO": bpf.ERRNO, "SCMP_ACT_KILL": 0, "SCMP_ACT_KILL_THREAD": 0,
    "SCMP_ACT_KILL_PROCESS": bpf.KILL_PROCESS, "SCMP_ACT_TRAP": 0x30000, "SCMP_ACT_TRACE": 0x7FF00000, "SCMP_ACT_LOG": 0x7FFC0000,
}  # fmt: skip
_OPERATORS = {"EQ", "NE", "LT", "LE", "GE", "GT", "MASKED_EQ"}
_EPERM = 1

_filters: dict[int, bytes] = {}


def actions() -> list[str]:
    """Actions that a profile may name."""
    return list(_ACTIONS)


def operators() -> list[str]:
    """Comparisons that a profile may name."""
    return sorted(f"SCMP_CMP_{name}" for name in _OPERATORS)


def architectures() -> list[str]:
    """Architectures with a table of system calls."""
    return list(_TABLES)


def _data(name: str) -> Any:
    import json

    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return json.load(file)


def for_spec(spec: Mapping[str, Any]) -> bytes:
    """The compiled filter of an OCI configuration; empty when it runs unconfined.

    Raises:
        InvalidArgument: the person's profile is broken.
        NotSupported: this architecture has no table of system calls.
    """
    bounding = capabilities.mask((spec["process"].get("capabilities") or {}).get("bounding") or ())
    profile = spec["linux"].get("seccomp")
    if profile:
        return compile_profile(profile, bounding)
    if (spec.get("annotations") or {}).get(ANNOTATION) == "default":
        return default_filter(bounding)
    return b""


def parse_profile(text: str) -> dict[str, Any]:
    """A person's profile from its JSON text. Raises InvalidArgument unless it compiles."""
    import json

    try:
        profile = json.loads(text)
    except ValueError as error:
        raise InvalidArgument(f"decoding seccomp profile failed: {error}") from None
    if not isinstance(profile, dict):
        raise InvalidArgument("decoding seccomp profile failed: not an object")
    compile_profile(profile, capabilities.DEFAULT)
    return profile


def default_filter(bounding: int) -> bytes:
    """Our profile for a container with that bounding set; compiled once in a process."""
    if bounding not in _filters:
        _filters[bounding] = compile_profile(_data("default.json"), bounding)
    return _filters[bounding]


def compile_profile(profile: Mapping[str, Any], bounding: int, *, machine: str = "", release: str = "") -> bytes:
    """Compile a profile in Docker's format for ``machine`` and a kernel ``release`` (this one's without).

    Raises:
        InvalidArgument: the profile is broken.
        NotSupported: no table for the architecture.
    """
    uname = os.uname()
    machine, release = machine or uname.machine, release or uname.release
    native = _MACHINES.get(machine)
    if native is None:
        raise NotSupported(
            f"seccomp: no table of system calls for {machine}", hint="run with --security-opt seccomp=unconfined if you trust the image"
        )
    try:
        return _compile(profile, bounding, native, _GOARCH[machine], _kernel(release))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InvalidArgument(f"seccomp profile: {type(error).__name__}: {error}") from None


def _kernel(release: str) -> tuple[int, int]:
    major, _, rest = release.partition(".")
    minor = rest.replace("-", ".").partition(".")[0]
    return int(major), int("".join(filter(str.isdigit, minor)) or 0)


def _architectures(profile: Mapping[str, Any], native: str) -> list[str]:
    if profile.get("architectures"):
        if profile.get("archMap"):
            raise ValueError("'architectures' and 'archMap' were specified in the profile, use either one")
        wanted = [native, *profile["architectures"]]
    else:
        wanted = [native]
        for entry in profile.get("archMap") or ():
            if entry["architecture"] == native:
                wanted += entry.get("subArchitectures") or ()
    return [_TABLES[name] for name in dict.fromkeys(wanted) if name in _TABLES]


def _action(name: str, errno: int | None) -> int:
    if name == "SCMP_ACT_NOTIFY":
        raise NotSupported("seccomp profile: SCMP_ACT_NOTIFY is not supported: nobody would answer")
    value = _ACTIONS[name]
    return value | (_EPERM if errno is None else errno) if name in ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE") else value


def _applies(rule: Mapping[str, Any], bounding: int, goarch: str, kernel: tuple[int, int]) -> bool:
    """Docker's ``includes`` (all must hold) and ``excludes`` (none may), against the bounding set."""
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}

    def has(names: Iterable[str]) -> list[bool]:
        return [bool(bounding & capabilities.mask([name])) for name in names if capabilities.normalise(name)]

    if includes.get("caps") and not all(has(includes["caps"])):
        return False
    if includes.get("arches") and goarch not in includes["arches"]:
        return False
    if includes.get("minKernel") and kernel < _kernel(includes["minKernel"]):
        return False
    if any(has(excludes.get("caps") or ())) or goarch in (excludes.get("arches") or ()):
        return False
    return not (excludes.get("minKernel") and kernel >= _kernel(excludes["minKernel"]))


def _condition(name: str, given: Mapping[str, Any]) -> bpf.Condition:
    operator = given["op"].removeprefix("SCMP_CMP_")
    if operator not in _OPERATORS or not 0 <= given["index"] <= 5:
        raise ValueError(f"{name}: bad argument rule {given!r}")
    return bpf.Condition(
        index=given["index"],
        operator=operator,
        value=given["value"],
        value_two=given.get("valueTwo") or 0,
        narrow=bpf.is_narrow(name, given["index"]),
    )


def _compile(profile: Mapping[str, Any], bounding: int, native: str, goarch: str, kernel: tuple[int, int]) -> bytes:
    default = _action(profile["defaultAction"], profile.get("defaultErrnoRet"))
    numbers = _data("syscalls.json")
    policies: dict[str, dict[int, list[bpf.Rule]]] = {name: {} for name in _architectures(profile, native)}
    plain: dict[int, bpf.Rule] = {}  # shared, so that neighbours are equal by identity
    for entry in profile.get("syscalls") or ():
        if not _applies(entry, bounding, goarch, kernel):
            continue
        action = _action(entry["action"], entry.get("errnoRet", profile.get("defaultErrnoRet")))
        names = entry.get("names") or [entry["name"]]
        if not entry.get("args"):
            rule = plain.setdefault(action, bpf.Rule(action=action))
            for architecture, table in policies.items():
                for name in filter(numbers[architecture].__contains__, names):
                    table.setdefault(numbers[architecture][name], []).append(rule)
            continue
        for name in names:
            conditions = [_condition(name, given) for given in entry["args"]]
            # libseccomp takes two conditions on one argument for alternatives, and so do docker's profiles.
            alternatives = [tuple(conditions)]
            if len({each.index for each in conditions}) < len(conditions):
                alternatives = [(each,) for each in conditions]
            for architecture, table in policies.items():
                number = numbers[architecture].get(name)
                if number is not None:
                    table.setdefault(number, []).extend(bpf.Rule(action=action, conditions=each) for each in alternatives)
    return bpf.compile_policy(policies, default)
