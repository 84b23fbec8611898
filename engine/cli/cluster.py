"""What the verbs of ``swarm`` share."""

from __future__ import annotations

from engine.cli.authorities import EXTERNAL, external
from engine.cli.context import Context
from engine.cli.flags import Flag, Options
from engine.cli.service_options import seconds
from engine.errors import InvalidArgument
from engine.model.swarm import ClusterChange

SETTINGS: tuple[Flag, ...] = (
    Flag(name="autolock", help="Manager autolocking: a stopped manager needs the unlock key to start again (true|false)"),
    Flag(name="cert-expiry", kind="duration", help="Validity period for node certificates (ns|us|ms|s|m|h)"),
    Flag(name="dispatcher-heartbeat", kind="duration", help="Dispatcher heartbeat period (ns|us|ms|s|m|h)"),
    EXTERNAL,
    Flag(name="max-snapshots", kind="int", help="Number of additional Raft snapshots to retain"),
    Flag(name="snapshot-interval", kind="int", help="Number of log entries between Raft snapshots"),
    Flag(name="task-history-limit", kind="int", help="Task history retention limit"),
)
"""The flags that ``swarm init`` and ``swarm update`` share."""


def changed(options: Options) -> ClusterChange:
    """The settings on the command line.

    Raises:
        FlagError: a duration is malformed.
    """
    return ClusterChange(
        autolock=options.on("autolock") if options.has("autolock") else None,
        task_history=options.number("task-history-limit"),
        heartbeat=seconds(options, "dispatcher-heartbeat"),
        certificate_expiry=seconds(options, "cert-expiry"),
        max_snapshots=options.number("max-snapshots"),
        snapshot_interval=options.number("snapshot-interval"),
        external=external(options),
    )


def availability(options: Options) -> str:
    """``--availability``, ``""`` where it is not given.

    Raises:
        InvalidArgument: docker's words.
    """
    word = options.text("availability").lower() if options.has("availability") else ""
    if word not in ("", "active", "pause", "drain"):
        raise InvalidArgument(f'invalid availability "{options.text("availability")}", only active, pause and drain are supported')
    return word


def listen_address(text: str) -> str:
    """``--listen-addr`` with the port that is usual for swarms."""
    if text.startswith(":"):
        return f"0.0.0.0{text}"
    host, colon, port = text.rpartition(":")
    bare = not colon or text.endswith("]") or (host.count(":") and not host.startswith("["))
    return f"{text}:2377" if bare else f"{host}:{port or 2377}"


def join_command(context: Context, node: str, role: str) -> str:
    """What to type on another machine, in docker's words: Docker is what runs there. ``""`` where this node is no manager."""
    swarm = context.engine.swarm
    address = context.run(swarm.nodes.inspect(node)).manager_address
    cluster = context.run(swarm.inspect())
    token = cluster.worker_token if role == "worker" else cluster.manager_token
    if not address:
        return ""
    return f"To add a {role} to this swarm, run the following command:\n\n    docker swarm join --token {token} {address}\n\n"


def unlock_words(key: str) -> str:
    """Docker's words about an unlock key, without the last newline."""
    return (
        "To unlock a swarm manager after it restarts, run the `docker swarm unlock`\n"
        f"command and provide the following key:\n\n    {key}\n\n"
        "Remember to store this key in a password manager, since without it you\nwill not be able to restart the manager."
    )
