"""``longshore system dial-stdio``: joins standard input and output to the engine's API, which is how it is reached through ssh.

A connection is one process here, but exec and attach take several connections, so that these must share one server: that of
``longshore serve`` where it runs, else one that the first process starts on a socket of its own and that leaves when nobody has been
connected for a while. Standard input's end is handed on as a half-close, as ``docker system dial-stdio`` does it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.errors import NotSupported, Unavailable

if TYPE_CHECKING:
    import socket

SPEC = Spec(usage="", summary="Proxy the stdio stream to the engine's API. Should not be invoked manually")
LINGER = "60s"
_CHUNK = 64 * 1024
_PATIENCE = 30.0


def run(context: Context, options: Options) -> int:
    peer = _own(context) if context.embedded else _other(context.options.host)
    with peer:
        _join(peer)
    return 0


def _other(host: str) -> socket.socket:
    from engine.hosts.names import address_of

    address = address_of(host)
    if address.scheme != "unix":
        raise NotSupported(f"dial-stdio joins to sockets of this machine, not to {address.url}", hint="name that host where you are")
    return _dial(address.path)


def _own(context: Context) -> socket.socket:
    from engine.store.roots import resolve

    given = context.options
    run_root = resolve(given.root).run
    for name in ("docker.sock", "dial.sock"):
        try:
            return _dial(f"{run_root}/{name}")
        except Unavailable:
            continue
    from engine.store.locks import Lock

    resolve(given.root).ensure()
    with Lock(f"{run_root}/dial.lock"):
        try:
            return _dial(f"{run_root}/dial.sock")  # somebody was faster
        except Unavailable:
            return _started(context, run_root)


def _started(context: Context, run_root: str) -> socket.socket:
    import subprocess
    import time

    given, path = context.options, f"{run_root}/dial.sock"
    words = [f"--{name}={value}" for name, value in (("root", given.root), ("config", given.config)) if value]
    argv = [sys.executable, "-m", "engine.cli", "--host=embedded", *words, "serve", "-H", f"unix://{path}", "--idle-timeout", LINGER]
    with open(f"{run_root}/dial.log", "wb") as log:
        server = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/")
    deadline = time.monotonic() + _PATIENCE
    while server.poll() is None and time.monotonic() < deadline:
        try:
            return _dial(path)
        except Unavailable:
            time.sleep(0.02)
    with open(f"{run_root}/dial.log", encoding="utf-8", errors="replace") as text:
        said = text.read(4096).strip().removeprefix("Error: ")
    raise Unavailable(f"the engine's API server does not start: {said or 'no answer'}")


def _dial(path: str) -> socket.socket:
    import socket

    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        peer.connect(path)
    except OSError as error:
        peer.close()
        raise Unavailable(f"cannot connect to the engine at unix://{path}: {error.strerror}") from error
    return peer


def _join(peer: socket.socket) -> None:
    """Both directions, until the engine has said everything or nobody listens any more."""
    import socket
    import threading

    def up() -> None:
        try:
            while data := os.read(0, _CHUNK):
                peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the engine has closed, and the other direction says so

    threading.Thread(target=up, daemon=True).start()
    try:
        while data := peer.recv(_CHUNK):
            view = memoryview(data)
            while view:
                view = view[os.write(1, view) :]
    except OSError:
        pass
