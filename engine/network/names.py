"""Names of what the engine makes in the kernel, all derived from the state root so that two engines never meet.

Interface names have at most 15 characters (IFNAMSIZ). The group of a bridge says whose it is, from the moment when it is made:
nothing of another group is ever changed or removed, and one that a killed process left half made is known again.
"""

from __future__ import annotations

from engine.store.roots import Roots

_DEFAULT_ROOT = "/var/lib/longshore"


def tag(roots: Roots) -> str:
    """``""`` for the default root, else eight hex digits."""
    return "" if roots.state == _DEFAULT_ROOT else f"{_fnv(roots.state) & 0xFFFFFFFF:08x}"


def table(roots: Roots) -> str:
    """The nftables table."""
    return f"longshore-{tag(roots)}".rstrip("-")


def default_bridge(roots: Roots) -> str:
    """The interface of network ``bridge``."""
    return f"ls{tag(roots)}-0" if tag(roots) else "longshore0"


def bridge(network_id: str) -> str:
    """The interface of a network that a person made (docker's scheme)."""
    return f"br-{network_id[:12]}"


def group(roots: Roots) -> int:
    """The group of every bridge of ours, never 0."""
    return _fnv(roots.state) & 0x7FFFFFFF | 0x40000000


def alias(roots: Roots, network_id: str) -> str:
    """What the alias of a bridge of ours says to people who look."""
    return f"{table(roots)}:{network_id}"


def veth(container_id: str, network_id: str) -> str:
    """The host's end of a container's cable; the same at every start, so that a left over one is found."""
    return f"veth{_fnv(container_id + network_id) & 0xFFFFFFF:07x}"


def global_id(roots: Roots) -> int:
    """The 40 bits that make the engine's unique local IPv6 networks its own, on this machine and among others (RFC 4193)."""
    try:
        with open("/etc/machine-id", encoding="ascii", errors="replace") as file:
            machine = file.read().strip()
    except OSError:
        machine = ""
    return _fnv(f"{machine}{roots.state}") & 0xFFFFFFFFFF


def _fnv(text: str) -> int:
    """FNV-1a, 64 bits: hashlib would cost a supervisor 5 ms."""
    value = 0xCBF29CE484222325
    for byte in text.encode(errors="surrogateescape"):
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value ^ value >> 32
