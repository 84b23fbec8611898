"""``ContainerConfig`` and ``HostConfig``, read."""

from __future__ import annotations

from collections.abc import Iterable

from engine.dockerapi.document import Document
from engine.model.containers import (
    ContainerConfig,
    Device,
    DeviceRequest,
    HostConfig,
    Mount,
    PortBinding,
    RestartPolicy,
    ThrottleDevice,
    Ulimit,
    WeightDevice,
)
from engine.model.health import Healthcheck
from engine.model.mount_words import mode_words
from engine.model.units import whole


def decode_config(item: Document) -> ContainerConfig:
    """The ``Config`` of an inspected container."""
    return ContainerConfig(
        image=item.text("Image"),
        cmd=item.texts_or_none("Cmd"),
        entrypoint=item.texts_or_none("Entrypoint"),
        env=item.texts("Env"),
        user=item.text("User"),
        working_dir=item.text("WorkingDir"),
        hostname=item.text("Hostname"),
        domainname=item.text("Domainname"),
        labels=item.pairs("Labels"),
        tty=item.flag("Tty"),
        open_stdin=item.flag("OpenStdin"),
        stdin_once=item.flag("StdinOnce"),
        attach_stdin=item.flag("AttachStdin"),
        attach_stdout=item.flag("AttachStdout"),
        attach_stderr=item.flag("AttachStderr"),
        exposed_ports=tuple(sorted(item.names("ExposedPorts"))),
        volumes=tuple(sorted(item.names("Volumes"))),
        stop_signal=item.text("StopSignal"),
        stop_timeout=item.integer("StopTimeout") if "StopTimeout" in item else None,
        healthcheck=decode_healthcheck(item),
        shell=item.texts("Shell"),
    )


def decode_healthcheck(config: Document) -> Healthcheck | None:
    """The ``Healthcheck`` of a container's or image's ``Config``."""
    if "Healthcheck" not in config:
        return None
    item = config.document("Healthcheck")
    return Healthcheck(
        test=item.texts("Test"),
        interval=item.integer("Interval") / 1e9,
        timeout=item.integer("Timeout") / 1e9,
        start_period=item.integer("StartPeriod") / 1e9,
        start_interval=item.integer("StartInterval") / 1e9,
        retries=item.integer("Retries"),
    )


def decode_host_config(item: Document) -> HostConfig:
    """The ``HostConfig`` of an inspected container."""
    policy = item.document("RestartPolicy")
    return HostConfig(
        network_mode=item.text("NetworkMode") or "default",
        port_bindings=_bindings(item),
        publish_all=item.flag("PublishAllPorts"),
        mounts=(*map(_bind, item.texts("Binds")), *map(_mount, item.documents("Mounts"))),
        restart_policy=RestartPolicy(name=policy.text("Name") or "no", max_retries=policy.integer("MaximumRetryCount")),
        auto_remove=item.flag("AutoRemove"),
        privileged=item.flag("Privileged"),
        cap_add=item.texts("CapAdd"),
        cap_drop=item.texts("CapDrop"),
        security_opt=item.texts("SecurityOpt"),
        read_only_rootfs=item.flag("ReadonlyRootfs"),
        init=item.flag("Init"),
        dns=item.texts("Dns"),
        dns_search=item.texts("DnsSearch"),
        dns_options=item.texts("DnsOptions"),
        extra_hosts=item.texts("ExtraHosts"),
        links=decode_links(item.texts("Links")),
        group_add=item.texts("GroupAdd"),
        pid_mode=item.text("PidMode"),
        ipc_mode=item.text("IpcMode"),
        uts_mode=item.text("UTSMode"),
        cgroupns_mode=item.text("CgroupnsMode") or item.text("Cgroup"),
        shm_size=item.integer("ShmSize"),
        tmpfs=item.pairs("Tmpfs"),
        sysctls=item.pairs("Sysctls"),
        ulimits=tuple(
            Ulimit(name=limit.text("Name"), soft=limit.integer("Soft"), hard=limit.integer("Hard")) for limit in item.documents("Ulimits")
        ),
        devices=tuple(
            Device(
                path_on_host=device.text("PathOnHost"),
                path_in_container=device.text("PathInContainer"),
                permissions=device.text("CgroupPermissions") or "rwm",
            )
            for device in item.documents("Devices")
        ),
        device_cgroup_rules=item.texts("DeviceCgroupRules"),
        volumes_from=item.texts("VolumesFrom"),
        annotations=item.pairs("Annotations"),
        cgroup_parent=item.text("CgroupParent"),
        userns_mode=item.text("UsernsMode"),
        log_driver=item.document("LogConfig").text("Type"),
        log_options=item.document("LogConfig").pairs("Config"),
        runtime=item.text("Runtime"),
        volume_driver=item.text("VolumeDriver"),
        memory=item.integer("Memory"),
        memory_swap=item.integer("MemorySwap"),
        memory_reservation=item.integer("MemoryReservation"),
        nano_cpus=item.integer("NanoCpus"),
        cpu_shares=item.integer("CpuShares"),
        cpu_period=item.integer("CpuPeriod"),
        cpu_quota=item.integer("CpuQuota"),
        cpuset_cpus=item.text("CpusetCpus"),
        cpuset_mems=item.text("CpusetMems"),
        pids_limit=item.integer("PidsLimit"),
        cpu_rt_period=item.integer("CpuRealtimePeriod"),
        cpu_rt_runtime=item.integer("CpuRealtimeRuntime"),
        oom_score_adj=item.integer("OomScoreAdj"),
        oom_kill_disable=item.flag("OomKillDisable"),
        memory_swappiness=swappiness if (swappiness := item.integer("MemorySwappiness", -1)) >= 0 else None,
        blkio_weight=item.integer("BlkioWeight"),
        blkio_weight_device=tuple(
            WeightDevice(path=one.text("Path"), weight=one.integer("Weight")) for one in item.documents("BlkioWeightDevice")
        ),
        device_read_bps=_throttles(item, "BlkioDeviceReadBps"),
        device_write_bps=_throttles(item, "BlkioDeviceWriteBps"),
        device_read_iops=_throttles(item, "BlkioDeviceReadIOps"),
        device_write_iops=_throttles(item, "BlkioDeviceWriteIOps"),
        device_requests=tuple(map(_device_request, item.documents("DeviceRequests"))),
        storage_options=item.pairs("StorageOpt"),
        isolation=item.text("Isolation"),
        kernel_memory=item.integer("KernelMemory"),
    )


def decode_links(links: Iterable[str]) -> tuple[str, ...]:
    """``TARGET:ALIAS`` as it is asked for, ``/TARGET:/CONTAINER/ALIAS`` as it is inspected."""
    parted = (link.partition(":") for link in links)
    return tuple(f"{target.removeprefix('/')}:{alias.rpartition('/')[2]}" if alias else target for target, _, alias in parted)


def _device_request(item: Document) -> DeviceRequest:
    return DeviceRequest(
        driver=item.text("Driver"),
        count=item.integer("Count"),
        ids=item.texts("DeviceIDs"),
        capabilities=item.rows("Capabilities"),
        options=item.pairs("Options"),
    )


def _throttles(item: Document, key: str) -> tuple[ThrottleDevice, ...]:
    return tuple(ThrottleDevice(path=one.text("Path"), rate=one.integer("Rate")) for one in item.documents(key))


def _bindings(item: Document) -> tuple[PortBinding, ...]:
    found = []
    for name, wanted in item.lists("PortBindings"):
        number, _, protocol = name.partition("/")
        for binding in wanted:
            first, _, last = binding.text("HostPort").partition("-")
            found.append(
                PortBinding(
                    container_port=whole(number),
                    protocol=protocol or "tcp",
                    host_ip=binding.text("HostIp"),
                    host_port=int(first) if first.isdecimal() else 0,
                    host_last=int(last) if last.isdecimal() else 0,
                )
            )
    return tuple(found)


def _bind(text: str) -> Mount:
    """``source:target[:options]``. Raises InvalidArgument for options that exclude each other."""
    source, _, rest = text.partition(":")
    target, _, options = rest.partition(":")
    if not target:
        source, target = "", source
    words = mode_words(options)
    return Mount(
        kind="bind" if source.startswith("/") else "volume",
        source=source,
        target=target,
        read_only="ro" in words,
        options=tuple(word for word in words if word not in ("ro", "rw")),
        create_source=source.startswith("/"),
    )


def _mount(item: Document) -> Mount:
    options = []
    bind, volume = item.document("BindOptions"), item.document("VolumeOptions")
    if propagation := bind.text("Propagation"):
        options.append(propagation)
    words = {"norecursive": "NonRecursive", "writable": "ReadOnlyNonRecursive", "forcereadonly": "ReadOnlyForceRecursive"}
    options += [word for word, key in words.items() if bind.flag(key)]
    if volume.flag("NoCopy"):
        options.append("nocopy")
    tmpfs = item.document("TmpfsOptions")
    if size := tmpfs.integer("SizeBytes"):
        options.append(f"size={size}")
    if mode := tmpfs.integer("Mode"):
        options.append(f"mode={mode:o}")
    options += ["=".join(row) for row in tmpfs.rows("Options")]
    return Mount(
        kind=item.text("Type"),
        source=item.text("Source"),
        target=item.text("Target"),
        read_only=item.flag("ReadOnly"),
        options=tuple(options),
        create_source=bind.flag("CreateMountpoint"),
        subpath=(item.document("ImageOptions") if item.text("Type") == "image" else volume).text("Subpath"),
        driver=volume.document("DriverConfig").text("Name"),
        driver_options=volume.document("DriverConfig").pairs("Options"),
        labels=volume.pairs("Labels"),
    )
