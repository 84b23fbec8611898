"""Sockets that listen: made by us, or handed over by systemd.

A unix socket is the owner's and the group ``docker``'s, mode 0660, as dockerd makes it: who may use it is root. Over TCP anybody is who
has a certificate of our authority. Without one only this machine's own addresses are served, and there no page in a browser is let in.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import ssl
import stat
from typing import NamedTuple

from engine.errors import Conflict, EngineFault, InvalidArgument
from engine.store import faults

_GROUP = "docker"
BACKLOG = 4096
"""Clients that may wait to be accepted. On a unix socket one more is not kept waiting but fails, and asyncio alone would have it 100."""
_FIRST_FD = 3


class Listener(NamedTuple):
    """A socket that listens, and the TLS that is spoken on it, ``None`` for none."""

    socket: socket.socket
    context: ssl.SSLContext | None = None

    @property
    def spelled(self) -> str:
        """Its address, for people."""
        name = self.socket.getsockname()
        return str(name) if self.socket.family == socket.AF_UNIX else f"{name[0]}:{name[1]}"

    @property
    def exposed(self) -> bool:
        """Whoever reaches it is let in: TCP that asks for no certificate, with TLS or without."""
        return self.socket.family != socket.AF_UNIX and not _asks(self.context)


def tcp(address: str, context: ssl.SSLContext | None) -> list[Listener]:
    """Listen on ``host:port``, on every address that the name has; port 0 lets the kernel choose one.

    Raises:
        InvalidArgument: it is malformed, or anybody could come in from elsewhere.
        EngineFault: it is impossible to listen there.
    """
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise InvalidArgument(f"cannot listen on tcp://{address}: it must be HOST:PORT")
    made: list[Listener] = []
    try:
        places = socket.getaddrinfo(host or None, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, place in dict.fromkeys(places):
            refuse_open(str(place[0]), context)
            opened = socket.socket(family, kind, protocol)
            made.append(Listener(opened, context))
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind(place)
            opened.listen(BACKLOG)
    except BaseException as error:
        for listener in made:
            listener.socket.close()
        if isinstance(error, OSError):
            raise faults.from_os(error, f"listen on tcp://{address}") from error
        raise
    return made


def handed_over(context: ssl.SSLContext | None) -> list[Listener]:
    """The sockets that systemd opened for us (sd_listen_fds(3)); none when it did not.

    Raises:
        InvalidArgument: one of them is no listening socket, or anybody could come in through it from elsewhere.
    """
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = os.environ.get("LISTEN_FDS", "")
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)  # what we start is not meant
    found: list[Listener] = []
    for descriptor in range(_FIRST_FD, _FIRST_FD + (int(count) if count.isdecimal() else 0)):
        os.set_inheritable(descriptor, False)
        try:
            given = socket.socket(fileno=descriptor)
            listens = given.type == socket.SOCK_STREAM and given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        except OSError:
            listens = 0
        if not listens:
            raise InvalidArgument(f"file descriptor {descriptor} from systemd is no socket that listens")
        local = given.family == socket.AF_UNIX
        if not local:
            refuse_open(str(given.getsockname()[0]), context)
        found.append(Listener(given, None if local else context))
    return found


def refuse_open(host: str, context: ssl.SSLContext | None) -> None:
    """Who may use the engine is root on this machine: from elsewhere only with a certificate.

    Raises:
        InvalidArgument: it could be reached without.
    """
    if ipaddress.ip_address(host.partition("%")[0]).is_loopback:
        return
    if not _asks(context):
        raise InvalidArgument(
            f"refusing to listen on {host}: whoever reached it would be root here",
            hint="give --tlscacert, --tlscert and --tlskey, so that only clients with a certificate are let in",
        )


def _asks(context: ssl.SSLContext | None) -> bool:
    """Clients have to show a certificate."""
    return context is not None and context.verify_mode == ssl.CERT_REQUIRED


def tls_context(*, authority: str, certificate: str, key: str) -> ssl.SSLContext | None:
    """TLS with our certificate, for clients with a certificate that ``authority`` signed; ``None`` when no file is named.

    Raises:
        InvalidArgument: some are named and others missing, or a file can not be used.
    """
    if not (authority or certificate or key):
        return None
    if not (certificate and key):
        raise InvalidArgument("TLS needs a certificate and its key", hint="give --tlscert and --tlskey too")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
        if authority:
            context.load_verify_locations(cafile=authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise InvalidArgument(f"the certificates can not be used: {error}") from error
    return context


def unix(path: str) -> socket.socket:
    """Listen on a path. What a server that is gone has left there is removed.

    Raises:
        Conflict: somebody else answers there.
        EngineFault: it can not be made.
    """
    if not path.startswith("/"):
        raise InvalidArgument(f"the socket's path must be absolute: {path!r}")
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        _clear(path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            before = os.umask(0o177)
            try:
                listener.bind(path)
            finally:
                os.umask(before)
            _give_to_group(path)
            os.chmod(path, 0o660)
            listener.listen(BACKLOG)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        raise faults.from_os(error, f"listen on {path}") from error
    return listener


def open_way(directory: str) -> None:
    """Let the group through a private directory to the socket in it; what else is there, it can neither list nor open."""
    if gid := _group():
        with contextlib.suppress(OSError):
            os.chown(directory, -1, gid)
            os.chmod(directory, stat.S_IMODE(os.stat(directory).st_mode) | 0o010)  # noqa: S103


def identity(path: str) -> tuple[int, int]:
    """What tells a socket's file from another of the same name; (0, 0) when there is none."""
    with contextlib.suppress(OSError):
        found = os.stat(path)
        return found.st_dev, found.st_ino
    return 0, 0


def remove(path: str, known: tuple[int, int]) -> None:
    """Take a socket's file away, unless it is somebody else's by now."""
    if identity(path) == known:
        with contextlib.suppress(OSError):
            os.unlink(path)


def _clear(path: str) -> None:
    try:
        kind = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise EngineFault(f"cannot listen on {path}: there is something that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            return
        except OSError:
            pass
    raise Conflict(f"cannot listen on {path}: another process serves there", hint="end it first, or choose another path with -H")


def _give_to_group(path: str) -> None:
    if gid := _group():
        with contextlib.suppress(PermissionError):
            os.chown(path, -1, gid)


def _group() -> int:
    """The group that may use the engine, 0 when the host has none such, or may not name it."""
    import grp

    try:
        return grp.getgrnam(_GROUP).gr_gid
    except KeyError:
        return 0
