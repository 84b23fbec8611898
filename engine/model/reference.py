"""Image references: the grammar of ``distribution/reference`` with Docker's normalisation.

``ubuntu`` is ``docker.io/library/ubuntu``; what is printed is the familiar form, ``ubuntu`` again. A reference keeps
both tag and digest when both are written; the digest decides what is fetched.
"""

from __future__ import annotations

from functools import cache
from re import ASCII, Pattern
from re import compile as compile_pattern

from engine.errors import InvalidArgument
from engine.model import digest as digests
from engine.model.value import Value

DEFAULT_DOMAIN = "docker.io"
_LEGACY_DOMAIN = "index.docker.io"
_OFFICIAL = "library/"
DEFAULT_TAG = "latest"
_MAX_PATH = 255
_MAX_INPUT = 4096

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_DOMAIN_COMPONENT = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_COMPONENT}(?:\.{_DOMAIN_COMPONENT})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_TAG = r"\w[\w.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_HEX = frozenset("0123456789abcdef")
_SIMPLE_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_SIMPLE_TAG = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


@cache
def _pattern(text: str) -> Pattern[str]:
    return compile_pattern(text, ASCII)


class Reference(Value):
    """A normalised image name. ``tag`` and ``digest`` are ``""`` where none was written.

    Attributes:
        domain: registry host and port, ``docker.io`` by default.
        path: repository, with ``library/`` for Docker's official images.
    """

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Domain and path."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_name(self) -> str:
        """The name as people write it: without ``docker.io/`` and ``library/``."""
        if self.domain != DEFAULT_DOMAIN:
            return self.name
        short = self.path.removeprefix(_OFFICIAL)
        return short if "/" not in short else self.path

    @property
    def canonical(self) -> str:
        """Everything, in full: ``docker.io/library/busybox:latest``."""
        return self.name + self._suffix()

    @property
    def familiar(self) -> str:
        """Everything, as people write it: ``busybox:latest``."""
        return self.familiar_name + self._suffix()

    @property
    def identifier(self) -> str:
        """What a registry is asked for: the digest if there is one, else the tag, else ``latest``."""
        return self.digest or self.tag or DEFAULT_TAG

    @property
    def tagged(self) -> Reference:
        """The same with the tag ``latest`` when it has neither tag nor digest."""
        return self if self.tag or self.digest else self.replace(tag=DEFAULT_TAG)

    @property
    def lookup(self) -> Reference:
        """The same as it is looked up and recorded: a digest makes the tag meaningless (docker's ``ParseDockerRef``)."""
        return self.replace(tag="") if self.digest and self.tag else self.tagged

    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        return self.familiar


def parse(text: str) -> Reference:
    """The reference that ``text`` names; no tag is made up (see :attr:`Reference.tagged`).

    Raises:
        InvalidArgument: with docker's words, such as ``invalid reference format``.
    """
    if simple := _parse_simple(text):
        return simple
    if len(text) > _MAX_INPUT:
        raise InvalidArgument("invalid reference format")
    if len(text) == 64 and _HEX.issuperset(text):
        raise InvalidArgument(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    domain, rest = _split_domain(text)
    found = _pattern(rf"({_PATH})(?::({_TAG}))?(?:@({_DIGEST}))?").fullmatch(rest)
    if found is None or not _pattern(_DOMAIN).fullmatch(domain):
        name = rest.partition("@")[0].partition(":")[0]
        if name.lower() != name:
            raise InvalidArgument(f"invalid reference format: repository name ({name}) must be lowercase")
        raise InvalidArgument("invalid reference format")
    path, tag, digest = found.groups(default="")
    if len(path) > _MAX_PATH:
        raise InvalidArgument(f"repository name must not be longer than {_MAX_PATH} characters")
    return Reference(domain=domain, path=path, tag=tag, digest=digests.check(digest) if digest else "")


def parse_tagged(text: str) -> Reference:
    """:func:`parse` and :attr:`Reference.tagged` at once."""
    return parse(text).tagged


def _parse_simple(text: str) -> Reference | None:
    """``busybox:1.36`` without the patterns, whose compilation takes a fifth of what ``run`` may take."""
    name, colon, tag = text.partition(":")
    if not name or len(name) > 63 or not _SIMPLE_NAME.issuperset(name) or name[0] == "-" or name[-1] == "-":
        return None
    if colon and (not 0 < len(tag) <= 128 or not _SIMPLE_TAG.issuperset(tag) or tag[0] in ".-"):
        return None
    return Reference(domain=DEFAULT_DOMAIN, path=_OFFICIAL + name, tag=tag)


def _split_domain(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    if not slash or not _looks_like_domain(first):
        domain, rest = DEFAULT_DOMAIN, text
    else:
        domain = DEFAULT_DOMAIN if first == _LEGACY_DOMAIN else first
    if domain == DEFAULT_DOMAIN and "/" not in rest:
        rest = _OFFICIAL + rest
    return domain, rest


def _looks_like_domain(first: str) -> bool:
    return first == "localhost" or "." in first or ":" in first or first.lower() != first
