"""Platforms: normalised names, and which entry of an image index suits which machine (containerd's ``platforms``)."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import InvalidArgument
from engine.model.value import Value

_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "i386": ("386", ""),
    "i486": ("386", ""),
    "i586": ("386", ""),
    "i686": ("386", ""),
    "80386": ("386", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armv7l": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "armv6l": ("arm", "v6"),
    "loongarch64": ("loong64", ""),
}
_SYSTEMS = {"macos": "darwin"}
_WORD = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-.")
_ARM = ("v8", "v7", "v6", "v5")
_AMD64 = ("v4", "v3", "v2", "")


class Platform(Value):
    """An operating system and a machine; :func:`normalise` and :func:`parse` give the canonical spelling."""

    os: str = "linux"
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


def normalise(os: str, architecture: str, variant: str = "") -> Platform:
    """The canonical spelling: ``x86_64`` is ``amd64``, ``arm64/v8`` is ``arm64``, ``arm`` is ``arm/v7``."""
    os, architecture, variant = os.lower(), architecture.lower(), variant.lower()
    architecture, implied = _ARCHITECTURES.get(architecture, (architecture, ""))
    variant = implied or variant
    if (architecture, variant) in (("amd64", "v1"), ("arm64", "8"), ("arm64", "v8")):
        variant = ""
    elif architecture == "arm":
        variant = variant or "v7"
        variant = variant if variant.startswith("v") else f"v{variant}"
    return Platform(os=_SYSTEMS.get(os, os), architecture=architecture, variant=variant)


def parse(text: str) -> Platform:
    """A platform as ``--platform`` spells it: ``linux/arm64``, ``linux/arm/v7``, ``arm64``, ``linux``.

    Raises:
        InvalidArgument: it is none.
    """
    parts = text.lower().split("/")
    if not 1 <= len(parts) <= 3 or not all(part and _WORD.issuperset(part) for part in parts):
        raise InvalidArgument(f'"{text}": invalid platform specifier', hint="write os/architecture[/variant], such as linux/arm64")
    if len(parts) > 1:
        return normalise(*parts)
    if parts[0] in ("linux", "windows", "darwin", "macos", "freebsd"):
        return host().replace(os=normalise(parts[0], "amd64").os)
    known = parts[0] in _ARCHITECTURES or parts[0] in (
        "amd64", "386", "arm64", "arm", "ppc64le", "ppc64", "s390x", "riscv64", "loong64", "mips64le", "mips64", "mips", "mipsle",
    )  # fmt: skip
    if not known:
        raise InvalidArgument(f'"{text}": unknown operating system or architecture: invalid argument')
    return normalise("linux", parts[0])


def host() -> Platform:
    """This machine. An amd64's micro-architecture level is not probed: the baseline runs everywhere."""
    import os

    return normalise("linux", os.uname().machine)


def acceptable(wanted: Platform) -> Sequence[Platform]:
    """What runs on ``wanted``, best first."""
    os, architecture, variant = wanted.os, wanted.architecture, wanted.variant
    if architecture == "amd64":
        variants = _AMD64[_AMD64.index(variant) :] if variant in _AMD64 else (variant, "")
        return *(Platform(os=os, architecture="amd64", variant=each) for each in variants), Platform(os=os, architecture="386")
    if architecture == "arm64":
        arm = (Platform(os=os, architecture="arm", variant=each) for each in _ARM)
        return *(Platform(os=os, architecture="arm64", variant=each) for each in _arm64_variants(variant)), *arm
    if architecture == "arm":
        older = _ARM[_ARM.index(variant) :] if variant in _ARM else (variant,)
        return tuple(Platform(os=os, architecture="arm", variant=each) for each in older)
    return (wanted,)


def rank(wanted: Platform, offered: Platform) -> int:
    """How well ``offered`` suits ``wanted``: 0 is best, -1 is not at all. Both must be normalised."""
    for position, each in enumerate(acceptable(wanted)):
        if each == offered:
            return position
    return -1


def _arm64_variants(variant: str) -> tuple[str, ...]:
    """``v9.2`` runs v9.2 to v9.0 and every v8; the baseline v8 is spelled ``""``."""
    major, _, minor = variant.removeprefix("v").partition(".")
    if not variant or not major.isdigit() or (minor and not (minor.isdigit() and len(minor) < 3)):
        return (variant,) if not variant else (variant, "")
    own = [f"v{major}.{each}" if each else f"v{major}" for each in range(int(minor or 0), -1, -1)]
    if major == "9":
        own += [f"v8.{each}" for each in range(5 + int(minor or 0), 0, -1)]
    return (*(each for each in own if each != "v8"), "")
