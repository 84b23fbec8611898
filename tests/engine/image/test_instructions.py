"""Dockerfile instructions that change an image's configuration."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import InvalidArgument
from engine.image.instructions import apply


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("CMD echo $HOME", {"Cmd": ["/bin/sh", "-c", "echo $HOME"]}),
        ('cmd ["a", "b c"]', {"Cmd": ["a", "b c"]}),
        ("CMD [not json", {"Cmd": ["/bin/sh", "-c", "[not json"]}),
        ('ENTRYPOINT ["e"]', {"Entrypoint": ["e"], "Cmd": None}),
        ('CMD c\nENTRYPOINT ["e"]', {"Entrypoint": ["e"], "Cmd": ["/bin/sh", "-c", "c"]}),
        ('ENV A=1 B="x y" C=z\\ w', {"Env": ["PATH=/bin", "A=1", "B=x y", "C=z w"]}),
        ("ENV OLD the rest = of it", {"Env": ["PATH=/bin", "OLD=the rest = of it"]}),
        ("ENV PATH=/new", {"Env": ["PATH=/new"]}),
        ("LABEL a=b \\\n c='d e'", {"Labels": {"a": "b", "c": "d e"}}),
        ("EXPOSE 80 81/udp 90-91", {"ExposedPorts": {"80/tcp": {}, "81/udp": {}, "90/tcp": {}, "91/tcp": {}}}),
        ("USER 1:2", {"User": "1:2"}),
        ('VOLUME ["/a b"]', {"Volumes": {"/a b": {}}}),
        ("VOLUME /a /b", {"Volumes": {"/a": {}, "/b": {}}}),
        ("WORKDIR a\nWORKDIR ../b", {"WorkingDir": "/b"}),
        ("STOPSIGNAL SIGINT", {"StopSignal": "SIGINT"}),
        ("ONBUILD RUN x", {"OnBuild": ["RUN x"]}),
        ("HEALTHCHECK NONE", {"Healthcheck": {"Test": ["NONE"]}}),
        (
            "HEALTHCHECK --interval=1m --retries=2 CMD curl x",
            {"Healthcheck": {"Test": ["CMD-SHELL", "curl x"], "Interval": 60_000_000_000, "Retries": 2}},
        ),
        ('HEALTHCHECK CMD ["a"]', {"Healthcheck": {"Test": ["CMD", "a"]}}),
        ("# nothing\n\n", {}),
    ],
)
def test_changes(text: str, changed: dict[str, Any]) -> None:
    config: dict[str, Any] = {"Cmd": ["old"], "Env": ["PATH=/bin"]}
    wanted = {key: value for key, value in {**config, **changed}.items() if value is not None}
    apply(config, text)
    assert config == wanted


@pytest.mark.parametrize(
    "text",
    [
        "RUN x", "FROM y", "COPY a b", "bogus", "CMD", "ENV", "ENV A", "ENV A=1 B", "ENV =1", "LABEL a", "EXPOSE x", "EXPOSE 0", "EXPOSE 70000",
        "EXPOSE 2-1", "EXPOSE 1/bogus", "USER a b", 'VOLUME [""]', "ENV A='open", "ONBUILD FROM x", "HEALTHCHECK x", "HEALTHCHECK --bogus=1 CMD x",
        "HEALTHCHECK --interval=x CMD y",
    ],
)  # fmt: skip
def test_refusals(text: str) -> None:
    with pytest.raises(InvalidArgument):
        apply({}, text)
