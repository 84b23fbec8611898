"""What runs: the person's configuration laid over the image's. Pure functions.

Source: moby ``daemon/commit.go`` (``merge``) and ``daemon/create.go``.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.errors import InvalidArgument
from engine.model.containers import ContainerConfig
from engine.model.images import ImageConfig


def merge(config: ContainerConfig, image: ImageConfig) -> ContainerConfig:
    """``config`` with what it leaves open taken from ``image``."""
    entrypoint, cmd = config.entrypoint, config.cmd
    if entrypoint is None:  # an entrypoint of the person's own makes the image's arguments meaningless
        entrypoint = image.entrypoint
        cmd = image.cmd if cmd is None else cmd
    elif not entrypoint:
        cmd = image.cmd if cmd is None else cmd
    if entrypoint == ("",):
        entrypoint = None
    return config.replace(
        cmd=cmd,
        entrypoint=entrypoint or None,
        env=merge_env(image.env, config.env),
        user=config.user or image.user,
        working_dir=config.working_dir or image.working_dir,
        labels={**image.labels, **config.labels},
        exposed_ports=tuple(sorted({*map(_port, image.exposed_ports), *map(_port, config.exposed_ports)})),
        volumes=tuple(dict.fromkeys((*image.volumes, *config.volumes))),
        stop_signal=config.stop_signal or image.stop_signal,
        healthcheck=image.healthcheck if config.healthcheck is None else config.healthcheck.over(image.healthcheck),
        shell=config.shell or image.shell,
    )


def argv(config: ContainerConfig) -> tuple[str, ...]:
    """Entrypoint and arguments of a merged configuration.

    Raises:
        InvalidArgument: there is nothing to run, in docker's words.
    """
    found = (*(config.entrypoint or ()), *(config.cmd or ()))
    if not found:
        raise InvalidArgument("No command specified")
    return found


def merge_env(*sources: Iterable[str]) -> tuple[str, ...]:
    """Environments laid over each other: the last value of a name wins, at its first place. A name without ``=`` stays so:
    the runtime takes it for a removal.
    """
    found: dict[str, str] = {}
    for source in sources:
        for entry in source:
            found[entry.partition("=")[0]] = entry
    return tuple(found.values())


def _port(text: str) -> str:
    return text if "/" in text else f"{text}/tcp"
