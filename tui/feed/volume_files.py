"""The files of a volume that no container uses.

An engine shows files of containers only, and a volume's where one has it. So one is made that has it, is never started, and is
removed when the browser is closed. That works on every engine alike, and the engine's own rules keep the browser inside: a link
in the volume leads at most to a file of the image, never to one of the host.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence

from engine.errors import InvalidArgument, LongshoreError
from engine.interface import Engine
from engine.model.containers import ContainerConfig, HostConfig, Mount
from engine.model.images import Image
from engine.model.volumes import Volume
from tui.feed.files import ContainerFiles
from tui.words import tr

WHERE = "/longshore-volume"
"""The mount point: one that no image has, whose files an engine would copy into an empty volume."""
LABEL = "longshore.files-of-volume"
"""On the container, so that it is known what it was for if Longshore was killed meanwhile."""


async def _nothing() -> AsyncGenerator[bytes, None]:
    """An archive without members."""
    yield bytes(10240)


@contextlib.asynccontextmanager
async def opened(engine: Engine, volume: Volume, images: Sequence[Image]) -> AsyncGenerator[ContainerFiles, None]:
    """The files of a volume, through a container of one of ``images`` that is there as long.

    Raises:
        InvalidArgument: no image is there on the volume's host.
        LongshoreError: the engine does not make such a container.
    """
    there = sorted((image for image in images if image.host == volume.host), key=lambda image: image.size)
    if not there:
        raise InvalidArgument(
            tr("an engine shows a volume's files through a container, and there is no image to make one of: pull any, such as busybox")
        )
    config = ContainerConfig(image=there[0].id, entrypoint=(), cmd=("never-started",), labels={LABEL: volume.name})
    mount = Mount(kind="volume", source=volume.name, target=WHERE, options=("nocopy",))
    made = await engine.containers.create(config, HostConfig(mounts=(mount,), network_mode="none"))
    try:
        await engine.containers.put_archive(made.id, "/", _nothing())  # our engine makes the mount point when something is first written
        yield ContainerFiles(engine, made.id, WHERE)
    finally:
        with contextlib.suppress(LongshoreError):  # somebody removed it
            await engine.containers.remove(made.id, force=True)
