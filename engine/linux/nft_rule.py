"""Expressions of nftables rules: what a rule matches and does, as the kernel's register machine wants it.

Each function gives one or more expressions that load a register and compare it, or act. Registers hold sixteen bytes; a
concatenated key lies in consecutive four byte slots. (linux/netfilter/nf_tables.h; ``nft --debug=netlink`` prints the same)
"""

from __future__ import annotations

import socket
import struct

from engine.linux import nft
from engine.linux.netlink import be32, nest, text

_LIST_ELEM, _NAME, _DATA = 1, 1, 2
_REGISTER = 1
"""The first sixteen byte register; its four byte slots are numbered from 8."""
_SLOT = 8
_VERDICT = 0
_EQUAL, _UNEQUAL = 0, 1
_NETWORK, _TRANSPORT = 1, 2
_IIFNAME, _OIFNAME, _L4PROTO = 6, 7, 16
_CT_STATE, _CT_STATUS = 0, 2
_FIB_TYPE, _FIB_SADDR, _FIB_DADDR = 3, 1, 2
_SOURCE, _DESTINATION = {4: 12, 16: 8}, {4: 16, 16: 24}
"""Where the addresses lie in an IP header, by their length."""
_DESTINATION_PORT = 2
_LENGTH = {nft.IPV4: 4, nft.IPV6: 16}
_DNAT = 1
_RTN_LOCAL = 2

STATE_NEW, STATE_ESTABLISHED, STATE_RELATED = 8, 2, 4
_STATUS_DNAT = 0x20


def _expression(name: str, *parts: bytes) -> bytes:
    return nest(_LIST_ELEM, text(_NAME, name), nest(_DATA, *parts))


def _meta(key: int, register: int = _REGISTER) -> bytes:
    return _expression("meta", be32(1, register), be32(2, key))


def _payload(base: int, offset: int, length: int, register: int = _REGISTER) -> bytes:
    return _expression("payload", be32(1, register), be32(2, base), be32(3, offset), be32(4, length))


def _compare(raw: bytes, *, negate: bool = False) -> bytes:
    return _expression("cmp", be32(1, _REGISTER), be32(2, _UNEQUAL if negate else _EQUAL), nest(3, nft.value(raw)))


def _mask(raw: bytes) -> bytes:
    masks = nest(4, nft.value(raw)) + nest(5, nft.value(bytes(len(raw))))
    return _expression("bitwise", be32(1, _REGISTER), be32(2, _REGISTER), be32(3, len(raw)), masks)


def interface(name: str) -> bytes:
    """A name as ``ifname`` data: sixteen bytes."""
    return name.encode().ljust(16, b"\0")


def incoming(name: str, *, negate: bool = False) -> bytes:
    """``iifname "name"``, or ``!=``."""
    return _meta(_IIFNAME) + _compare(interface(name), negate=negate)


def outgoing(name: str, *, negate: bool = False) -> bytes:
    """``oifname "name"``, or ``!=``; a name that ends in ``*`` is a prefix."""
    raw = name[:-1].encode() if name.endswith("*") else interface(name)
    return _meta(_OIFNAME) + _compare(raw, negate=negate)


def source_in(address: str, prefix_length: int) -> bytes:
    """``ip saddr address/prefix_length``, or ``ip6 saddr``."""
    return _in_network(_SOURCE, address, prefix_length)


def destination_in(address: str, prefix_length: int) -> bytes:
    """``ip daddr address/prefix_length``, or ``ip6 daddr``."""
    return _in_network(_DESTINATION, address, prefix_length)


def _in_network(offsets: dict[int, int], address: str, prefix_length: int) -> bytes:
    raw = address_bytes(address)
    bits = len(raw) * 8
    mask = (1 << bits) - (1 << (bits - prefix_length))
    number = int.from_bytes(raw, "big") & mask
    load = _payload(_NETWORK, offsets[len(raw)], len(raw))
    return load + _mask(mask.to_bytes(len(raw), "big")) + _compare(number.to_bytes(len(raw), "big"))


def address_bytes(address: str) -> bytes:
    """An address as data of its type. Raises OSError."""
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def state(states: int) -> bytes:
    """``ct state``: one of the STATE bits."""
    return _conntrack(_CT_STATE) + _mask(struct.pack("=I", states)) + _compare(bytes(4), negate=True)


def redirected(yes: bool = True) -> bytes:
    """``ct status dnat``: the connection's destination was rewritten, or (``yes`` false) was not."""
    return _conntrack(_CT_STATUS) + _mask(struct.pack("=I", _STATUS_DNAT)) + _compare(bytes(4), negate=yes)


def _conntrack(key: int) -> bytes:
    return _expression("ct", be32(1, _REGISTER), be32(2, key))


def destination_is_local() -> bytes:
    """``fib daddr type local``: an address of this host."""
    return _fib(_FIB_DADDR)


def source_is_local() -> bytes:
    """``fib saddr type local``."""
    return _fib(_FIB_SADDR)


def _fib(flags: int) -> bytes:
    return _expression("fib", be32(1, _REGISTER), be32(2, _FIB_TYPE), be32(3, flags)) + _compare(struct.pack("=I", _RTN_LOCAL))


def by_incoming(verdicts: str) -> bytes:
    """``iifname vmap @verdicts``."""
    return _meta(_IIFNAME) + _lookup(verdicts, _VERDICT)


def by_outgoing(verdicts: str) -> bytes:
    """``oifname vmap @verdicts``."""
    return _meta(_OIFNAME) + _lookup(verdicts, _VERDICT)


def dnat_by_port(targets: str, family: int = nft.IPV4) -> bytes:
    """``dnat ip addr . port to meta l4proto . th dport map @targets``; a packet that is not in the map goes on."""
    return _meta(_L4PROTO) + _payload(_TRANSPORT, _DESTINATION_PORT, 2, _SLOT + 1) + _lookup(targets, _REGISTER) + _dnat(family)


def dnat_by_address_and_port(targets: str, family: int = nft.IPV4) -> bytes:
    """``dnat ip addr . port to ip daddr . meta l4proto . th dport map @targets``."""
    length = _LENGTH[family]
    return (
        _payload(_NETWORK, _DESTINATION[length], length)
        + _meta(_L4PROTO, _SLOT + length // 4)
        + _payload(_TRANSPORT, _DESTINATION_PORT, 2, _SLOT + length // 4 + 1)
        + _lookup(targets, _REGISTER)
        + _dnat(family)
    )


def _lookup(name: str, into: int) -> bytes:
    return _expression("lookup", text(1, name), be32(2, _REGISTER), be32(3, into))


def _dnat(family: int = nft.IPV4) -> bytes:
    return _expression("nat", be32(1, _DNAT), be32(2, family), be32(3, _REGISTER), be32(5, _SLOT + _LENGTH[family] // 4))


def dnat_to(address: str, port: int) -> bytes:
    """``dnat to address:port``."""
    first = _expression("immediate", be32(1, _REGISTER), nest(2, nft.value(socket.inet_aton(address))))
    second = _expression("immediate", be32(1, _SLOT + 1), nest(2, nft.value(struct.pack(">H", port))))
    return first + second + _dnat()


def destination_port(protocol: int, port: int) -> bytes:
    """``meta l4proto protocol th dport port``."""
    return _meta(_L4PROTO) + _compare(bytes((protocol,))) + _payload(_TRANSPORT, _DESTINATION_PORT, 2) + _compare(struct.pack(">H", port))


def masquerade() -> bytes:
    """``masquerade``."""
    return _expression("masq")


def accept() -> bytes:
    """``accept``."""
    return _verdict(nft.verdict(nft.ACCEPT))


def drop() -> bytes:
    """``drop``."""
    return _verdict(nft.verdict(nft.DROP))


def leave() -> bytes:
    """``return``: back to the chain that jumped here."""
    return _verdict(nft.verdict(nft.RETURN))


def jump(chain: str) -> bytes:
    """``jump chain``."""
    return _verdict(nft.jump(chain))


def _verdict(data: bytes) -> bytes:
    return _expression("immediate", be32(1, _VERDICT), nest(2, data))


def key(*parts: bytes) -> bytes:
    """A concatenated key or value: each part padded to four bytes."""
    return b"".join(part + b"\0" * (-len(part) % 4) for part in parts)
