"""nftables through nfnetlink, without the nft program: batches, and the look at what is loaded.

A :class:`Batch` collects messages and is applied as one transaction. Expressions come from :mod:`engine.linux.nft_rule`.
(linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h)
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable, Sequence

from engine.linux.netlink import (
    NETLINK_NETFILTER,
    NLM_F_APPEND,
    NLM_F_CREATE,
    Netlink,
    NetlinkError,
    attribute,
    attributes,
    be32,
    each,
    nest,
    text,
)
from engine.model.value import Value

INET, IPV4, IPV6 = 1, 2, 10
PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING = range(5)
DROP, ACCEPT, RETURN = 0, 1, 0xFFFFFFFB

_SUBSYSTEM = 10 << 8
_NEWTABLE, _GETTABLE, _DELTABLE = 0, 1, 2
_NEWCHAIN, _GETCHAIN = 3, 4
_NEWRULE, _GETRULE, _DELRULE = 6, 7, 8
_NEWSET = 9
_NEWSETELEM, _GETSETELEM, _DELSETELEM = 12, 13, 14

_LIST_ELEM = 1
_TABLE_NAME, _TABLE_FLAGS = 1, 2
_OWNER = 0x2
_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _CHAIN_TYPE = 1, 3, 4, 5, 7
_HOOK_NUMBER, _HOOK_PRIORITY = 1, 2
_RULE_TABLE, _RULE_CHAIN, _RULE_HANDLE, _RULE_EXPRESSIONS, _RULE_USERDATA = 1, 2, 3, 4, 7
_SET_TABLE, _SET_NAME, _SET_FLAGS, _SET_KEY_TYPE, _SET_KEY_LEN, _SET_DATA_TYPE, _SET_DATA_LEN, _SET_ID = 1, 2, 3, 4, 5, 6, 7, 10
_ELEM_LIST_TABLE, _ELEM_LIST_SET, _ELEM_LIST_ELEMENTS = 1, 2, 3
_ELEM_KEY, _ELEM_DATA = 1, 2
_DATA_VALUE, _DATA_VERDICT = 1, 2
_VERDICT_CODE, _VERDICT_CHAIN = 1, 2
_SET_MAP = 0x8
_SET_USERDATA = 13
_HOST_ORDER = 1
_VERDICT_TYPE = 0xFFFFFF00
_JUMP = 0xFFFFFFFD
_COMMENT = 0
_ELEMENTS_A_MESSAGE = 400  # a netlink attribute is at most 64 KiB


class KeyType(Value):
    """A datatype of a set's key or data: nft's number (only for listing) and the bytes it takes in registers."""

    number: int
    length: int

    def __add__(self, other: KeyType) -> KeyType:
        """A concatenation, each part padded to four bytes."""
        return KeyType(number=self.number << 6 | other.number, length=((self.length + 3) & ~3) + ((other.length + 3) & ~3))


IPV4_ADDR = KeyType(number=7, length=4)
IPV6_ADDR = KeyType(number=8, length=16)
INET_PROTO = KeyType(number=12, length=1)
INET_SERVICE = KeyType(number=13, length=2)
IFNAME = KeyType(number=41, length=16)


class Chain(Value):
    """A loaded chain. ``hook`` is -1 and ``policy`` meaningless for one that is only jumped to."""

    family: int
    table: str
    name: str
    hook: int = -1
    policy: int = ACCEPT


class Rule(Value):
    """A loaded rule. ``comment`` is ``""`` when it has none."""

    family: int
    table: str
    chain: str
    handle: int
    comment: str = ""


def verdict(code: int) -> bytes:
    """Data of a verdict without a chain (:data:`ACCEPT`, :data:`DROP`, :data:`RETURN`)."""
    return nest(_DATA_VERDICT, be32(_VERDICT_CODE, code))


def jump(chain: str) -> bytes:
    """Data of a verdict that jumps to a chain and comes back."""
    return nest(_DATA_VERDICT, be32(_VERDICT_CODE, _JUMP), text(_VERDICT_CHAIN, chain))


def value(raw: bytes) -> bytes:
    """Data that is a plain value."""
    return attribute(_DATA_VALUE, raw)


class Batch:
    """Changes of one table, in order, to be applied as one transaction."""

    def __init__(self, table: str, family: int = IPV4) -> None:
        self.table = table
        self.family = family
        self.messages: list[tuple[int, int, bytes]] = []
        self._sets = 0

    def _add(self, kind: int, payload: bytes, flags: int = 0) -> None:
        self.messages.append((_SUBSYSTEM | kind, flags, _general(self.family) + payload))

    def add_table(self) -> None:
        """Make the table; one that is there stays as it is."""
        self._add(_NEWTABLE, text(_TABLE_NAME, self.table), NLM_F_CREATE)

    def delete_table(self) -> None:
        """Remove the table with everything in it."""
        self._add(_DELTABLE, text(_TABLE_NAME, self.table))

    def add_chain(self, name: str) -> None:
        """Make a chain that is only jumped to."""
        self._add(_NEWCHAIN, text(_CHAIN_TABLE, self.table) + text(_CHAIN_NAME, name), NLM_F_CREATE)

    def add_base_chain(self, name: str, kind: str, hook: int, priority: int) -> None:
        """Make a chain of type ``filter`` or ``nat`` at a hook, policy accept."""
        where = nest(_CHAIN_HOOK, be32(_HOOK_NUMBER, hook), attribute(_HOOK_PRIORITY, struct.pack(">i", priority)))
        payload = text(_CHAIN_TABLE, self.table) + text(_CHAIN_NAME, name) + where
        self._add(_NEWCHAIN, payload + be32(_CHAIN_POLICY, ACCEPT) + text(_CHAIN_TYPE, kind), NLM_F_CREATE)

    def add_rule(self, chain: str, *expressions: bytes, comment: str = "", first: bool = False) -> None:
        """Append a rule, or put it first."""
        payload = text(_RULE_TABLE, self.table) + text(_RULE_CHAIN, chain) + nest(_RULE_EXPRESSIONS, *expressions)
        if comment:
            raw = comment.encode() + b"\0"
            payload += attribute(_RULE_USERDATA, bytes((_COMMENT, len(raw))) + raw)
        self._add(_NEWRULE, payload, NLM_F_CREATE | (0 if first else NLM_F_APPEND))

    def delete_rule(self, rule: Rule) -> None:
        """Remove one rule."""
        handle = attribute(_RULE_HANDLE, struct.pack(">Q", rule.handle))
        self._add(_DELRULE, text(_RULE_TABLE, self.table) + text(_RULE_CHAIN, rule.chain) + handle)

    def add_map(self, name: str, key: KeyType, data: KeyType | None) -> None:
        """Make a map from keys to values, or with ``data`` None to verdicts."""
        self._sets += 1
        # Only for listing: without the byte order the nft program prints interface names as "".
        order = attribute(_SET_USERDATA, struct.pack("=BBI", 0, 4, _HOST_ORDER)) if key is IFNAME else b""
        self._add(
            _NEWSET,
            text(_SET_TABLE, self.table)
            + text(_SET_NAME, name)
            + be32(_SET_FLAGS, _SET_MAP)
            + be32(_SET_KEY_TYPE, key.number)
            + be32(_SET_KEY_LEN, key.length)
            + be32(_SET_DATA_TYPE, data.number if data else _VERDICT_TYPE)
            + be32(_SET_DATA_LEN, data.length if data else 16)
            + be32(_SET_ID, self._sets)
            + order,
            NLM_F_CREATE,
        )

    def add_elements(self, name: str, elements: Iterable[tuple[bytes, bytes]]) -> None:
        """Put (key, data) pairs into a map; data is made by :func:`value`, :func:`verdict` or :func:`jump`."""
        self._elements(_NEWSETELEM, name, [nest(_ELEM_KEY, value(key)) + nest(_ELEM_DATA, data) for key, data in elements], NLM_F_CREATE)

    def delete_elements(self, name: str, keys: Iterable[bytes]) -> None:
        """Take keys out of a map; the batch fails with ENOENT when one is not there."""
        self._elements(_DELSETELEM, name, [nest(_ELEM_KEY, value(key)) for key in keys], 0)

    def _elements(self, kind: int, name: str, elements: Sequence[bytes], flags: int) -> None:
        head = text(_ELEM_LIST_TABLE, self.table) + text(_ELEM_LIST_SET, name)
        for start in range(0, len(elements), _ELEMENTS_A_MESSAGE):
            part = [nest(_LIST_ELEM, element) for element in elements[start : start + _ELEMENTS_A_MESSAGE]]
            self._add(kind, head + nest(_ELEM_LIST_ELEMENTS, *part), flags)


class NftSocket(Netlink):
    """nftables of the calling thread's network namespace. Every method raises NetlinkError."""

    def __init__(self) -> None:
        super().__init__(NETLINK_NETFILTER)

    def apply(self, *batches: Batch) -> None:
        """Make the changes of batches in order, all or none."""
        messages = [message for batch in batches for message in batch.messages]
        if messages:
            mark = struct.pack(">BBH", 0, 0, 10)
            self.transaction(messages, mark, mark)

    def has_table(self, table: str, family: int = IPV4) -> bool:
        """There is such a table."""
        return self._exists(_GETTABLE, family, text(_TABLE_NAME, table))

    def has_chain(self, table: str, chain: str, family: int = IPV4) -> bool:
        """There is such a chain, and its table."""
        return self._exists(_GETCHAIN, family, text(_CHAIN_TABLE, table) + text(_CHAIN_NAME, chain))

    def is_owned(self, chain: Chain) -> bool:
        """The chain's table belongs to a process, which alone may change it (``flags owner``)."""
        tables = [attributes(payload, 4) for _, payload in self.dump(_SUBSYSTEM | _GETTABLE, _general(chain.family))]
        flags = [table.get(_TABLE_FLAGS, b"") for table in tables if _string(table.get(_TABLE_NAME)) == chain.table]
        return any(int.from_bytes(flag, "big") & _OWNER for flag in flags)

    def chains(self) -> list[Chain]:
        """Every chain of every table."""
        return [_chain(payload) for kind, payload in self.dump(_SUBSYSTEM | _GETCHAIN, _general(0)) if kind & 0xFF == _NEWCHAIN]

    def rules(self, chain: Chain) -> list[Rule]:
        """The rules of one chain, in order."""
        where = text(_RULE_TABLE, chain.table) + text(_RULE_CHAIN, chain.name)
        found = [
            _rule(payload) for kind, payload in self.dump(_SUBSYSTEM | _GETRULE, _general(chain.family) + where) if kind & 0xFF == _NEWRULE
        ]
        return [rule for rule in found if rule.table == chain.table and rule.chain == chain.name]

    def keys(self, table: str, name: str, family: int = IPV4) -> list[bytes]:
        """The keys in a map."""
        where = text(_ELEM_LIST_TABLE, table) + text(_ELEM_LIST_SET, name)
        found: list[bytes] = []
        for kind, payload in self.dump(_SUBSYSTEM | _GETSETELEM, _general(family) + where):
            if kind & 0xFF == _NEWSETELEM:
                listed = attributes(payload, 4).get(_ELEM_LIST_ELEMENTS, b"")
                found += [attributes(attributes(element)[_ELEM_KEY])[_DATA_VALUE] for _, element in each(listed)]
        return found

    def _exists(self, kind: int, family: int, payload: bytes) -> bool:
        try:
            self.request(_SUBSYSTEM | kind, _general(family) + payload)
        except NetlinkError as fault:
            if fault.errno == errno.ENOENT:
                return False
            raise
        return True


def _general(family: int) -> bytes:
    return struct.pack(">BBH", family, 0, 0)


def _string(raw: bytes | None) -> str:
    return raw.rstrip(b"\0").decode(errors="replace") if raw else ""


def _chain(payload: bytes) -> Chain:
    parts = attributes(payload, 4)
    hook = attributes(parts.get(_CHAIN_HOOK, b"")).get(_HOOK_NUMBER)
    return Chain(
        family=payload[0],
        table=_string(parts.get(_CHAIN_TABLE)),
        name=_string(parts.get(_CHAIN_NAME)),
        hook=int.from_bytes(hook, "big") if hook else -1,
        policy=int.from_bytes(parts.get(_CHAIN_POLICY, b"\1"), "big"),
    )


def _rule(payload: bytes) -> Rule:
    parts = attributes(payload, 4)
    userdata = parts.get(_RULE_USERDATA, b"")
    comment = userdata[2 : 2 + userdata[1]] if len(userdata) > 2 and userdata[0] == _COMMENT else b""
    return Rule(
        family=payload[0],
        table=_string(parts.get(_RULE_TABLE)),
        chain=_string(parts.get(_RULE_CHAIN)),
        handle=int.from_bytes(parts.get(_RULE_HANDLE, b""), "big"),
        comment=_string(comment),
    )
