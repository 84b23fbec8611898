"""Images as mounts. Docker has them since 28 (API 1.48); an older one says that it does not know them."""

from __future__ import annotations

import pytest

from engine.errors import Conflict, InvalidArgument, LongshoreError, NotFound
from engine.model.containers import Mount
from tests.contract.lab import Lab, sh


@pytest.fixture
async def tiny(lab: Lab) -> str:
    """An image of one layer with the file ``one.txt``, pulled."""
    name = f"{lab.host}/tiny:one"
    async for _ in lab.engine.images.pull(name):
        pass
    return name


def image(source: str, target: str, subpath: str = "") -> Mount:
    return Mount(kind="image", source=source, target=target, subpath=subpath)


async def knows(lab: Lab, tiny: str) -> bool:
    """The engine has such mounts. One that has not must say so, in words that a person understands."""
    version = (await lab.engine.system.version()).api_version
    if tuple(map(int, version.split("."))) >= (1, 48):
        return True
    with pytest.raises(InvalidArgument, match='invalid mount config for type "image": mount type unknown'):
        await lab.create("true", mounts=(image(tiny, "/i"),))
    return False


async def test_files_of_an_image_are_there_and_read_only(lab: Lab, tiny: str) -> None:
    if not await knows(lab, tiny):
        return
    look = "cat /whole/one.txt /app/data/seed /file; touch /whole/new; rm /app/data/seed; echo x >/file"
    mounts = (image(tiny, "/whole"), image(lab.app, "/app"), image(lab.app, "/file", "data/seed"))
    done = await lab.run(*sh(look), mounts=mounts)
    assert (done.code, done.out) == (1, b"one" * 100 + b"seed\nseed\n")
    assert done.err.lower().count(b"read-only file system") == 3


async def test_shown_restarted_and_lent(lab: Lab, tiny: str) -> None:
    if not await knows(lab, tiny):
        return
    container = await lab.sleeper(mounts=(image(tiny, "/i"), image(lab.app, "/seed", "data/seed")))
    details = await lab.inspect(container)
    shown = {mount.target: (mount.kind, mount.source, mount.read_only) for mount in details.container.mounts}
    assert shown == {"/i": ("image", tiny, True), "/seed": ("image", lab.app, True)}
    asked = {(mount.kind, mount.source, mount.target, mount.subpath) for mount in details.host_config.mounts}
    assert asked == {("image", tiny, "/i", ""), ("image", lab.app, "/seed", "data/seed")}
    await lab.engine.containers.restart(container, timeout=0)
    assert (await lab.exec(container, "cat", "/i/one.txt", "/seed")).out == b"one" * 100 + b"seed\n"
    assert (await lab.run("cat", "/i/one.txt", "/seed", volumes_from=(container,))).out == b"one" * 100 + b"seed\n"


async def test_an_image_stays_while_a_container_mounts_it(lab: Lab, tiny: str) -> None:
    if not await knows(lab, tiny):
        return
    container = await lab.sleeper(mounts=(image(tiny, "/i"),))
    with pytest.raises(Conflict, match=f"container {container[:12]} is using its referenced image"):
        await lab.engine.images.remove(tiny)
    await lab.engine.containers.stop(container, timeout=0)
    await lab.engine.images.remove(tiny, force=True)
    await lab.engine.containers.start(container)
    assert (await lab.exec(container, "cat", "/i/one.txt")).out == b"one" * 100
    await lab.engine.containers.remove(container, force=True)


async def test_what_can_not_be_mounted(lab: Lab, tiny: str) -> None:
    if not await knows(lab, tiny):
        return
    with pytest.raises(NotFound, match="No such image: nothing"):
        await lab.create("true", mounts=(image("nothing:like-it", "/i"),))
    with pytest.raises(InvalidArgument, match="field Source must not be empty"):
        await lab.create("true", mounts=(image("", "/i"),))
    for subpath in ("../up", "/one.txt", "a/../../b"):
        with pytest.raises(InvalidArgument, match="subpath must be a relative path within the volume"):
            await lab.create("true", mounts=(image(tiny, "/i", subpath),))
    with pytest.raises(LongshoreError, match="missing"):
        await lab.start("true", mounts=(image(tiny, "/i", "missing"),))
