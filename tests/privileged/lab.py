"""Containers for tests of the supervisor: a busybox root file system and records written by hand, without images or registries."""

from __future__ import annotations

import io
import os
import socket
import struct
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from engine.backends.embedded.lifecycle import Lifecycle
from engine.backends.embedded.recovery import sweep
from engine.errors import LongshoreError
from engine.model.containers import ContainerConfig, ContainerState, ContainerStatus, ExecConfig, HostConfig
from engine.model.events import Event
from engine.model.streams import LogLine, LogQuery
from engine.runtime.host import host_facts
from engine.runtime.spec import SpecInputs, build_spec
from engine.spawner import client as spawner
from engine.spawner import wire
from engine.store import codec, events
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database
from engine.store.logs.reader import LogReader
from engine.store.roots import Roots
from engine.supervisor import places
from tests.support.images import busybox_layer
from tests.support.wait import until


class Lab:
    """One engine in a temporary place."""

    def __init__(self, base: Path, layer: str) -> None:
        self.roots = Roots(state=str(base / "state"), run=str(base / "run")).ensure()
        self.database = Database.of(self.roots)
        self.containers = Containers(self.database)
        self.life = Lifecycle(self.roots, self.database)
        self.layer = layer
        self._made = 0

    def make(self, *argv: str, name: str = "", host: HostConfig | None = None, **config: Any) -> str:
        """A container that was created; its id comes back."""
        container_id = os.urandom(32).hex()
        self._made += 1
        settings = ContainerConfig(image="busybox", cmd=argv, **config)
        hosted = host or HostConfig(network_mode="none")
        directory = self.roots.container_dir(container_id)
        for part in ("", "rootfs", "upper", "work"):
            os.makedirs(f"{directory}/{part}", mode=0o755)
        inputs = SpecInputs(
            id=container_id,
            config=settings,
            host=hosted,
            argv=argv,
            rootfs=f"{directory}/rootfs",
            lowers=(self.layer,),
            upper=f"{directory}/upper",
            work=f"{directory}/work",
            facts=host_facts(),
        )
        Path(directory, "config.json").write_text(codec.dumps(build_spec(inputs)))
        record = ContainerRecord(
            id=container_id,
            name=name or f"c{self._made}",
            image="busybox",
            image_id="sha256:" + "0" * 64,
            created_at=time.time(),
            config=settings,
            host_config=hosted,
            argv=argv,
        )
        self.containers.insert(record)
        return container_id

    def run(self, *argv: str, **options: Any) -> str:
        """A container that was started."""
        container_id = self.make(*argv, **options)
        self.life.start(container_id)
        return container_id

    def state(self, container_id: str) -> ContainerState:
        return self.containers.get(container_id).state

    def wait(self, container_id: str, condition: str = "not-running") -> int:
        """The exit code."""
        source = self.life.wait(container_id, condition)
        try:
            found = source.next()
        finally:
            source.close()
        assert found is not None
        return found.exit_code

    def output(self, container_id: str) -> bytes:
        """Everything in its log."""
        source = LogReader(self.roots.log_dir(container_id)).read(LogQuery())
        lines: list[LogLine] = []
        while (batch := source.next()) is not None:
            lines += batch
        source.close()
        return b"".join(line.data for line in lines)

    def says(self, container_id: str, text: bytes) -> None:
        """Wait until it has written ``text``."""
        until(lambda: text in self.output(container_id), what=f"{text!r} in the log")

    def execute(self, container_id: str, *argv: str, **options: Any) -> tuple[int, bytes]:
        """Exit code and output of an exec."""
        session = self.life.exec(container_id, ExecConfig(cmd=argv, **options))
        output = b""
        while (piece := session.read()) is not None:
            output += piece.data
        code = session.exit_code()
        session.close()
        return code, output

    def told(self, container_id: str) -> list[str]:
        """Actions of its events."""
        return [event.action for event in self.events() if event.id == container_id]

    def events(self) -> list[Event]:
        return [event for _, event in events.since(self.database, 0)]

    def supervisor(self, container_id: str) -> int:
        """Pid of its supervisor, which leads the session of whoever listens at its socket, while the lock is held."""
        if not places.alive(self.roots, container_id):
            return 0
        client = wire.connect(places.socket_path(self.roots, container_id))
        if client is None:
            return 0
        with closing(client):
            listener = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        try:
            return os.getsid(listener)
        except ProcessLookupError:
            return 0

    def close(self) -> None:
        spawner.dismiss(self.roots.run)
        for record in self.containers.all():
            try:
                self.life.remove(record.id, force=True, volumes=True)
            except LongshoreError as error:
                print(f"could not remove {record.id}: {error}")
        sweep(self.roots, self.database)
        assert os.listdir(f"{self.roots.run}/containers") == [], "run directories are left"
        self.database.close()
        log = Path(self.roots.run, spawner.LOG)
        assert not log.exists() or "Traceback" not in log.read_text(), log.read_text()


def unpack_busybox(directory: Path) -> str:
    """The layer that every container of a lab stands on."""
    with tarfile.open(fileobj=io.BytesIO(busybox_layer())) as tar:
        tar.extractall(directory)
    return str(directory)


@contextmanager
def laboratory(base: Path, layer: str) -> Iterator[Lab]:
    made = Lab(base, layer)
    try:
        yield made
    finally:
        made.close()


def alive(pid: int) -> bool:
    """There is such a process, and it is no zombie."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


RUNNING, PAUSED, EXITED, CREATED, RESTARTING = (
    ContainerStatus.RUNNING,
    ContainerStatus.PAUSED,
    ContainerStatus.EXITED,
    ContainerStatus.CREATED,
    ContainerStatus.RESTARTING,
)
