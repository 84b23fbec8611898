"""Where ``--web`` listens: this machine only, unless there is a certificate.

The token and the session of a root shell would cross a network in clear text otherwise; ``ssh -L`` brings a loopback port to another
machine without any of that.
"""

from __future__ import annotations

import ipaddress

from engine.errors import InvalidArgument, NotSupported
from engine.model.value import Value

PORT = 8375
DEFAULT = f"127.0.0.1:{PORT}"


class Address(Value):
    """A host to listen on (no name but ``localhost``: a name may mean anything tomorrow) and a port, 0 for a free one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Only this machine reaches it."""
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback

    def url(self, port: int, *, tls: bool) -> str:
        """What a person opens, without a path."""
        host = {"0.0.0.0": "localhost", "::": "localhost"}.get(self.host, self.host)
        return f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else host}:{port}"


def parse(text: str, *, tls: bool) -> Address:
    """``ADDR:PORT``, ``ADDR``, ``:PORT``; IPv6 addresses stand in brackets when a port follows.

    Raises:
        InvalidArgument: that is no such address.
        NotSupported: others would reach it in clear text.
    """
    host, port = _split(text)
    host = host or "127.0.0.1"
    if host != "localhost":
        try:
            host = str(ipaddress.ip_address(host))
        except ValueError:
            raise InvalidArgument(f"--web {text}: {host} is no IP address", hint=f"such as {DEFAULT} or [::1]:{PORT}") from None
    if not port.isdecimal() or int(port) > 65535:
        raise InvalidArgument(f"--web {text}: {port} is no port", hint=f"such as {DEFAULT}")
    address = Address(host=host, port=int(port))
    if not address.loopback and not tls:
        raise NotSupported(
            f"--web {text}: other machines would reach it without encryption, and whoever reads along is root here",
            hint=f"give --web-cert and --web-key, or keep {DEFAULT} and open it from elsewhere through"
            f" ssh -L {PORT}:{DEFAULT} THIS-MACHINE",
        )
    return address


def _split(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":") or str(PORT)
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port or str(PORT)
    return text, str(PORT)
