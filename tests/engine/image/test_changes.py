"""Dockerfile instructions as ``--change`` takes them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import InvalidArgument
from engine.image.changes import apply, over
from engine.image.shellwords import expand, split


@pytest.mark.parametrize(
    ("changes", "config"),
    [
        (["CMD"], {"Cmd": ["/bin/sh", "-c"]}),
        (["cmd []"], {"Cmd": []}),
        (["CMD ['sh']"], {"Cmd": ["/bin/sh", "-c", "['sh']"]}),
        (['ENTRYPOINT ["a","b c"]', "CMD x y"], {"Entrypoint": ["a", "b c"], "Cmd": ["/bin/sh", "-c", "x y"]}),
        (["ENV A=1 B=two\\ words", "ENV A=2"], {"Env": ["A=2", "B=two words"]}),
        (["ENV A some  text"], {"Env": ["A=some  text"]}),
        (["ENV\tA=1"], {"Env": ["A=1"]}),
        (["ENV A=1 \\\n B=2"], {"Env": ["A=1", "B=2"]}),
        (["# nothing\n\nUSER 1:2"], {"User": "1:2"}),
        (["WORKDIR a", "WORKDIR ../b", "WORKDIR /c/"], {"WorkingDir": "/c/"}),
        (["WORKDIR ../../.."], {"WorkingDir": "/"}),
        (["EXPOSE 80/TCP 1-2/udp"], {"ExposedPorts": {"80/tcp": {}, "1/udp": {}, "2/udp": {}}}),
        (["STOPSIGNAL SIGRTMIN+3"], {"StopSignal": "SIGRTMIN+3"}),
        (["STOPSIGNAL 9"], {"StopSignal": "9"}),
        (["HEALTHCHECK NONE"], {"Healthcheck": {"Test": ["NONE"]}}),
        (["HEALTHCHECK --timeout=1m CMD [\"a\"]"], {"Healthcheck": {"Test": ["CMD", "a"], "Timeout": 60_000_000_000}}),
        (["ONBUILD RUN x", "ONBUILD COPY a b"], {"OnBuild": ["RUN x", "COPY a b"]}),
        (["VOLUME [\"/a b\"] "], {"Volumes": {"/a b": {}}}),
    ],
)  # fmt: skip
def test_changes(changes: list[str], config: dict[str, Any]) -> None:
    assert apply({}, changes) == config


def test_the_config_given_stays_as_it_is() -> None:
    given = {"Env": ["A=1"], "Labels": {"a": "b"}}
    assert apply(given, ["ENV B=2", "LABEL c=d"]) == {"Env": ["A=1", "B=2"], "Labels": {"a": "b", "c": "d"}}
    assert given == {"Env": ["A=1"], "Labels": {"a": "b"}}


@pytest.mark.parametrize(
    "change",
    ["USER", "CMD [1]", "STOPSIGNAL NOPE", "STOPSIGNAL 99", "STOPSIGNAL 9 9", "VOLUME [\"\"]", "LABEL a", "LABEL =b", "EXPOSE 2-1", "EXPOSE 80/http", "HEALTHCHECK NONE x",
     "HEALTHCHECK --retries=x CMD y", "HEALTHCHECK --interval=soon CMD y", "HEALTHCHECK --interval=1us CMD y", "ENV A='open", "\x1b[2J x", "x" * 70_000],
)  # fmt: skip
def test_what_is_none(change: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        apply({}, [change])
    assert caught.value.message.isprintable()


def test_words() -> None:
    words = split("""a "b c" 'd "e' f\\ g "h\\"i" '' \\""", "\\")
    assert words == ["a", '"b c"', "'d \"e'", "f\\ g", '"h\\"i"', "''"]
    assert [expand(word, {}, "\\") for word in words] == ["a", "b c", 'd "e', "f g", 'h"i', ""]
    assert split("a`", "`") == ["a"] and split("a\\ b", "`") == ["a\\", "b"]


def test_what_is_left_empty_comes_from_the_container() -> None:
    own = {"Entrypoint": ["e"], "Cmd": ["c"], "User": "u", "Healthcheck": {"Test": ["CMD", "a"], "Interval": 5, "Retries": 2}}
    assert over(apply(own, ["ENTRYPOINT []", "USER $NOBODY"]), own) == own
    assert over(apply(own, ['CMD ["d"]']), own)["Cmd"] == ["d"]
    probe = over(apply(own, ["HEALTHCHECK --retries=7 CMD b"]), own)["Healthcheck"]
    assert probe == {"Test": ["CMD-SHELL", "b"], "Interval": 5, "Retries": 7}
