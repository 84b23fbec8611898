"""What on this host keeps containers' networks from working, as sentences for ``info``. Looks only, changes nothing."""

from __future__ import annotations

from engine.linux.netlink import NetlinkError
from engine.linux.nft import NftSocket
from engine.network import foreign

_LEGACY = (("iptables-legacy", "/proc/net/ip_tables_names"), ("ip6tables-legacy", "/proc/net/ip6_tables_names"))


def warnings() -> tuple[str, ...]:
    """Sentences, most often none."""
    found = []
    for program, names in _LEGACY:
        if "filter" in _read(names).split():
            found.append(
                f"{program} rules are loaded, which can not be seen from here: if containers reach nothing, let their bridges through "
                f"with `{program} -I FORWARD -i BRIDGE -j ACCEPT` and `-o BRIDGE`"
            )
    if _read("/proc/sys/net/ipv4/ip_forward").strip() == "0":
        found.append("IPv4 forwarding is disabled")  # attach switches it on
    try:
        with NftSocket() as firewall:
            found += foreign.closed(firewall)
    except NetlinkError as fault:
        found.append(f"nftables can not be used ({fault.strerror}): only the networks host and none work")
    except OSError as error:
        found.append(f"this kernel has no nfnetlink ({error.strerror}): only the networks host and none work")
    return tuple(found)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
