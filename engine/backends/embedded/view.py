"""Records as the interface shows them. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from engine.model.containers import Container, ContainerStatus, Endpoint, PortBinding
from engine.model.units import whole
from engine.store.containers import ContainerRecord

_RUNS = (ContainerStatus.RUNNING, ContainerStatus.PAUSED, ContainerStatus.RESTARTING)


def summary(record: ContainerRecord) -> Container:
    """A row of the container list."""
    return Container(
        id=record.id,
        name=record.name,
        image=record.image,
        image_id=record.image_id,
        command=command(record.argv),
        created_at=record.created_at,
        state=record.state,
        ports=ports(record),
        labels=record.config.labels,
        mounts=record.mounts,
        networks=endpoints(record),
        annotations=record.host_config.annotations,
    )


def command(argv: Iterable[str]) -> str:
    """The command as docker's list shows it: arguments with a space in quotes."""
    head, *rest = argv
    return " ".join((head, *(f"'{word}'" if " " in word else word for word in rest)))


def ports(record: ContainerRecord) -> tuple[PortBinding, ...]:
    """Published ports as they are bound, and exposed ones that are not published; none of a container that does not run."""
    if record.state.status not in _RUNS:
        return ()
    bound = {(port.container_port, port.protocol) for port in record.ports}
    exposed = (port for port in map(exposed_port, record.config.exposed_ports) if (port.container_port, port.protocol) not in bound)
    return tuple(sorted((*record.ports, *exposed), key=lambda port: (port.container_port, port.protocol, port.host_ip, port.host_port)))


def exposed_port(text: str) -> PortBinding:
    """``80/tcp`` as a port that is not published."""
    number, _, protocol = text.partition("/")
    return PortBinding(container_port=whole(number), protocol=protocol or "tcp")


def endpoints(record: ContainerRecord) -> tuple[Endpoint, ...]:
    """Where it is attached, or would be when it is started; by name, as docker lists them."""
    return tuple(sorted(record.endpoints, key=lambda place: place.network))
