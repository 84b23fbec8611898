"""Which base URLs are asked for a repository, in order: mirrors first, the registry itself last.

A mirror may be anybody's: it never sees the registry's credentials. Only loopback and registries that are configured
as insecure may be spoken to without TLS.
"""

from __future__ import annotations

from engine.model.reference import DEFAULT_DOMAIN
from engine.model.value import Value
from engine.registry.settings import Settings

HUB_HOST = "registry-1.docker.io"
HUB_CREDENTIALS_KEY = "https://index.docker.io/v1/"


class Endpoint(Value):
    """One place to ask.

    Attributes:
        urls: base URLs to try, the first that speaks at all is kept; more than one only where plain HTTP is allowed.
        insecure: certificates are not verified.
        mirror: not the registry itself; asked without credentials, and any failure moves on to the next endpoint.
    """

    urls: tuple[str, ...]
    insecure: bool = False
    mirror: bool = False


def loopback(host: str) -> bool:
    """``host`` (without port) is this machine by its name or literal address."""
    if host in ("localhost", "::1"):
        return True
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part.isdigit() and int(part) < 256 for part in parts)


def host_of(domain: str) -> str:
    """Host name without port and brackets."""
    if domain.startswith("["):
        return domain[1:].partition("]")[0]
    return domain.partition(":")[0]


def endpoints(settings: Settings, domain: str) -> tuple[Endpoint, ...]:
    """The places to ask for images of ``domain``."""
    mirrors = tuple(_mirror(settings, url) for url in settings.registry(domain).mirrors)
    return (*mirrors, registry(settings, domain))


def registry(settings: Settings, domain: str) -> Endpoint:
    """The registry ``domain`` itself, which alone is written to and shown credentials."""
    host = HUB_HOST if domain == DEFAULT_DOMAIN else domain
    if loopback(host_of(domain)):
        # Nearly every registry on loopback is a plain one, and a TLS server tells at once that it is none.
        return Endpoint(urls=(f"http://{host}", f"https://{host}"), insecure=True)
    if settings.registry(domain).insecure:
        return Endpoint(urls=(f"https://{host}", f"http://{host}"), insecure=True)
    return Endpoint(urls=(f"https://{host}",))


def _mirror(settings: Settings, url: str) -> Endpoint:
    host = url.partition("://")[2].partition("/")[0]
    insecure = loopback(host_of(host)) or settings.registry(host).insecure
    return Endpoint(urls=(url,), insecure=insecure, mirror=True)
