"""Containers as the API describes them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Sequence

from engine.dockerapi import times
from engine.dockerapi.document import Document, load_document, load_documents
from engine.dockerapi.host_config import decode_config, decode_host_config
from engine.model.containers import (
    Container,
    ContainerDetails,
    ContainerExit,
    ContainerState,
    ContainerStatus,
    CreatedContainer,
    Endpoint,
    EndpointOptions,
    Mount,
    PortBinding,
    ProcessTable,
    PruneReport,
)
from engine.model.health import HealthProbe, HealthReport
from engine.model.units import whole

_EXITED = re.compile(r"\((-?\d+)\)", re.ASCII)
_HEALTH = re.compile(r"\((?:health: )?(healthy|unhealthy|starting)\)")
_STATUS = {str(status): status for status in ContainerStatus} | {"stopped": ContainerStatus.EXITED, "configured": ContainerStatus.CREATED}


def decode_list(body: bytes) -> Sequence[Container]:
    """``GET /containers/json``."""
    return decode_rows(load_documents(body))


def decode_rows(items: Iterable[Document]) -> Sequence[Container]:
    """Rows of the list, in the order given."""
    now = time.time()
    return [_summary(item, now) for item in items]


def decode_details(body: bytes) -> ContainerDetails:
    """``GET /containers/{id}/json``."""
    item = load_document(body)
    config = decode_config(item.document("Config"))
    path, args = item.text("Path"), item.texts("Args")
    network = item.document("NetworkSettings")
    container = Container(
        id=item.text("Id"),
        name=item.text("Name").removeprefix("/"),
        image=config.image,
        image_id=item.text("Image"),
        command=" ".join((path, *args)),
        created_at=times.seconds(item.text("Created")),
        state=_state(item),
        ports=_port_map(network),
        labels=config.labels,
        mounts=_mounts(item.documents("Mounts")),
        networks=_endpoints(network),
        size_rw=item.integer("SizeRw") if "SizeRw" in item else None,
        size_rootfs=item.integer("SizeRootFs") if "SizeRootFs" in item else None,
    )
    return ContainerDetails(
        container=container,
        config=config,
        host_config=decode_host_config(item.document("HostConfig")),
        path=path,
        args=args,
        log_path=item.text("LogPath"),
        driver=item.text("Driver"),
        platform=item.text("Platform") or "linux",
        health=_health(item.document("State")),
        app_armor_profile=item.text("AppArmorProfile"),
        process_label=item.text("ProcessLabel"),
        mount_label=item.text("MountLabel"),
        raw=json.dumps(json.loads(body), ensure_ascii=False),
    )


def decode_created(body: bytes) -> CreatedContainer:
    """``POST /containers/create``."""
    item = load_document(body)
    return CreatedContainer(id=item.text("Id"), warnings=item.texts("Warnings"))


def decode_exit(body: bytes) -> ContainerExit:
    """``POST /containers/{id}/wait``."""
    item = load_document(body)
    return ContainerExit(exit_code=item.integer("StatusCode"), error=item.document("Error").text("Message"))


def decode_top(body: bytes) -> ProcessTable:
    """``GET /containers/{id}/top``."""
    item = load_document(body)
    return ProcessTable(titles=item.texts("Titles"), rows=item.rows("Processes"))


def decode_prune(body: bytes) -> PruneReport:
    """``POST /containers/prune``."""
    item = load_document(body)
    return PruneReport(removed=item.texts("ContainersDeleted"), space_reclaimed=item.integer("SpaceReclaimed"))


def _summary(item: Document, now: float) -> Container:
    names = [name.removeprefix("/") for name in item.texts("Names")]
    own = [name for name in names if "/" not in name]  # the others are names that links gave it
    return Container(
        id=item.text("Id"),
        name=(own or names or [""])[0],
        image=item.text("Image"),
        image_id=item.text("ImageID"),
        command=item.text("Command"),
        created_at=float(item.integer("Created")),
        state=_summary_state(item.text("State"), item.text("Status"), now),
        ports=tuple(sorted((_port(port) for port in item.documents("Ports")), key=_port_order)),
        labels=item.pairs("Labels"),
        mounts=_mounts(item.documents("Mounts")),
        networks=_endpoints(item.document("NetworkSettings")),
        size_rw=item.integer("SizeRw") if "SizeRw" in item else None,
        size_rootfs=item.integer("SizeRootFs") if "SizeRootFs" in item else None,
        annotations=item.document("HostConfig").pairs("Annotations"),
    )


def _summary_state(state: str, status: str, now: float) -> ContainerState:
    """The list tells exit code, health and age only in ``Status``, docker's sentence such as ``Exited (0) 3 hours ago``."""
    kind = _STATUS.get(state.lower(), ContainerStatus.CREATED)
    code = _EXITED.search(status) if kind not in (ContainerStatus.RUNNING, ContainerStatus.PAUSED) else None
    age = times.ago(status)
    moment = now - age if age is not None else 0.0
    runs = kind in (ContainerStatus.RUNNING, ContainerStatus.PAUSED)
    health = _HEALTH.search(status)
    return ContainerState(
        status=kind,
        exit_code=int(code[1][:10]) if code else 0,
        started_at=moment if runs else 0.0,
        finished_at=0.0 if runs else moment,
        health=health[1] if health else "",
    )


def _state(item: Document) -> ContainerState:
    state = item.document("State")
    health = (state.document("Health") if "Health" in state else state.document("Healthcheck")).text("Status")
    return ContainerState(
        status=_STATUS.get(state.text("Status").lower(), ContainerStatus.CREATED),
        pid=state.integer("Pid"),
        exit_code=state.integer("ExitCode"),
        oom_killed=state.flag("OOMKilled"),
        error=state.text("Error"),
        started_at=times.seconds(state.text("StartedAt")),
        finished_at=times.seconds(state.text("FinishedAt")),
        restart_count=item.integer("RestartCount"),
        health="" if health == "none" else health,
    )


def _health(state: Document) -> HealthReport | None:
    if "Health" not in state:
        return None
    item = state.document("Health")
    return HealthReport(
        failing_streak=item.integer("FailingStreak"),
        log=tuple(
            HealthProbe(
                started_at=times.seconds(probe.text("Start")),
                finished_at=times.seconds(probe.text("End")),
                exit_code=probe.integer("ExitCode"),
                output=probe.text("Output"),
            )
            for probe in item.documents("Log")
        ),
    )


def _port(item: Document) -> PortBinding:
    return PortBinding(
        container_port=item.integer("PrivatePort"),
        protocol=item.text("Type") or "tcp",
        host_ip=item.text("IP"),
        host_port=item.integer("PublicPort"),
    )


def _port_order(port: PortBinding) -> tuple[int, str, str, int]:
    return port.container_port, port.protocol, port.host_ip, port.host_port


def _port_map(network: Document) -> tuple[PortBinding, ...]:
    found = []
    for name, bindings in network.lists("Ports"):
        number, _, protocol = name.partition("/")
        port = PortBinding(container_port=whole(number), protocol=protocol or "tcp")
        found += [port.replace(host_ip=item.text("HostIp"), host_port=item.integer("HostPort")) for item in bindings] or [port]
    return tuple(sorted(found, key=_port_order))


def _mounts(items: Sequence[Document]) -> tuple[Mount, ...]:
    return tuple(
        Mount(
            kind=item.text("Type") or "bind",
            source=item.text("Name") or item.text("Source"),
            target=item.text("Destination"),
            read_only="RW" in item and not item.flag("RW"),
            options=tuple(word for word in item.text("Mode").split(",") if word not in ("", "rw", "ro")),
            path=item.text("Source"),
        )
        for item in items
    )


def _endpoints(network: Document) -> tuple[Endpoint, ...]:
    return tuple(decode_endpoint(name, item) for name, item in sorted(network.members("Networks"), key=lambda member: member[0]))


def decode_endpoint(name: str, item: Document) -> Endpoint:
    """One ``EndpointSettings``. Its MAC address is the one that is there; what is asked for comes in the same place."""
    return Endpoint(
        network=name,
        network_id=item.text("NetworkID"),
        ip_address=item.text("IPAddress"),
        prefix_length=item.integer("IPPrefixLen"),
        gateway=item.text("Gateway"),
        global_ipv6_address=item.text("GlobalIPv6Address"),
        global_ipv6_prefix_length=item.integer("GlobalIPv6PrefixLen"),
        ipv6_gateway=item.text("IPv6Gateway"),
        mac_address=item.text("MacAddress"),
        aliases=item.texts("Aliases"),
        requested_ip=item.document("IPAMConfig").text("IPv4Address"),
        requested_ipv6=item.document("IPAMConfig").text("IPv6Address"),
        options=EndpointOptions(
            link_local=item.document("IPAMConfig").texts("LinkLocalIPs"),
            gateway_priority=item.integer("GwPriority"),
            driver=item.pairs("DriverOpts"),
        ),
    )
