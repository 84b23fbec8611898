"""``ssh://``: a private unix socket on this side, ``docker system dial-stdio`` on the other.

::

    httpx, hijack ── unix socket (0700 directory) ── Relay ── stdio of ssh ── docker system dial-stdio ── docker.sock

Every accepted connection gets an ssh process of its own, as docker's client does it (docker/cli, connhelper). Half-closing
passes through, so that the end of standard input reaches the container.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile

from engine.backends.docker.addresses import Address
from engine.errors import Unavailable

_CHUNK = 64 * 1024


class Relay:
    """Listens on :attr:`path` until :meth:`close`."""

    def __init__(self, address: Address, directory: str) -> None:
        self.path = os.path.join(directory, "docker.sock")
        self._command = command(address)
        self._directory = directory
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def start(cls, address: Address) -> Relay:
        """Listen.

        Raises:
            Unavailable: there is no ssh on this machine.
        """
        if not shutil.which("ssh"):
            raise Unavailable(f"cannot connect to the Docker daemon at {address.url}: ssh is not installed")
        relay = cls(address, tempfile.mkdtemp(prefix="longshore-ssh-"))
        relay._server = await asyncio.start_unix_server(relay._accept, relay.path)
        return relay

    async def close(self) -> None:
        """Stop listening, end the ssh processes, remove the socket."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        process = None
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True
            )
            assert process.stdin is not None and process.stdout is not None
            up = asyncio.create_task(_copy(reader, process.stdin, eof=True))
            try:
                await _copy(process.stdout, writer, eof=False)
            finally:
                up.cancel()
                await asyncio.gather(up, return_exceptions=True)
        except OSError:
            pass  # the peer sees the connection close, and says so
        finally:
            writer.close()
            if process is not None:
                await _end(process)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, eof: bool) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(_CHUNK):
            target.write(chunk)
            await target.drain()
        if eof and target.can_write_eof():
            target.write_eof()


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def command(address: Address) -> list[str]:
    """The ssh command for one connection (docker/cli, connhelper/ssh). The remote command is quoted for the remote shell."""
    import shlex

    argv = ["ssh", "-o", "ConnectTimeout=30", "-T"]
    if address.user:
        argv += ["-l", address.user]
    if address.port:
        argv += ["-p", str(address.port)]
    remote = ["docker"]
    if address.path:
        remote += ["--host", f"unix://{address.path}"]
    return [*argv, "--", address.host, shlex.join([*remote, "system", "dial-stdio"])]
