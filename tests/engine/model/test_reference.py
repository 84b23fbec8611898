"""References, platforms and digests: docker's grammar, its words, and its choices."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.errors import CorruptData, InvalidArgument
from engine.model import digest, platform
from engine.model.reference import Reference, parse, parse_tagged

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "canonical", "familiar"),
    [
        ("ubuntu", "docker.io/library/ubuntu:latest", "ubuntu:latest"),
        ("hello-world:linux", "docker.io/library/hello-world:linux", "hello-world:linux"),
        ("foo/bar", "docker.io/foo/bar:latest", "foo/bar:latest"),
        ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
        ("localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest"),
        ("localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"),
        ("example.com", "docker.io/library/example.com:latest", "example.com:latest"),
        ("Foo/bar", "Foo/bar:latest", "Foo/bar:latest"),
        ("[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"),
        ("docker.io/ubuntu", "docker.io/library/ubuntu:latest", "ubuntu:latest"),
        ("index.docker.io/library/ubuntu", "docker.io/library/ubuntu:latest", "ubuntu:latest"),
        ("docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"),
        ("a__b/c--d.e", "docker.io/a__b/c--d.e:latest", "a__b/c--d.e:latest"),
        (f"x@{DIGEST}", f"docker.io/library/x@{DIGEST}", f"x@{DIGEST}"),
        (f"x:tag@{DIGEST}", f"docker.io/library/x:tag@{DIGEST}", f"x:tag@{DIGEST}"),
        ("x:" + "t" * 128, "docker.io/library/x:" + "t" * 128, "x:" + "t" * 128),
    ],
)
def test_references(text: str, canonical: str, familiar: str) -> None:
    found = parse_tagged(text)
    assert (found.canonical, found.familiar) == (canonical, familiar)
    assert parse(found.familiar) == found
    assert parse(found.canonical) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Busybox", "invalid reference format: repository name (library/Busybox) must be lowercase"),
        ("foo/Bar:tag", "invalid reference format: repository name (foo/Bar) must be lowercase"),
        ("a" * 64, f"invalid repository name ({'a' * 64}), cannot specify 64-byte hexadecimal strings"),
        ("a/" + "b" * 255, "repository name must not be longer than 255 characters"),
        (f"x@sha256:{'1' * 46}", "invalid checksum digest length"),
        (f"x@sha256:{'A' * 64}", "invalid checksum digest format"),
        (f"x@md5:{'a' * 32}", "unsupported digest algorithm"),
        *((text, "invalid reference format") for text in (
            "", " ", ":", "x:", "x:y:z", "a//b", "-x", "x-", "/x", "x/", "x:-tag", "x:" + "t" * 129, "x@sha256:12", "x\n", "x:latest\n", "http://a/b",
            "ünï", "x:täg", "a..b", "a.-b", "[::1/x", "a_/b", "x@", "..", "../x",
        )),
    ],
)  # fmt: skip
def test_malformed_references(text: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse(text)
    assert caught.value.message == words


def test_a_digest_makes_the_tag_meaningless() -> None:
    both = parse(f"x:tag@{DIGEST}")
    assert both.identifier == DIGEST
    assert both.lookup == Reference(domain="docker.io", path="library/x", digest=DIGEST)
    assert parse("x").identifier == "latest"
    assert parse("x").lookup.tag == "latest"


@hypothesis_settings(deadline=None, max_examples=60)
@given(st.from_regex(r"[a-z0-9A-Z./:@_-]{0,40}", fullmatch=True))
def test_what_parses_round_trips(text: str) -> None:
    try:
        found = parse(text)
    except InvalidArgument as error:
        assert error.message
        return
    assert parse(found.canonical) == found
    assert parse(found.familiar) == found


def test_digests() -> None:
    assert digest.valid(DIGEST)
    assert digest.valid("sha512:" + "0" * 128)
    for text in (
        "",
        "sha256:",
        "sha256:../../../etc/passwd",
        "sha256:" + "AB" * 32,
        DIGEST + "\n",
        "md5:" + "a" * 32,
        "sha256:" + "a" * 63,
    ):
        assert not digest.valid(text)
        with pytest.raises(InvalidArgument):
            digest.check(text)
    assert digest.of(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest.verify(b"", digest.of(b"")) == b""
    with pytest.raises(CorruptData, match="does not match its digest"):
        digest.verify(b"x", digest.of(b""))
    assert digest.short(DIGEST) == "ab" * 6
    assert digest.chain_ids((DIGEST, DIGEST)) == (DIGEST, digest.of(f"{DIGEST} {DIGEST}".encode()))


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("linux/x86_64", "linux/amd64"), ("linux/amd64/v1", "linux/amd64"), ("linux/amd64/v3", "linux/amd64/v3"), ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"), ("linux/arm", "linux/arm/v7"), ("linux/arm/6", "linux/arm/v6"), ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"), ("linux/i686", "linux/386"), ("macos/arm64", "darwin/arm64"), ("arm64", "linux/arm64"), ("LINUX/ARM64", "linux/arm64"),
    ],
)  # fmt: skip
def test_platforms_are_normalised(text: str, normal: str) -> None:
    assert str(platform.parse(text)) == normal


@pytest.mark.parametrize("text", ["", "/", "linux/", "a/b/c/d", "linux/am d64", "toaster"])
def test_malformed_platforms(text: str) -> None:
    with pytest.raises(InvalidArgument):
        platform.parse(text)


@pytest.mark.parametrize(
    ("wanted", "offered", "chosen"),
    [
        ("linux/amd64", ["linux/386", "linux/amd64", "linux/arm64"], "linux/amd64"),
        ("linux/amd64", ["linux/386", "linux/arm64"], "linux/386"),
        ("linux/amd64", ["linux/amd64/v3", "linux/amd64"], "linux/amd64"),
        ("linux/amd64/v3", ["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], "linux/amd64/v2"),
        ("linux/arm/v7", ["linux/arm/v5", "linux/arm/v6", "linux/arm64"], "linux/arm/v6"),
        ("linux/arm64", ["linux/arm/v7", "linux/arm64"], "linux/arm64"),
        ("linux/arm64", ["linux/arm/v7", "linux/arm/v6"], "linux/arm/v7"),
        ("linux/arm64/v9.1", ["linux/arm64", "linux/arm64/v9", "linux/arm64/v9.2"], "linux/arm64/v9"),
        ("linux/s390x", ["linux/amd64"], ""),
        ("linux/arm/v6", ["linux/arm/v7"], ""),
    ],
)
def test_which_platform_suits(wanted: str, offered: list[str], chosen: str) -> None:
    ranks = [(platform.rank(platform.parse(wanted), platform.parse(each)), each) for each in offered]
    assert min((pair for pair in ranks if pair[0] >= 0), default=(0, ""))[1] == chosen
