"""Records for the tests of the store."""

from __future__ import annotations

from typing import Any

from engine.model.containers import (
    ContainerConfig,
    ContainerState,
    ContainerStatus,
    Device,
    Endpoint,
    HostConfig,
    Mount,
    PortBinding,
    RestartPolicy,
    ThrottleDevice,
    Ulimit,
    WeightDevice,
)
from engine.store.containers import ContainerRecord
from engine.store.images import ImageRecord


def container(number: int, **changes: Any) -> ContainerRecord:
    """A container with every kind of field set."""
    record = ContainerRecord(
        id=f"{number:04x}" + "a" * 60,
        name=f"name{number}",
        image="busybox",
        image_id="sha256:" + "1" * 64,
        created_at=1000.5 + number,
        config=ContainerConfig(image="busybox", cmd=("sh", "-c", 'echo "ü"\n'), entrypoint=None, env=("A=b", "C=d=e"), labels={"k": "v"}),
        host_config=HostConfig(
            port_bindings=(PortBinding(container_port=80, host_port=8080),),
            restart_policy=RestartPolicy(name="on-failure", max_retries=3),
            ulimits=(Ulimit(name="nofile", soft=1, hard=2),),
            devices=(Device(path_on_host="/dev/null", path_in_container="/dev/x"),),
            mounts=(Mount(kind="tmpfs", target="/t", options=("size=1m",)),),
            tmpfs={"/run": "size=64k"},
            sysctls={},
            memory_swappiness=0,
            blkio_weight_device=(WeightDevice(path="/dev/a", weight=10),),
            device_write_iops=(ThrottleDevice(path="/dev/a", rate=5),),
        ),
        argv=("sh", "-c", "true"),
        state=ContainerState(status=ContainerStatus.RUNNING, pid=42, started_at=12.25, health="healthy"),
        pid_start=77,
        manually_stopped=True,
        endpoints=(Endpoint(network="bridge", ip_address="10.0.0.2", aliases=("a", "b")),),
        ports=(PortBinding(container_port=80, host_ip="0.0.0.0", host_port=8080),),
        mounts=(
            Mount(kind="volume", source=f"vol{number}", target="/v", path="/p"),
            Mount(kind="bind", source="/s", target="/b", path="/s"),
        ),
    )
    return record.replace(**changes)


def image(number: int, **changes: Any) -> ImageRecord:
    """An image of two layers."""
    record = ImageRecord(
        id=f"sha256:{number:04x}" + "c" * 60,
        manifest_digest=f"sha256:{number:04x}" + "d" * 60,
        created_at=float(number),
        size=123,
        architecture="amd64",
        labels={"a": "b"},
        blobs=(f"sha256:{number:04x}" + "e" * 60,),
        diff_ids=("sha256:" + "1" * 64, "sha256:" + "2" * 64),
        chain_ids=("sha256:" + "1" * 64, "sha256:" + "3" * 64),
    )
    return record.replace(**changes)
