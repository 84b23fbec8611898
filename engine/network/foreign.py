"""Living beside other people's firewalls.

A packet is forwarded only if no base chain of any table drops it, so that a ``FORWARD`` chain with policy drop (dockerd's,
ufw's) cuts our bridges off whatever our own table says. Into such a chain, or into ``DOCKER-USER`` where docker asks for
user rules, go two rules for each bridge: accept what comes from it, accept what goes to it. That opens nothing: our own
table still drops what must not pass, including ways from our bridges into other engines' ones.

The rules use only expressions that iptables-nft understands, or it would call its own table incompatible. They carry a
comment, by which they are found again.

firewalld from 2.1 on marks its table as its own, and the kernel lets nobody else change that: such a chain is left alone, and
:mod:`engine.network.doctor` says what its owner is to be told.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable

from engine.linux import nft
from engine.linux import nft_rule as match
from engine.linux.netlink import NetlinkError

_USER_CHAIN = "DOCKER-USER"


def admit(firewall: nft.NftSocket, owner: str, bridges: Callable[[int], Iterable[str]]) -> None:
    """Make every foreign forward chain that drops by policy let ``bridges`` through, and no other of ours.

    Args:
        firewall: of the namespace.
        owner: the engine's own table; it is part of the comments.
        bridges: gives the interfaces that are up for a family of chains; asked only when there is such a chain.

    Raises:
        NetlinkError: a chain can not be changed.
    """
    chains = firewall.chains()
    targets = _targets(chains)
    wanted = {family: {f"{owner} {name}": name for name in bridges(family)} for family in {chain.family for chain in targets}}
    for chain in chains:
        # Rules of ours may also be left in a chain that does not drop any more.
        if chain not in targets and not (chain.name == _USER_CHAIN or chain.hook == nft.FORWARD):
            continue
        if chain.table == owner:
            continue
        _adjust(firewall, chain, owner, wanted[chain.family] if chain in targets else {})


def closed(firewall: nft.NftSocket) -> list[str]:
    """Sentences about chains that keep bridges from working and can not be changed from here. Raises NetlinkError."""
    return [
        f"the table {chain.table} of this host's firewall can only be changed by its owner: if containers reach nothing outside, let "
        "their networks through with `firewall-cmd --permanent --zone=trusted --add-source=SUBNET` and `firewall-cmd --reload`"
        for chain in _targets(firewall.chains())
        if firewall.is_owned(chain)
    ]


def _targets(chains: list[nft.Chain]) -> list[nft.Chain]:
    found = []
    for chain in chains:
        if chain.hook != nft.FORWARD or chain.family not in (nft.IPV4, nft.IPV6, nft.INET) or chain.table.startswith("longshore"):
            continue
        # firewalld's policy is accept, and its last rule rejects.
        if chain.policy == nft.DROP or chain.table == "firewalld":
            user = chain.replace(name=_USER_CHAIN, hook=-1, policy=nft.ACCEPT)
            found.append(user if user in chains else chain)
    return found


def _adjust(firewall: nft.NftSocket, chain: nft.Chain, owner: str, wanted: dict[str, str]) -> None:
    batch = nft.Batch(chain.table, chain.family)
    present: dict[str, int] = {}
    for rule in firewall.rules(chain):
        if rule.comment.partition(" ")[0] == owner:
            present[rule.comment] = present.get(rule.comment, 0) + 1
            if rule.comment not in wanted:
                batch.delete_rule(rule)
    for comment, name in wanted.items():
        if comment not in present:
            batch.add_rule(chain.name, match.incoming(name), match.accept(), comment=comment, first=True)
            batch.add_rule(chain.name, match.outgoing(name), match.accept(), comment=comment, first=True)
    try:
        firewall.apply(batch)
    except NetlinkError as fault:
        # Its owner took the chain away meanwhile, or keeps it to itself.
        if fault.errno not in (errno.ENOENT, errno.EPERM) or (fault.errno == errno.EPERM and not firewall.is_owned(chain)):
            raise
