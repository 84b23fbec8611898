"""One platform of an image. Docker hosts can be asked for it since API 1.48 to 1.50; an older one would take no notice, and is not asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable

import pytest

from engine.errors import NotFound, NotSupported
from tests.contract.lab import Lab

MISSING = r"image with reference .*multi:latest was found but (does not provide|its platform .* does not match) the specified platform \(linux/arm64\)"


@pytest.fixture
async def multi(lab: Lab) -> AsyncGenerator[str, None]:
    """An image whose index has two platforms, pulled for this machine alone."""
    name = f"{lab.host}/multi:latest"
    async for _ in lab.engine.images.pull(name, platform="linux/amd64"):
        pass
    yield name
    await lab.engine.images.remove(name, force=True)


async def asked(lab: Lab, since: tuple[int, int], call: Awaitable[object]) -> bool:
    """The engine understands ``call``; else it is refused before the host is asked."""
    version = (await lab.engine.system.version()).api_version
    if tuple(map(int, version.split("."))) >= since:
        await call
        return True
    with pytest.raises(NotSupported, match=rf'"platform" requires API version {since[0]}\.{since[1]}'):
        await call
    return False


async def test_inspect(lab: Lab, multi: str) -> None:
    images = lab.engine.images
    if await asked(lab, (1, 49), images.inspect(multi, platform="linux/amd64")):
        assert (await images.inspect(multi, platform="linux/amd64")).architecture == "amd64"
        with pytest.raises(NotFound, match=MISSING):
            await images.inspect(multi, platform="linux/arm64")


async def test_manifests(lab: Lab, multi: str) -> None:
    images = lab.engine.images
    version = (await lab.engine.system.version()).api_version
    if tuple(map(int, version.split("."))) < (1, 48):
        with pytest.raises(NotSupported, match=r'"manifests" requires API version 1\.48'):
            await images.manifests(multi)
        return
    for found in await images.manifests(multi):  # none of a docker whose store knows one platform of an image
        assert found.kind == "image" and found.digest.startswith("sha256:") and found.size > 0
        assert found.platform is not None and found.platform.os == "linux"
        assert found.available == (found.platform.architecture == "amd64")
    with pytest.raises(NotFound, match="No such image"):
        await images.manifests("nothing:like-it")


async def test_history(lab: Lab, multi: str) -> None:
    images = lab.engine.images
    if await asked(lab, (1, 48), images.history(multi, platform="linux/amd64")):
        assert await images.history(multi, platform="linux/amd64") == await images.history(multi)
        with pytest.raises(NotFound, match=MISSING):
            await images.history(multi, platform="linux/arm64")


async def test_remove(lab: Lab, multi: str) -> None:
    images = lab.engine.images
    if await asked(lab, (1, 50), images.remove(multi, force=True, platforms=("linux/amd64",))):
        with pytest.raises(NotFound, match="No such image"):
            await images.inspect(multi)
        async for _ in images.pull(multi):
            pass
        with pytest.raises(NotFound, match=MISSING):
            await images.remove(multi, force=True, platforms=("linux/arm64",))
        assert (await images.inspect(multi)).architecture == "amd64"


async def test_load(lab: Lab, multi: str) -> None:
    images = lab.engine.images
    archive = b"".join([piece async for piece in images.save((multi,))])

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield archive

    if await asked(lab, (1, 48), images.load(pieces(), platform="linux/amd64")):
        assert [one.reference for one in await images.load(pieces(), platform="linux/amd64")] == [multi]
        with pytest.raises(NotFound, match=r"no images providing the requested platform\(s\) found: \[linux/arm64\]"):
            await images.load(pieces(), platform="linux/arm64")
