"""A real sshd on loopback with keys of its own, and an ``ssh`` that has its own configuration as a person's would be.

``ssh`` looks for ``~/.ssh`` in the password file's home, whatever ``HOME`` says. So a script of that name stands first in ``PATH`` and hands
the real one the configuration. What the far side has in its ``PATH`` is for the test to choose: nothing of this machine's is there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support.registry import free_port
from tests.support.wait import until

TOOLS = ("sh", "cat", "id", "env")


class Sshd:
    """A running sshd. ``alias`` is how the configuration of ``ssh`` calls it; ``bin`` is its ``PATH``."""

    alias = "Far-Side"

    def __init__(self, directory: Path, port: int) -> None:
        self.directory, self.port = directory, port
        self.bin = directory / "far-bin"
        self.config = directory / "config"
        self.known_hosts = directory / "known_hosts"
        self.authorized = directory / "authorized_keys"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"ssh://{self.alias}"

    def provide(self, name: str, script: str) -> None:
        """Put a program on the far side."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def configure(self, **more: str) -> None:
        """Write the configuration of ``ssh``, with further settings."""
        settings = {
            "HostName": "127.0.0.1", "Port": str(self.port), "User": "root", "IdentityFile": f"{self.directory}/key",
            "IdentitiesOnly": "yes", "IdentityAgent": "none", "UserKnownHostsFile": str(self.known_hosts), "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes", **more,
        }  # fmt: skip
        self.config.write_text(f"Host {self.alias}\n" + "".join(f"  {name} {value}\n" for name, value in settings.items()))

    def trust(self) -> None:
        """Let the client know the host's key, and the host the client's."""
        key = (self.directory / "host_key.pub").read_text().split()
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {key[0]} {key[1]}\n")
        shutil.copy(self.directory / "key.pub", self.authorized)

    def start(self) -> None:
        """Listen (again)."""
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        log = open(self.directory / "sshd.log", "ab")
        with log:
            self.process = subprocess.Popen(
                ["/usr/sbin/sshd", "-D", "-e", "-f", str(self.directory / "sshd_config")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until(lambda: _listens(self.port), what="sshd")

    def stop(self) -> None:
        """End it together with every connection it has, as a host that goes down."""
        process, self.process = self.process, None
        if process is None:
            return
        below = _descendants(process.pid)
        process.kill()
        process.wait()
        for pid in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def sessions(self) -> int:
        """Processes that serve connections."""
        return len(_descendants(self.process.pid)) if self.process else 0


@contextlib.contextmanager
def running_sshd(directory: Path, environment: Mapping[str, str] | None = None, **settings: str) -> Iterator[Sshd]:
    """Start sshd with further ``settings`` (of ``sshd_config``), and ``environment`` for what it runs."""
    directory.mkdir(parents=True)
    daemon = Sshd(directory, free_port())
    for name in ("host_key", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(directory / name)], check=True)
    daemon.bin.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (daemon.bin / tool).symlink_to(found)
    daemon.authorized.touch()
    daemon.known_hosts.touch()
    far = " ".join(f'"{name}={value}"' for name, value in {"PATH": str(daemon.bin), **(environment or {})}.items())
    lines = {
        "Port": str(daemon.port), "ListenAddress": "127.0.0.1", "HostKey": f"{directory}/host_key", "AuthorizedKeysFile": str(daemon.authorized),
        "StrictModes": "no", "UsePAM": "no", "PermitRootLogin": "yes", "PasswordAuthentication": "no", "KbdInteractiveAuthentication": "no",
        "PidFile": "none", "SetEnv": far, **settings,
    }  # fmt: skip
    (directory / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
    near = directory / "near-bin"
    near.mkdir()
    (near / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {daemon.config} "$@"\n')
    (near / "ssh").chmod(0o755)
    daemon.configure()
    daemon.trust()
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            found += [child, *_descendants(child)]
    return found
