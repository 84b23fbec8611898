"""What is said to ssh, and what its answers mean. Values in, values out: nothing here runs anything.

Nothing that a person typed can become an option: user, port and host are checked when the address is read
(:mod:`engine.backends.docker.addresses`), user and port follow the options they belong to, and the host stands after ``--``.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from engine.backends.docker.addresses import Address
from engine.errors import Unavailable
from engine.model.value import Value

READY = "longshore-ready"
LOCAL_USER_OPTIONS = ("-o", "BatchMode=yes")
"""Never ask for a password or whether a key is right: the terminal belongs to somebody else."""

_PROBE = (
    'r="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"; '
    'has() { command -v "$1" >/dev/null 2>&1; }; '
    'sock() { if [ -S "$1" ]; then echo "socket $1"; fi; }; '
    "if has docker; then "
    'h="$(docker context inspect --format "{{.Endpoints.docker.Host}}" 2>/dev/null)"; '
    'case "$h" in unix://*) sock "${h#unix://}";; esac; echo "program docker"; '
    'else sock /var/run/docker.sock; sock "$r/docker.sock"; fi; '
    'if [ "$(id -u)" = 0 ]; then sock /run/podman/podman.sock; else sock "$r/podman/podman.sock"; fi; '
    'has podman && echo "program podman"; '
    'if [ "$(id -u)" = 0 ]; then sock /run/longshore/docker.sock; else sock "$r/longshore/docker.sock"; fi; '
    'has longshore && echo "program longshore"; '
    f"echo {READY}; exec cat >/dev/null"
)
"""One line of POSIX sh: engines' sockets and programs in the order in which they are tried. It then waits for the end of its input, and
with it for the end of us. There is no quote and no exclamation mark in it, so that any login shell hands it on as it is."""


class Route(Value):
    """A way from the far side's ssh daemon to an engine: a socket there, or else a program that is joined to one."""

    socket: str = ""
    program: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How it is called in errors."""
        return self.socket or " ".join(self.program)


def destination(address: Address) -> list[str]:
    """User, port and host; what follows is the remote command."""
    argv = ["-l", address.user] if address.user else []
    argv += ["-p", str(address.port)] if address.port else []
    return [*argv, "--", address.host]


def options(settings: Mapping[str, str]) -> list[str]:
    """Options where the person's configuration (``ssh -G``) says nothing: how long to try, and to notice when the host is gone."""
    found = list(LOCAL_USER_OPTIONS)
    if settings.get("connecttimeout", "none") in ("none", "0"):
        found += ["-o", "ConnectTimeout=30"]
    if settings.get("serveraliveinterval", "0") == "0":
        found += ["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3"]
    return found


def shares_connections(settings: Mapping[str, str]) -> bool:
    """The person's own configuration lets sessions share a connection, which may have been opened with more than a key."""
    return settings.get("controlmaster", "false") not in ("false", "no") and settings.get("controlpath", "none") != "none"


def parse_settings(output: str) -> dict[str, str]:
    """``ssh -G``: a keyword and its value a line, the first one counts."""
    found: dict[str, str] = {}
    for line in output.splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword.lower(), value)
    return found


def probe_command() -> str:
    """What looks for engines on the far side; :data:`READY` is its last line, and then it waits."""
    return shlex.join(["sh", "-c", _PROBE])


def dial_command(program: Sequence[str]) -> str:
    """The remote command of one connection, quoted for the remote shell."""
    return shlex.join([*program, "system", "dial-stdio"])


def routes(address: Address, lines: Sequence[str]) -> list[Route]:
    """What to try, in order.

    Args:
        lines: the probe's; none where the far side has no sh or gives us docker whatever we ask for.
    """
    if address.path:
        return [Route(socket=address.path), Route(program=("docker", "--host", f"unix://{address.path}"))]
    found: list[Route] = []
    for line in lines:
        kind, _, what = line.partition(" ")
        if kind == "socket" and what.startswith("/") and what.isprintable():
            found.append(Route(socket=what))
        elif kind == "program" and what in ("docker", "podman", "longshore"):
            found.append(Route(program=(what,)))
    return found or [Route(program=("docker",))]


def failure(address: Address, said: str) -> Unavailable:
    """ssh itself failed: its words, and what to do about them."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("@@@")]
    text = "\n".join(lines)
    place = f"ssh {shlex.join(destination(address)).replace('-- ', '')}"
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in text or "POSSIBLE DNS SPOOFING" in text:
        return _unavailable(
            address,
            "the host's key is not the one that ssh knows",
            f"find out why, then `ssh-keygen -R {address.host}` forgets the old one",
        )
    if "Host key verification failed" in text:
        return _unavailable(address, "ssh does not know the host's key", f"`{place}` shows its fingerprint and asks whether it is right")
    if "Permission denied" in text:
        denied = next(line for line in lines if "Permission denied" in line)
        return _unavailable(
            address, f"ssh: {denied}", f"`{place}` must work without a password: a key in ssh-agent, or an IdentityFile in ~/.ssh/config"
        )
    return _unavailable(
        address, f"ssh: {lines[-1].removeprefix('ssh: ')}" if lines else "ssh ended without a word", f"does `{place}` work?"
    )


def nobody(address: Address, tried: Mapping[str, str]) -> Unavailable:
    """ssh works, and no engine answers: what each way there said."""
    if list(tried) == ["docker"] and "not found" in tried["docker"]:
        tried = {"docker": "it is not installed there, and neither is podman nor longshore"}
    said = "; ".join(f"{name}: {reason or 'no answer'}" for name, reason in tried.items())
    return _unavailable(
        address, f"ssh works, and no engine answers: {said}", "is an engine running there, and may the user use its socket?"
    )


def _unavailable(address: Address, reason: str, hint: str) -> Unavailable:
    return Unavailable(f"cannot connect to the Docker daemon at {address.url}: {reason}", hint=hint)
