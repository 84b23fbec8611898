"""What a container gets out of being attached, and how the networks tell of it: events, and what the kernel refused."""

from __future__ import annotations

import errno
import os

from engine.errors import EngineFault, Forbidden, LongshoreError
from engine.model.containers import Endpoint, PortBinding
from engine.model.events import Event
from engine.model.value import Value
from engine.store import events
from engine.store.containers import ContainerRecord
from engine.store.networks import NetworkRecord


class Attachment(Value):
    """What a container got.

    Attributes:
        endpoints, ports: as they are recorded already.
        holds: descriptors of the sockets that hold the published ports; keep them open while the container runs.
        names: descriptors of the name server's two sockets, none in the default network; keep them open too, and have
            :func:`engine.network.nameserver.serve` run in a forked process when one is readable.
    """

    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[PortBinding, ...] = ()
    holds: tuple[int, ...] = ()
    names: tuple[int, ...] = ()

    def close(self) -> None:
        """Let ports and name server go. Once only."""
        for descriptor in self.holds + self.names:
            os.close(descriptor)


def event(action: str, network: NetworkRecord, record: ContainerRecord) -> Event:
    """A network's event that tells of a container."""
    return events.make("network", action, network.id, {"container": record.id, "name": network.name, "type": network.driver})


def fault(network: NetworkRecord, error: OSError) -> LongshoreError:
    """What the kernel refused, as an error that names the network."""
    reason = error.strerror or str(error)
    if error.errno in (errno.EPERM, errno.EACCES):
        return Forbidden(f"network {network.name}: {reason.lower()}", hint="bridge networks need root; host and none do not")
    hint = ""
    if error.errno in (errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT):
        hint = "this kernel lacks veth, bridge or nf_tables; network mode host works without"
    return EngineFault(f"network {network.name}: {reason}", hint=hint)
