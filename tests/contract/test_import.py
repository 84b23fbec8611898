"""Images out of root file systems."""

from __future__ import annotations

import gzip
import json
import re

import pytest

from engine.errors import LongshoreError
from tests.contract.lab import Lab, sh
from tests.contract.test_archives import sliced
from tests.contract.test_images import tags
from tests.support import images

CHANGES = (
    'CMD ["/bin/sh", "-c", "echo $COLOR; pwd; id -u"]',
    'ENV COLOR=red SIZE="very big" PATH=/bin',
    "ENV OLD the old form",
    "USER nobody",
    "WORKDIR /tmp",
    "WORKDIR sub",
    "LABEL a=b \"c d\"='e f'",
    "EXPOSE 80 53/udp 8000-8001",
    "VOLUME /data /more",
    'VOLUME ["/json"]',
    "ONBUILD RUN echo hi",
    "HEALTHCHECK --interval=30s --retries=2 CMD true && true",
)


async def test_an_image_of_one_layer(images_lab: Lab) -> None:
    lab = images_lab
    made = await lab.engine.images.import_(sliced(images.busybox_layer()), reference="imported/box")
    assert re.fullmatch("sha256:[0-9a-f]{64}", made)
    found = await lab.engine.images.inspect("imported/box:latest")
    assert found.image.id == made and len(found.layers) == 1 and found.layers[0] == images.digest(images.busybox_layer())
    assert (found.os, found.architecture) == ("linux", "amd64") and found.config.cmd is None
    history = await lab.engine.images.history(made)
    assert [step.comment for step in history] == ["Imported from -"] and history[0].size == found.image.size > 0
    assert (await lab.run("/bin/busybox", "echo", "alive", image="imported/box")).out == b"alive\n"
    with pytest.raises(LongshoreError, match=r"(?i)no command specified"):
        await lab.create(image="imported/box")


async def test_changes(images_lab: Lab) -> None:
    lab = images_lab
    made = await lab.engine.images.import_(
        sliced(gzip.compress(images.busybox_layer(), 1)), reference="imported:v2", changes=CHANGES, message="by hand"
    )
    found = await lab.engine.images.inspect("imported:v2")
    config = found.config
    assert found.image.id == made and (await lab.engine.images.history(made))[0].comment == "by hand"
    assert config.env == ("COLOR=red", "SIZE=very big", "PATH=/bin", "OLD=the old form")
    assert (config.user, config.working_dir) == ("nobody", "/tmp/sub")
    assert dict(config.labels) == {"a": "b", "c d": "e f"}
    assert config.exposed_ports == ("53/udp", "80/tcp", "8000/tcp", "8001/tcp") and config.volumes == ("/data", "/json", "/more")
    raw = json.loads(found.raw)["Config"]
    assert raw["OnBuild"] == ["RUN echo hi"]
    assert raw["Healthcheck"] == {"Test": ["CMD-SHELL", "true && true"], "Interval": 30_000_000_000, "Retries": 2}
    done = await lab.run(*sh("echo $COLOR; pwd; id -u"), image="imported:v2")
    assert done.out == b"red\n/tmp/sub\n65534\n"


async def test_without_a_name(images_lab: Lab) -> None:
    lab = images_lab
    made = await lab.engine.images.import_(sliced(images.tar_of([("x", b"y", 0o644)])), changes=["CMD run me", "ENTRYPOINT first"])
    found = await lab.engine.images.inspect(made)
    assert found.image.tags == ()
    assert (found.config.cmd, found.config.entrypoint) == (("/bin/sh", "-c", "run me"), ("/bin/sh", "-c", "first"))


async def test_a_name_moves(images_lab: Lab) -> None:
    lab = images_lab
    made = [await lab.engine.images.import_(sliced(images.tar_of([(name, b"", 0o644)])), reference="moving") for name in ("a", "b")]
    assert (await lab.engine.images.inspect("moving")).image.id == made[1] != made[0]
    assert made[0] in [image.id for image in await lab.engine.images.list(filters={"dangling": ("true",)})]


@pytest.mark.parametrize(
    "change",
    ["FROM busybox", "RUN true", "NONSENSE x", "ENV", "ENV =x", "ENV a=b c", "EXPOSE nothing", "EXPOSE 99999", "HEALTHCHECK SOMETIMES",
     "HEALTHCHECK --bogus=1 CMD x", "HEALTHCHECK CMD", "ONBUILD FROM x", 'LABEL a="b'],
)  # fmt: skip
async def test_changes_that_are_none(images_lab: Lab, change: str) -> None:
    with pytest.raises(LongshoreError):
        await images_lab.engine.images.import_(sliced(images.tar_of([("x", b"y", 0o644)])), reference="bad", changes=[change])
    assert await tags(images_lab) == ["app:1.0", "busybox:latest"]


async def test_what_can_not_be_imported(images_lab: Lab) -> None:
    lab = images_lab
    good = images.tar_of([("x", b"y" * 5000, 0o644)])
    for archive, reference in (
        (b"no archive" * 500, "bad"),
        (good, "Not A Name"),
        (good, f"bad@{images.digest(b'')}"),
        (good[:1500], "bad"),
    ):
        with pytest.raises(LongshoreError):
            await lab.engine.images.import_(sliced(archive), reference=reference)
    assert await tags(lab) == ["app:1.0", "busybox:latest"]
