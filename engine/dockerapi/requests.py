"""Bodies of requests about containers, read: what clients ask our server for.

What we can not do is refused where the container would not be what was asked for, and warned of where it is only a limit or
a preference that does not hold, as dockerd does with what its kernel can not.
"""

from __future__ import annotations

import re

from engine.dockerapi.containers import decode_endpoint
from engine.dockerapi.document import Document
from engine.dockerapi.host_config import decode_config, decode_host_config, decode_links
from engine.errors import InvalidArgument
from engine.model.containers import ContainerConfig, Endpoint, ExecConfig, HostConfig, Mount, RestartPolicy, UpdateConfig
from engine.model.value import Value

_WARNED = {"KernelMemoryTCP": "a kernel memory limit for TCP"}


class Asked(Value):
    """What a create request asks for.

    Attributes:
        further: networks to connect to besides the one in ``host``.
        warnings: what will not hold, as sentences.
    """

    config: ContainerConfig
    host: HostConfig
    further: tuple[Endpoint, ...] = ()
    warnings: tuple[str, ...] = ()


def decode_create(body: Document) -> Asked:
    """``POST /containers/create``.

    Raises:
        InvalidArgument: a driver or runtime is unknown.
        NotSupported: the container could not be what is asked for.
    """
    item = body.document("HostConfig")
    _check_ports(item)
    if (mode := item.text("CgroupnsMode")) not in ("", "host", "private"):
        raise InvalidArgument(f"invalid cgroup namespace mode: {mode}")
    host = decode_host_config(item)
    host = host.replace(mounts=tuple(map(_checked, host.mounts)))
    endpoints = [decode_endpoint(name, found) for name, found in body.document("NetworkingConfig").members("EndpointsConfig")]
    mode = host.network_mode
    if body.flag("NetworkDisabled"):
        mode, endpoints = "none", []
    if mode == "default" and endpoints and not any(endpoint.network in ("default", "bridge") for endpoint in endpoints):
        mode = endpoints[0].network
    first = next((endpoint for endpoint in endpoints if _same(endpoint.network, mode)), Endpoint(network=mode))
    host = host.replace(
        network_mode=mode,
        network_aliases=first.aliases,
        ipv4_address=first.requested_ip,
        ipv6_address=first.requested_ipv6,
        mac_address=first.mac_address or body.text("MacAddress"),
        endpoint=first.options,
    )
    linked = (link for _, found in body.document("NetworkingConfig").members("EndpointsConfig") for link in found.texts("Links"))
    host = host.replace(links=tuple(dict.fromkeys((*host.links, *decode_links(linked)))))
    further = tuple(endpoint for endpoint in endpoints if not _same(endpoint.network, mode))
    return Asked(config=decode_config(body), host=host, further=further, warnings=_warnings(item))


def decode_exec(body: Document) -> ExecConfig:
    """``POST /containers/{id}/exec``. ``height`` and ``width`` are 0 unless the request has a ``ConsoleSize``."""
    height, width = _size(body)
    return ExecConfig(
        cmd=body.texts("Cmd"),
        tty=body.flag("Tty"),
        stdin=body.flag("AttachStdin"),
        env=body.texts("Env"),
        user=body.text("User"),
        working_dir=body.text("WorkingDir"),
        privileged=body.flag("Privileged"),
        height=height,
        width=width,
    )


def decode_exec_start(body: Document, config: ExecConfig) -> ExecConfig:
    """``POST /exec/{id}/start``: the configuration with what is told at the start."""
    height, width = _size(body)
    return config.replace(detach=body.flag("Detach"), height=height or config.height, width=width or config.width)


def decode_update(body: Document) -> UpdateConfig:
    """``POST /containers/{id}/update``."""
    policy = body.document("RestartPolicy")
    return UpdateConfig(
        memory=body.integer("Memory"),
        memory_swap=body.integer("MemorySwap"),
        memory_reservation=body.integer("MemoryReservation"),
        nano_cpus=body.integer("NanoCpus"),
        cpu_shares=body.integer("CpuShares"),
        cpu_period=body.integer("CpuPeriod"),
        cpu_quota=body.integer("CpuQuota"),
        cpuset_cpus=body.text("CpusetCpus"),
        cpuset_mems=body.text("CpusetMems"),
        cpu_rt_period=body.integer("CpuRealtimePeriod"),
        cpu_rt_runtime=body.integer("CpuRealtimeRuntime"),
        blkio_weight=body.integer("BlkioWeight"),
        pids_limit=body.integer("PidsLimit") if "PidsLimit" in body else None,
        restart_policy=(
            RestartPolicy(name=policy.text("Name"), max_retries=policy.integer("MaximumRetryCount")) if policy.text("Name") else None
        ),
    )


def _same(network: str, mode: str) -> bool:
    default = ("", "default", "bridge")
    return network == mode or (network in default and mode in default)


def _size(body: Document) -> tuple[int, int]:
    size = body.integers("ConsoleSize")
    return (size[0], size[1]) if len(size) == 2 else (0, 0)


def _checked(mount: Mount) -> Mount:
    if mount.kind not in ("bind", "volume", "tmpfs", "image"):
        raise InvalidArgument(f'invalid mount config for type "{mount.kind}": mount type unknown')
    if mount.kind == "tmpfs" and mount.source:
        raise InvalidArgument('invalid mount config for type "tmpfs": field Source must not be specified')
    if mount.kind in ("bind", "image") and not mount.source:
        raise InvalidArgument(f'invalid mount config for type "{mount.kind}": field Source must not be empty')
    if not mount.target:
        raise InvalidArgument(f'invalid mount config for type "{mount.kind}": field Target must not be empty')
    return mount


def _check_ports(item: Document) -> None:
    """What is no port must not read as any port."""
    for name, bindings in item.lists("PortBindings"):
        if not re.fullmatch(r"\d{1,5}(/\w+)?", name, re.ASCII):
            raise InvalidArgument(f'invalid port specification: "{name}"')
        for binding in bindings:
            if (port := binding.text("HostPort")) and not re.fullmatch(r"\d{1,5}(-\d{1,5})?", port, re.ASCII):
                raise InvalidArgument(f'invalid port specification: "{port}"')


def _warnings(item: Document) -> tuple[str, ...]:
    found = [name for key, name in _WARNED.items() if item.given(key)]
    if "MaskedPaths" in item or "ReadonlyPaths" in item:
        found.append("other masked or read-only paths")
    return tuple(f"This engine does not support {name}; it was ignored." for name in dict.fromkeys(found))
