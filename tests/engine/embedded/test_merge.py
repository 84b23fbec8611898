"""What runs: the person's configuration over the image's (moby's table)."""

from __future__ import annotations

import pytest

from engine.backends.embedded import merge
from engine.errors import InvalidArgument
from engine.model.containers import ContainerConfig
from engine.model.images import ImageConfig

Argv = tuple[str, ...]


@pytest.mark.parametrize(
    ("image_entrypoint", "image_cmd", "entrypoint", "cmd", "argv"),
    [
        (None, ("c",), None, None, ("c",)),
        (("e",), ("c",), None, None, ("e", "c")),
        (("e",), ("c",), None, ("x", "y"), ("e", "x", "y")),
        (("e",), ("c",), ("n",), None, ("n",)),
        (("e",), ("c",), ("n",), ("x",), ("n", "x")),
        (("e",), ("c",), ("",), ("x",), ("x",)),
        (("e",), ("c",), (), None, ("c",)),
        (("e",), None, None, None, ("e",)),
        (None, None, None, ("x",), ("x",)),
    ],
)
def test_entrypoint_and_command(
    image_entrypoint: Argv | None, image_cmd: Argv | None, entrypoint: Argv | None, cmd: Argv | None, argv: Argv
) -> None:
    merged = merge.merge(
        ContainerConfig(image="i", entrypoint=entrypoint, cmd=cmd), ImageConfig(entrypoint=image_entrypoint, cmd=image_cmd)
    )
    assert merge.argv(merged) == argv


@pytest.mark.parametrize("entrypoint", [None, (), ("",)])
def test_nothing_to_run(entrypoint: Argv | None) -> None:
    with pytest.raises(InvalidArgument, match="No command specified"):
        merge.argv(merge.merge(ContainerConfig(image="i", entrypoint=entrypoint), ImageConfig()))


def test_the_person_wins() -> None:
    image = ImageConfig(
        user="u",
        env=("A=1", "B=2"),
        working_dir="/w",
        labels={"a": "1", "b": "2"},
        exposed_ports=("80",),
        volumes=("/v",),
        stop_signal="INT",
    )
    given = ContainerConfig(image="i", env=("B=3", "C=4", "A"), labels={"b": "3"}, exposed_ports=("53/udp", "80/tcp"), volumes=("/x", "/v"))
    merged = merge.merge(given, image)
    assert merged.env == ("A", "B=3", "C=4")
    assert merged.labels == {"a": "1", "b": "3"}
    assert merged.exposed_ports == ("53/udp", "80/tcp")
    assert merged.volumes == ("/v", "/x")
    assert (merged.user, merged.working_dir, merged.stop_signal) == ("u", "/w", "INT")
    assert merge.merge(given.replace(user="me", working_dir="/m", stop_signal="TERM"), image).user == "me"
