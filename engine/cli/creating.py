"""Creating a container, with the pull that ``run`` and ``create`` begin with when the image is missing."""

from __future__ import annotations

import os
from collections.abc import Sequence

from engine.cli.context import Context
from engine.cli.flags import Options, UsageError
from engine.cli.places import networks
from engine.cli.progress import show_progress
from engine.errors import Conflict, InvalidArgument, LongshoreError, NotFound
from engine.model.containers import ContainerConfig, Endpoint, HostConfig


def create(context: Context, config: ContainerConfig, host: HostConfig, options: Options) -> str:
    """Create as ``--pull``, ``--name``, ``--platform`` and ``--cidfile`` say; the container's id comes back."""
    policy, platform = options.text("pull"), options.text("platform")
    if policy not in ("always", "missing", "never"):
        raise UsageError(f'invalid pull option: \'{policy}\': must be one of "always", "missing" or "never"')
    cidfile = options.text("cidfile")
    if cidfile and os.path.exists(cidfile):
        raise Conflict(f"container ID file found, make sure the other container isn't running or delete {cidfile}")
    if policy == "always":
        _pull(context, config.image, platform, quiet=options.on("quiet"))
    containers = context.engine.containers
    try:
        made = context.run(containers.create(config, host, name=options.text("name"), platform=platform))
    except NotFound:
        if policy != "missing" or _present(context, config.image):
            raise
        from engine.model.reference import parse

        print(f"Unable to find image '{parse(config.image).tagged.familiar}' locally", file=context.err, flush=True)
        _pull(context, config.image, platform, quiet=options.on("quiet"))
        made = context.run(containers.create(config, host, name=options.text("name"), platform=platform))
    _connect(context, made.id, networks(options)[1:])
    for warning in made.warnings:
        print(f"WARNING: {warning}", file=context.err)
    if cidfile:
        try:
            with open(cidfile, "x", encoding="ascii") as file:
                file.write(made.id)
        except OSError as error:
            raise InvalidArgument(f"failed to create the container ID file {cidfile}: {error.strerror}") from None
    return made.id


def _connect(context: Context, container: str, places: Sequence[Endpoint]) -> None:
    """Further networks; without one of them the container is not what was asked for, and goes."""
    connect = context.engine.networks.connect
    try:
        for place in places:
            wanted = {"ip": place.requested_ip, "ip6": place.requested_ipv6}
            context.run(connect(place.network, container, **wanted, aliases=place.aliases, options=place.options))
    except LongshoreError:
        context.run(context.engine.containers.remove(container, force=True, volumes=True))
        raise


def _present(context: Context, image: str) -> bool:
    """The image is here, so that something else was not found (a network, a container to share with)."""
    try:
        context.run(context.engine.images.inspect(image))
    except NotFound:
        return False
    return True


def _pull(context: Context, image: str, platform: str, *, quiet: bool) -> None:
    show_progress(context.iterate(context.engine.images.pull(image, platform=platform)), context.err, quiet=quiet)
