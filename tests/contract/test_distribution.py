"""What a registry has under a name, asked through the engine."""

from __future__ import annotations

import pytest

from engine.errors import InvalidArgument, LongshoreError, NotSupported
from tests.contract.lab import Lab


async def test_what_a_registry_has(lab: Lab) -> None:
    try:
        found = await lab.engine.images.distribution(lab.image)
    except NotSupported as error:
        assert "Podman" in error.message
        return
    (named,) = [image for image in await lab.engine.images.list() if lab.image in image.tags]
    assert found.digest in {digest.rpartition("@")[2] for digest in named.digests}
    assert found.media_type == "application/vnd.docker.distribution.manifest.v2+json" and found.size > 300
    assert [str(platform) for platform in found.platforms] == ["linux/amd64"]
    several = await lab.engine.images.distribution(f"{lab.host}/multi")
    assert sorted(map(str, several.platforms)) == ["linux/amd64", "linux/arm64"] and "list" in several.media_type
    by_digest = await lab.engine.images.distribution(f"{lab.host}/multi@{several.digest}")
    assert by_digest == several
    assert not [image for image in await lab.engine.images.list() if any("/multi" in tag for tag in image.tags)], "nothing is brought here"
    with pytest.raises(LongshoreError):
        await lab.engine.images.distribution(f"{lab.host}/no/such:1")
    with pytest.raises(InvalidArgument):
        await lab.engine.images.distribution("NOT/A/NAME")
